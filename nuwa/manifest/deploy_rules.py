"""Consistency rules between `[deploy]` and other sections."""

from __future__ import annotations

from collections.abc import Iterator

from nuwa.manifest.finding import Finding, Given
from nuwa.manifest.model import App
from nuwa.manifest.positions import Path


def _standby(app: App, _: Given) -> Iterator[Finding]:
    """Standby: no volume is exclusive, since a paused release keeps its volumes in use, and the server is not
    mod_wsgi."""
    path: Path = ("deploy", "standby")
    for index, volume in enumerate(app.volume):
        if app.deploy.standby and volume.policy == "exclusive":
            text = f"the volume {volume.name} is exclusive: a release on standby would keep it in use"
            yield Finding(
                (path, ("volume", index, "policy")), text, 'remove standby, or set policy = "shared"'
            )
    if app.deploy.standby and app.server.kind == "mod_wsgi":
        text = "a release served by mod_wsgi cannot be on standby: it would take the pause for a hang"
        yield Finding((path, ("server", "kind")), text, 'remove standby, or set kind = "gunicorn"')


def _secret_sources(app: App, _: Given) -> Iterator[Finding]:
    """Sources of secrets: `group` is one of `[[deploy.group]]`, `identity` is for age, and `names` holds
    secrets of the app."""
    known = {*app.supplied_secrets, *app.env.generated, *((app.backup.passphrase,) if app.backup else ())}
    for index, source in enumerate(app.deploy.secrets):
        path: Path = ("deploy", "secrets", index)
        if source.group and source.group not in [group.name for group in app.deploy.group]:
            text = f"there is no group {source.group!r}"
            yield Finding(
                ((*path, "group"), ("deploy", "group")), text, "add a [[deploy.group]], or remove it"
            )
        if source.identity and source.kind != "age":
            text = f"identity has no effect with {source.kind}"
            yield Finding(((*path, "identity"), (*path, "kind")), text, "remove it")
        for name in source.names:
            if name not in known:
                finding = f"{name} is not a secret of the app", "add it to env.secrets"
                yield Finding(((*path, "names", name), ("env", "secrets")), *finding)


RULES = (_standby, _secret_sources)
