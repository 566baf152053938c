"""The renderer's commands about an app on a host: its files, and the arguments of `podman run`.

Only these commands need the manifest and templates; `nuwa.render.__main__` has the others.
"""

from __future__ import annotations

import dataclasses
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from nuwa.manifest.model import App, from_json
from nuwa.names import PROJECT
from nuwa.quoting import CannotQuote
from nuwa.render import facts as host_facts
from nuwa.render.container import hook_run, once_run, rehearsal_run, warnings
from nuwa.render.facts import Facts, FactsError
from nuwa.render.render import Plan, render
from nuwa.render.site_view import site_warnings
from nuwa.templating import MODULES, Sources, compiled

PLAN = "PLAN"
WARNINGS = "WARNINGS"
WORDS = {"release": hook_run, "rehearse": rehearsal_run, "once": once_run}
"""Commands that print arguments of `podman run` instead of files."""
WARNED = {"run": warnings, "install": site_warnings}
"""Warnings about what this host cannot do, by the command that prints them."""


def answer(what: str) -> None:
    """Print a tar with the files of one of the `PLANS`, or one of the `WORDS`; read facts on standard input.

    Raises:
        FactsError: a fact is missing or wrong.
        CannotQuote: a target language cannot represent a value.
    """
    if what in WORDS:
        _print_words(what)
    else:
        _render(what)


def _render(what: str) -> None:
    app, templates = _contents(Path(sys.argv[0]))
    facts = host_facts.read(sys.stdin.read())
    plan = render(what, app, _with_own_lines(app, facts), templates)
    for warning in _warnings(what, app, facts):
        sys.stderr.write(f"warning: {warning}\n")
    sys.stdout.buffer.write(pack(plan))


def _with_own_lines(app: App, facts: Facts) -> Facts:
    if not app.site.include:
        return facts
    return dataclasses.replace(facts, own_lines=_own_lines(Path(PROJECT, app.site.include)))


def _own_lines(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FactsError(f"site.include: {path} cannot be read in the image: {error}") from None


def _print_words(what: str) -> None:
    app, _ = _contents(Path(sys.argv[0]))
    sys.stdout.write(_words(what, app, host_facts.read(sys.stdin.read())))


def _words(what: str, app: App, facts: Facts) -> str:
    return "".join(f"{word}\0" for word in WORDS[what](app, facts))


def plans(*whats: str) -> None:
    """Print a tar with one file per command, which contains the command's output.

    The scripts compare and keep each file by itself, so only the site is given the certificate. If a command
    fails, `NAME.error` contains the reason instead.
    """
    app, templates = _contents(Path(sys.argv[0]))
    facts = host_facts.read(sys.stdin.read())
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for what in whats:
            known = facts if what == "install" else dataclasses.replace(facts, tls=None)
            try:
                _add(archive, what, _answer(what, app, known, templates), 0o600)
            except (FactsError, CannotQuote) as error:
                _add(archive, f"{what}.error", f"render: {error}\n".encode(), 0o600)
    sys.stdout.buffer.write(made.getvalue())


def _answer(what: str, app: App, facts: Facts, templates: Sources) -> bytes:
    if what in WORDS:
        return _words(what, app, facts).encode()
    told = _warnings(what, app, facts)
    return pack(render(what, app, _with_own_lines(app, facts), templates), told)


def _warnings(what: str, app: App, facts: Facts) -> list[str]:
    return WARNED[what](app, facts) if what in WARNED else []


def _contents(archive: Path) -> tuple[App, Sources]:
    """The manifest and the templates of the zipapp that this code is in."""
    with zipfile.ZipFile(archive) as opened:
        app = from_json(App, json.loads(opened.read("manifest.json")))
    return app, compiled(f"{archive}/{MODULES}")


def pack(plan: Plan, told: Sequence[str] = ()) -> bytes:
    """A tar: `PLAN` first, then `WARNINGS` if there are any, then each file under its path from `/` on."""
    made = io.BytesIO()
    lines = [f"{file.group}\t{file.mode:04o}\t{path}\n" for path, file in plan.items()]
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, PLAN, "".join(lines).encode(), 0o644)
        if told:
            _add(archive, WARNINGS, "".join(f"{warning}\n" for warning in told).encode(), 0o644)
        for path, file in plan.items():
            _add(archive, path.lstrip("/"), file.content.encode(), file.mode)
    return made.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = mode
    archive.addfile(entry, io.BytesIO(content))
