"""The Setup label: the scripts of `bin/`, rendered for one app, inside one bash script that writes them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import lzma
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from nuwa import names
from nuwa.errors import BuildError
from nuwa.manifest import cdn, checks
from nuwa.manifest.data import Backup
from nuwa.manifest.model import App
from nuwa.render import container, distributions, facts, locations, zipapp
from nuwa.resources import BIN_TEMPLATES
from nuwa.templating import render

MAX_LABEL_BYTES = 96 * 1024
"""Bytes: a label must stay below. Linux limits an argument to 128 KiB, and `bash -c` gets it as one."""

LIBRARY = "lib"
"""The folder below `bin/` for what scripts source, and for what systemd, cron and monit call."""

_FOLDERS = {"commands": "", "entrypoints": LIBRARY, "lib": LIBRARY}
"""The folders of `bin-templates` that a deployment gets, and where below its `bin/`."""
_SOURCED = "lib"
_SETUP = "label/setup"
_HEAD = "label/head.j2"
_LABEL = "label/label.j2"
_APP = "app"
_XZ = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "pb": 0}
"""For text, whose bytes have no alignment: `pb` is 0."""

_FIXED_FACTS = {
    "app_id": names.APP_ID,
    "app_env": f"{names.LIB}/app-env",
    "facts_schema": facts.SCHEMA,
    "network_options": names.NETWORK_OPTIONS,
    "slots": names.SLOTS,
    "reserved": sorted(names.RESERVED_VARIABLES),
    "port": names.PORT,
    "no_labels": [
        f"--label={name}=" for name in (names.LABEL_MANIFEST, names.LABEL_RUN_SETUP, names.LABEL_SETUP)
    ],
    "renderer": (f"{names.LIB}/python", f"{names.LIB}/render.pyz"),
    "aliases": distributions.ALIASES,
    "distributions": distributions.DISTRIBUTIONS,
}
"""What `bin/lib/app` contains for every app."""

MARK = "\x1e"
"""Begins the line before each packed file's content; the file's mode and path follow."""


def setup_script(app: App) -> str:
    """The value of the Setup label: one line of bash that writes `bin/`. The same app gives the same bytes.

    Raises:
        BuildError: it would be too long for a label.
    """
    label = framed(app.name, _archive(bin_files(app)))
    if len(label.encode()) >= MAX_LABEL_BYTES:
        raise BuildError(
            f"the Setup label has {len(label.encode())} bytes; it must stay below {MAX_LABEL_BYTES}",
            hint="Shorten the lists in nuwa.toml: domains, volumes, secrets.",
        )
    return label


def framed(app: str, archive: bytes) -> str:
    """The label around an archive of `bin/`.

    Args:
        app: the app's name.
        archive: the files of `bin/`, packed.
    """
    inner = _unpacking_script(app, archive)
    lines = render(
        str(BIN_TEMPLATES),
        _LABEL,
        app=app,
        sha256=hashlib.sha256(inner.encode()).hexdigest(),
        packed=base64.b64encode(_gzip(inner.encode())).decode(),
        payload=base64.b64encode(archive).decode(),
    )
    return " ".join(lines.splitlines())


def _unpacking_script(app: str, archive: bytes) -> str:
    """`bin-templates/label/setup`, with the checksum of the archive of `bin/`."""
    head = render(
        str(BIN_TEMPLATES),
        _HEAD,
        app=app,
        sha256=hashlib.sha256(archive).hexdigest(),
    )
    shebang, body = _lean((BIN_TEMPLATES / _SETUP).read_text()).split("\n", 1)
    return f"{shebang}\n{head}{body}"


def run_setup() -> str:
    """The value of the RunSetup label: the command line that runs Setup of the image that BID names.

    It contains no double quote and no backslash, so that it can be copied from what `podman inspect` prints,
    and no dollar sign, which podman 5 would expand in a label.
    """
    otherwise = "echo this image has no Setup label >&2; exit 1"
    template = f"{{{{with .Config.Labels.Setup}}}}{{{{.}}}}{{{{else}}}}{otherwise}{{{{end}}}}"
    return (
        "(set -o pipefail; printenv BID >/dev/null || echo BID is not set: export BID=IMAGE >&2; "
        f"podman image inspect -f '{template}' `printenv BID` | bash)"
    )


def run_kubernetes() -> str:
    """The value of the RunKubernetes label: prints the Kubernetes objects of the image that BID names.

    Options such as `--domain www.example.com` can be appended. Like RunSetup, it contains no double quote,
    backslash or dollar sign.
    """
    digest = "{{with .RepoDigests}}{{index . 0}}{{end}}"
    run = "podman run --rm --no-healthcheck --network none --entrypoint"
    return (
        f"podman image inspect -f '--image={digest}' `printenv BID` | "
        f"xargs {run} {names.LIB}/kubernetes `printenv BID`"
    )


def bin_files(app: App) -> dict[str, str]:
    """What Setup writes into `bin/`: content by path below it."""
    folder = str(BIN_TEMPLATES / _SOURCED)
    sourced = _sourced()
    files = {name: _lean(path.read_text(), head=name not in sourced) for name, path in _scripts().items()}
    files[f"{LIBRARY}/{_APP}"] = render(folder, f"{_APP}.j2", app=app, **_facts(app))
    return dict(sorted(files.items()))


def _scripts() -> dict[str, Path]:
    """The scripts of a deployment by their path below `bin/`."""
    return {
        str(PurePosixPath(place, path.name)): path
        for folder, place in _FOLDERS.items()
        for path in (BIN_TEMPLATES / folder).iterdir()
        if path.suffix != ".j2"
    }


def _sourced() -> set[str]:
    """Files that scripts source and that are never run, by path below `bin/`."""
    return {f"{LIBRARY}/{path.stem}" for path in (BIN_TEMPLATES / _SOURCED).iterdir()}


_HEREDOC = re.compile(r"(?<!<)<<-?\s*(?P<quote>['\"]?)(?P<end>\w+)(?P=quote)")


def _lean(script: str, *, head: bool = True) -> str:
    """A script without comments on lines of their own; with `head`, the first paragraph of its head stays.

    A label has room for the scripts of a deployment, but not for all of their comments. Lines of a
    here-document are kept, even if they look like comments.
    """
    shebang, *lines = script.splitlines(keepends=True)
    kept, in_head, end = [shebang], head, ""
    for line in lines:
        comment = line.lstrip().startswith("#")
        in_head = in_head and line.startswith("#") and line != "#\n" and not line.startswith("# shellcheck ")
        if in_head or end or not comment:
            kept.append(line)
        if end:
            end = "" if line.strip() == end else end
        elif not comment and (begun := _HEREDOC.search(line)):
            end = begun["end"]
    return "".join(kept)


def _facts(app: App) -> dict[str, object]:
    """What the template of `bin/lib/app` is rendered with."""
    return {
        **_FIXED_FACTS,
        **_volume_facts(app),
        "static": f"{names.PROJECT}/{app.static.directory}" if app.static else "",
        "secrets": app.supplied_secrets,
        "sqlite": app.sqlite_file,
        "service_variables": [*_service_variables(app), *_host_port_variables(app)],
        "named_commands": [
            f"{name}\t{'yes' if command.arguments else 'no'}\t{command.help}"
            for name, command in app.command.items()
        ],
        "guarded": _guarded(app),
        "limit_sending": container.limit_sending(app),
        "proxy_lists": _proxy_lists(app),
        "backup": app.backup or Backup(repository=""),
        "start_seconds": container.start_timeout(app),
        "scripts_sha256": hashlib.sha256(zipapp.scripts()).hexdigest(),
    }


def _volume_facts(app: App) -> dict[str, object]:
    return {
        "exclusive": [volume.name for volume in app.volume if volume.policy == "exclusive"],
        "served": [volume.name for volume in app.volume if volume.url],
        "sizes": [f"{volume.name}={volume.size}" for volume in app.volume if volume.size is not None],
        "read_only": [volume.name for volume in app.volume if volume.policy == "read-only"],
        "archived": [volume.name for volume in app.volume if volume.backup],
    }


def _service_variables(app: App) -> Iterator[str]:
    for service in app.service:
        for name, part in service.env.items():
            yield f"{service.name}\t{name}\t{checks.service_text(part)}"


def _host_port_variables(app: App) -> Iterator[str]:
    for host_port in app.host_port:
        for name, text in host_port.variables.items():
            yield f"{host_port.way}\t{name}\t{text}"


def _proxy_lists(app: App) -> list[str]:
    """The URLs of the address lists of each CDN that the site trusts."""
    known = [name for name in app.site.trusted_proxies if name in cdn.CDNS]
    return [f"{name}\t{source}" for name in known for source in cdn.CDNS[name].sources]


def _guarded(app: App) -> str:
    """Status codes with which nginx may refuse a health check, due to access protection or a rate limit."""
    found = locations.settings(app, app.health.path)
    return " ".join((*(["401 403"] if found.protect else []), *(["429"] if found.limit else [])))


def _archive(files: dict[str, str]) -> bytes:
    """The files as text, packed with xz: an eighth smaller than with gzip, a thirtieth smaller than as a tar.

    Large files come first, since small ones mostly repeat parts of them.

    Raises:
        BuildError: a file contains `MARK`, which would begin the next file.
    """
    sourced, text = _sourced(), ""
    for name, content in sorted(files.items(), key=lambda file: (-len(file[1]), file[0])):
        if MARK in content:
            raise BuildError(
                f"bin/{name} would hold a control character ({MARK!r})", hint="Take it out of nuwa.toml."
            )
        text += f"{MARK}{'644' if name in sourced else '755'} bin/{name}\n{content}"
    return lzma.compress(text.encode(), check=lzma.CHECK_CRC32, filters=[_XZ])


def _gzip(content: bytes) -> bytes:
    """Compressed, without a name or a time."""
    made = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=made, mtime=0, compresslevel=9) as packed:
        packed.write(content)
    return made.getvalue()
