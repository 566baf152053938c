"""The renderer inside an image: facts as JSON on standard input, a tar of host files on standard output.

`render.pyz run` and `render.pyz install` do that. `render.pyz plans WHAT…` answers several such questions at
once: see `_plans`. `render.pyz release` prints the words behind `podman run`
for the release hook, a NUL after each; none where there is no hook. `render.pyz rehearse` does so for the
rehearsal of an archive, and `render.pyz once` for a one-off command, whose own words follow.
`render.pyz domains` reads a JSON list of domains and prints each in its canonical spelling, one per line.
`render.pyz maintenance` reads JSON with a message and addresses and prints the page of bin/maintenance.
`render.pyz ranges` reads what a CDN publishes and prints a JSON list of its ranges of addresses.
`render.pyz scripts` prints a tar of the parts of bin scripts that the Setup label has no room for.
`render.pyz static FOLDER`
prints a tar of static files. `render.pyz compare`, `sqlite-dump`, `sqlite-restore` and `sums` work in
volumes, whose folders follow: see `nuwa/render/volumes.py`. `render.pyz archive-entries`, with
`borg` or `restic` behind it, reads that program's list of an archive; it prints bytes, number of entries and
the folders at the top, one per line; or `refused`, the entry and why. `render.pyz certbot-advice CHALLENGE
SERVER FOLDER LOG` reads what certbot printed of a failure: see `certbot_advice.as_lines`.
`render.pyz files-with-name NAME` reads what `nginx -T` prints, and prints the files that have a site of the
name. `render.pyz reach HOST PORT SECONDS` connects; where that fails, it prints why.
"""

from __future__ import annotations

import dataclasses
import inspect
import io
import json
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from nuwa.manifest import cdn
from nuwa.manifest.model import App, from_json
from nuwa.names import PROJECT
from nuwa.quoting import CannotQuote
from nuwa.render import archive_entries, certbot_advice, maintenance, reach, server_names, static, volumes
from nuwa.render import facts as host_facts
from nuwa.render.beneath import CHUNK_BYTES
from nuwa.render.container import hook_run, once_run, rehearsal_run, warnings
from nuwa.render.facts import Facts, FactsError
from nuwa.render.render import PLANS, Plan, render
from nuwa.render.site_view import site_warnings

PLAN = "PLAN"
WARNINGS = "WARNINGS"
WORDS = {"release": hook_run, "rehearse": rehearsal_run, "once": once_run}
"""What is not a file, but the words behind `podman run`."""
WARNED = {"run": warnings, "install": site_warnings}
"""What this host cannot do, by what is rendered."""


def main() -> None:
    """Exit codes: 0 done, 1 the facts or the manifest do not allow it (one line says why), 2 wrong usage."""
    what, words = (sys.argv[1], sys.argv[2:]) if sys.argv[1:] else ("", [])
    if what in volumes.COMMANDS:
        volumes.main(what, words)
        return
    command = COMMANDS.get(what)
    if command is None or not _takes(command, words):
        print(f"usage: render.pyz {'|'.join((*COMMANDS, *volumes.COMMANDS))}", file=sys.stderr)
        sys.exit(2)
    try:
        command(*words)
    except (FactsError, CannotQuote) as error:
        sys.exit(f"render: {error}")


def _takes(command: Callable[..., None], words: Sequence[str]) -> bool:
    try:
        inspect.signature(command).bind(*words)
    except TypeError:
        return False
    return True


def _domains() -> None:
    print("\n".join(host_facts.domains(sys.stdin.read())))


def _certbot_advice(challenge: str, server: str, folder: str, log: str) -> None:
    output = sys.stdin.buffer.read().decode(errors="replace")
    advice = certbot_advice.advise(output, challenge, server, folder, log, now=time.time())
    print("\n".join(certbot_advice.as_lines(advice)))


def _files_with_name(name: str) -> None:
    dump = sys.stdin.buffer.read().decode(errors="replace")
    print("\n".join(server_names.files_with(dump, name)))


def _reach(host: str, port: str, seconds: str) -> None:
    try:
        reach.connect(host, int(port), float(seconds))
    except OSError as error:
        sys.exit(str(error))


def _maintenance() -> None:
    print(maintenance.answer(sys.stdin.read()))


def _ranges() -> None:
    try:
        print(json.dumps(cdn.published(sys.stdin.read())))
    except ValueError as error:
        raise FactsError(f"this is not a list of a CDN's addresses: {error}") from None


def _archive_entries(program: str = "borg") -> None:
    if program not in _LIST_READERS:
        raise FactsError(f"archives are made by {' or '.join(_LIST_READERS)}, not by {program}")
    sys.stdout.buffer.writelines(_judged(_LIST_READERS[program](sys.stdin.buffer)))


def _judged(entries: Iterator[archive_entries.Entry]) -> Iterator[bytes]:
    try:
        found = archive_entries.judge(entries)
    except archive_entries.RefusedError as error:
        yield f"refused {error}\n".encode()
        # the writer of the list is not cut off: that would look like a fault of its own
        while sys.stdin.buffer.read(CHUNK_BYTES):
            pass
        return
    yield f"{found.size}\n{found.entries}\n".encode()
    yield from (top + b"\n" for top in found.tops)


def _static(folder: str) -> None:
    static.pack(Path(folder), sys.stdout.buffer)


def _scripts() -> None:
    with zipfile.ZipFile(sys.argv[0]) as archive:
        sys.stdout.buffer.write(archive.read("scripts.tar"))


def _render(what: str) -> None:
    app, templates = _contents(Path(sys.argv[0]))
    facts = host_facts.read(sys.stdin.read())
    plan = render(what, app, _with_own_lines(app, facts), templates)
    for warning in _warnings(what, app, facts):
        print(f"warning: {warning}", file=sys.stderr)
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


def _plans(*whats: str) -> None:
    """Prints a tar with a file for each of several questions: what the command of that name prints.

    The scripts keep each by itself, so what has nothing to do with the certificate is told nothing of it.
    Where one cannot be answered, `NAME.error` holds the reason instead.
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


def _answer(what: str, app: App, facts: Facts, templates: dict[str, str]) -> bytes:
    if what in WORDS:
        return _words(what, app, facts).encode()
    told = _warnings(what, app, facts)
    return pack(render(what, app, _with_own_lines(app, facts), templates), told)


def _warnings(what: str, app: App, facts: Facts) -> list[str]:
    return WARNED[what](app, facts) if what in WARNED else []


def _contents(archive: Path) -> tuple[App, dict[str, str]]:
    """The manifest and the templates that are in the zipapp next to this code."""
    with zipfile.ZipFile(archive) as opened:
        app = from_json(App, json.loads(opened.read("manifest.json")))
        prefix = "templates/"
        names = [name for name in opened.namelist() if name.startswith(prefix)]
        return app, {name[len(prefix) :]: opened.read(name).decode() for name in names}


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


_LIST_READERS = {"borg": archive_entries.read, "restic": archive_entries.read_restic}
COMMANDS: dict[str, Callable[..., None]] = {
    **{what: partial(_render, what) for what in PLANS},
    **{what: partial(_print_words, what) for what in WORDS},
    "archive-entries": _archive_entries,
    "certbot-advice": _certbot_advice,
    "domains": _domains,
    "files-with-name": _files_with_name,
    "maintenance": _maintenance,
    "plans": _plans,
    "ranges": _ranges,
    "reach": _reach,
    "scripts": _scripts,
    "static": _static,
}
"""By name; each takes the words that follow. Those that work in volumes are `volumes.COMMANDS`."""
