"""`nuwa app`: the scripts in bin/ of a deployment, run on its hosts."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuwa.cli import shared
from nuwa.cli.deploy import Project
from nuwa.errors import NuwaError, UsageError

if TYPE_CHECKING:
    from nuwa.process import Result
    from nuwa.remote.ssh import Connection
    from nuwa.remote.target import Target

app = shared.new_app()
_WITH_JSON = ("status",)
"""Scripts that print JSON themselves, and take --json."""
_UNREACHABLE = 255
"""Exit code for an unreachable host: ssh's own."""


@shared.command(app, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def run(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="SCRIPT [ARGUMENT]…", help="The script, with its arguments.", show_default=False
        ),
    ],
    on: Annotated[
        list[str] | None,
        typer.Option(
            "--on",
            metavar="TARGET",
            help="[USER@]HOST[:/FOLDER], or a group in nuwa.toml.",
            show_default=False,
        ),
    ] = None,
    project: Project = Path(),
) -> None:
    """Run a script of bin/ where the app is deployed: nuwa app status, nuwa app logs -f, nuwa app shell.

    The script has this terminal, and the command exits with its exit code. Without --on, it runs on
    deploy.hosts of nuwa.toml. With --json before the script's name, the results of all hosts are printed as
    one object.
    """
    script, arguments = words[0], words[1:]
    if not re.fullmatch(r"[a-z][a-z_-]*", script):
        raise UsageError(f"{script!r} is not a script in bin/", hint="nuwa app status")
    targets = _targets(on or [], project)
    if script == "secret" and arguments[:1] == ["import"]:
        _import_secrets(targets, arguments, project)
    if script in _WITH_JSON and "--json" in arguments:
        shared.settings.json = True
        arguments = [word for word in arguments if word != "--json"]
    if shared.settings.json:
        _merged(targets, script, arguments)
    else:
        _one_by_one(targets, script, arguments)


def _targets(words: Sequence[str], project: Path) -> list[Target]:
    from nuwa.manifest import load
    from nuwa.remote import target

    if words and all(":/" in word for word in words) and not (project / load.NAME).exists():
        return [target.parse(word) for word in words]
    return target.choose(shared.load_app(project), words)


def command(target: Target, script: str, arguments: Sequence[str]) -> str:
    """What a shell there runs: the script in its folder, or a message with the names of the existing ones."""
    folder, file = shlex.quote(target.directory), f"bin/{script}"
    absent = f"no bin/{script} in {target.directory} on {target.destination}. Available:"
    return (
        f"cd {folder} && if [ -x {file} ]; then exec {shlex.join([file, *arguments])}; "
        f"else echo {shlex.quote(absent)} $(cd bin && ls -p | grep '^[a-z_-]*$') >&2; exit 2; fi"
    )


def _one_by_one(targets: Sequence[Target], script: str, arguments: Sequence[str]) -> None:
    from nuwa.remote.ssh import connect

    several = len(targets) > 1
    fed = sys.stdin.buffer.read() if several and not sys.stdin.isatty() else b""
    worst = 0
    for target in targets:
        if several:
            print(f"{target}:", flush=True)
        try:
            with connect(target) as connection:
                line = command(target, script, arguments)
                code = _shown(connection.capture(line, fed)) if fed else connection.interactive(line)
        except NuwaError as error:
            if not several:
                raise
            print(f"Error: {error}", file=sys.stderr, flush=True)
            code = _UNREACHABLE
        worst = worst or code
    raise typer.Exit(worst)


def _import_secrets(targets: Sequence[Target], arguments: Sequence[str], project: Path) -> None:
    """Read the secrets here, from the sources of nuwa.toml, and send each host those of its group.

    Without sources, bin/secret import reads this command's standard input, as any script does.
    """
    from nuwa.remote import secret_sources
    from nuwa.remote.ssh import connect

    made = shared.load_app(project) if (project / "nuwa.toml").exists() else None
    if made is None or not made.deploy.secrets:
        return
    names = (*made.supplied_secrets, *made.env.generated, *((made.backup.passphrase,) if made.backup else ()))
    values = {
        group: secret_sources.find(made, group, names, project) for group in {one.group for one in targets}
    }
    worst = 0
    for target in targets:
        print(f"{target}:", flush=True)
        with connect(target) as connection:
            fed = json.dumps(values[target.group]).encode()
            code = _shown(connection.capture(command(target, "secret", arguments), fed))
        worst = worst or code
    raise typer.Exit(worst)


def _shown(result: Result) -> int:
    print(result.stdout, end="")
    print(result.stderr, end="", file=sys.stderr)
    return result.code


def _merged(targets: Sequence[Target], script: str, arguments: Sequence[str]) -> None:
    from nuwa.remote.ssh import connect

    words = [*arguments, *(["--json"] if script in _WITH_JSON else [])]
    fed = b"" if sys.stdin.isatty() else sys.stdin.buffer.read()
    answers: dict[str, dict[str, object]] = {}
    for target in targets:
        try:
            with connect(target) as connection:
                answers[str(target)] = _answer(connection, command(target, script, words), fed)
        except NuwaError as error:
            answers[str(target)] = {"code": _UNREACHABLE, "output": "", "messages": str(error)}
    codes = [int(str(answer["code"])) for answer in answers.values()]
    shared.progress().result({"ok": not any(codes), "hosts": answers})
    raise typer.Exit(next((code for code in codes if code), 0))


def _answer(connection: Connection, line: str, fed: bytes) -> dict[str, object]:
    result = connection.capture(line, fed)
    try:
        output: object = json.loads(result.stdout)
    except ValueError:
        output = result.stdout
    return {"code": result.code, "output": output, "messages": result.stderr}
