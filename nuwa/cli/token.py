"""`nuwa token`: who may use the dashboard and its API, and for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nuwa.cli import host_services, shared, terminal
from nuwa.humanize import age

if TYPE_CHECKING:
    from nuwa.access.token_file import TokenFile

app = shared.new_app(help="Tokens for the dashboard and its API: one for each person or script, with rights.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the token.", show_default=False)]


@shared.command(app)
def add(
    name: Name,
    right: Annotated[
        Literal["see", "operate", "configure"],
        typer.Option(
            help="see: read only; operate: also start, stop, restart, run commands; configure: everything."
        ),
    ] = "see",
    apps: Annotated[
        list[str] | None,
        typer.Option("--app", help="Limit operate to this service; may be repeated.", show_default=False),
    ] = None,
) -> None:
    """Create a token, and print it once: only its digest is kept."""
    from nuwa.errors import UsageError

    chosen = tuple(dict.fromkeys(apps or ()))
    if chosen and right != "operate":
        raise UsageError(f"--app cannot limit the right to {right}", hint="Use it with --right operate.")
    progress = shared.progress()
    if unknown := sorted(set(chosen) - set(host_services.names())):
        progress.note(f"There is no service {' or '.join(unknown)} on this host yet.")
    made = _file().add(name, right, chosen)
    host_services.record("add token", name)
    result = {"name": name, "right": right, "apps": list(chosen), "token": made}
    progress.result(result, made)


@shared.command(app, name="list")
def list_() -> None:
    """Show every token with its rights."""
    from nuwa.access import rights
    from nuwa.access.token_file import stored
    from nuwa.agent.paths import host_paths

    paths = host_paths()
    items: list[dict[str, Any]] = []
    if _is_set(paths.token):
        items.append(
            {"name": rights.HOST, "right": "configure", "apps": [], "created": None, "second_factor": False}
        )
    for token in stored(paths.tokens).values():
        items.append(
            {
                "name": token.name,
                "right": token.right,
                "apps": list(token.apps),
                "created": token.created,
                "second_factor": bool(token.totp),
            }
        )
    rows = [
        (
            terminal.paint(item["name"], "bold"),
            item["right"],
            " ".join(item["apps"]) or "all",
            "yes" if item["second_factor"] else "",
            age(item["created"]) if item["created"] else str(paths.token),
        )
        for item in items
    ]
    head = ("NAME", "RIGHT", "SERVICES", "CODE", "AGE")
    shared.progress().result({"tokens": items}, terminal.table(head, rows))


@shared.command(app)
def remove(name: Name) -> None:
    """Revoke a token: it is refused at once, and all its sessions end.

    `host` is the token in /etc/nuwa/token.
    """
    from nuwa import files
    from nuwa.access import rights
    from nuwa.agent.paths import host_paths
    from nuwa.errors import UsageError

    token = host_paths().token
    if name == rights.HOST:
        if not _is_set(token):
            raise UsageError(f"{token} is already empty")
        files.write(token, "", mode=0o640, group=token.stat().st_gid)
    else:
        _file().remove(name)
    host_services.record("remove token", name)
    shared.progress().result({"name": name}, f"The token {name} was revoked.")


@shared.command(app)
def totp(
    name: Name,
    off: Annotated[bool, typer.Option("--off", help="Remove the second factor.")] = False,
) -> None:
    """Give a token a second factor: logging in to the dashboard then also requires a code from an app (TOTP).

    The command shows a QR code for the app and recovery codes, and asks for a code before the second factor
    takes effect; with --json it does not ask. The token is then refused in a header, so scripts need a token
    of their own. Its sessions end.
    """
    import socket

    from nuwa.access import second_factor

    file = _file()
    if off:
        file.update(name, totp="", recovery=())
        host_services.record("remove second factor", name)
        shared.progress().result({"name": name}, f"The token {name} no longer needs a code.")
        return
    secret, codes = _enrolment(name)
    uri = second_factor.uri(secret, name, socket.gethostname())
    if not shared.settings.json:
        print(_qr(uri))
        print(f"\n{uri}\n\nRecovery codes; each works once. Store them separately from the device:")
        print("\n".join(f"  {code}" for code in codes))
        _confirm(secret)
    file.update(name, totp=secret, recovery=tuple(map(second_factor.digest_of, codes)))
    host_services.record("add second factor", name)
    result = {"name": name, "uri": uri, "recovery_codes": codes}
    shared.progress().result(result, f"\nFrom now on, {name} needs the token and a code to log in.")


def _enrolment(name: str) -> tuple[str, list[str]]:
    """A new secret and recovery codes for a token.

    Raises:
        UsageError: the token cannot have one.
    """
    from nuwa.access import rights, second_factor
    from nuwa.access.token_file import stored
    from nuwa.agent.paths import host_paths
    from nuwa.errors import UsageError

    if name == rights.HOST:
        hint = "Create one with a name: nuwa token add NAME --right configure; then nuwa token remove host"
        raise UsageError("the token in /etc/nuwa/token cannot have a second factor", hint=hint)
    if name not in stored(host_paths().tokens):
        raise UsageError(f"there is no token {name!r}", hint="nuwa token list shows them")
    return second_factor.new_secret(), second_factor.new_recovery_codes()


def _qr(uri: str) -> str:
    """A QR code for a terminal."""
    import io

    import segno

    drawn = io.StringIO()
    segno.make(uri, micro=False).terminal(drawn, border=2, compact=True)
    return drawn.getvalue()


def _confirm(secret: str) -> None:
    """Ask for a code, to check that the app has the secret.

    Raises:
        UsageError: it is wrong; nothing was changed.
    """
    import time

    from nuwa.access import second_factor
    from nuwa.errors import UsageError

    try:
        code = input("\nCode that the app shows now: ")
    except EOFError:
        code = ""
    if second_factor.step_of(secret, code, time.time()) is None:
        hint = "Nothing was changed. Check the clock of the device and try again."
        raise UsageError("the code is wrong", hint=hint)


def _is_set(path: Any) -> bool:
    try:
        return bool(path.read_text().strip())
    except FileNotFoundError:
        return False


def _file() -> TokenFile:
    """The host's file of tokens, which only root may change.

    Raises:
        NuwaError: this user may not change it.
    """
    import os

    from nuwa.access.token_file import TokenFile
    from nuwa.agent.paths import host_paths
    from nuwa.errors import NuwaError

    paths = host_paths()
    if not os.access(paths.folder, os.W_OK):
        what = "cannot be changed by this user" if paths.folder.is_dir() else "does not exist"
        raise NuwaError(f"{paths.folder} {what}", hint="Run it with sudo, or see nuwa host check.")
    return TokenFile(paths.tokens, paths.locks / ".tokens", like=paths.token)
