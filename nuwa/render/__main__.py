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
import io
import json
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator, Sequence
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
    what = sys.argv[1] if len(sys.argv) == 2 else ""
    if sys.argv[1:2] and sys.argv[1] in volumes.COMMANDS:
        volumes.main(sys.argv[1], sys.argv[2:])
        return
    try:
        if sys.argv[1:2] == ["static"] and len(sys.argv) == 3:
            static.pack(Path(sys.argv[2]), sys.stdout.buffer)
        elif what == "domains":
            print("\n".join(host_facts.domains(sys.stdin.read())))
        elif sys.argv[1:2] == ["certbot-advice"] and len(sys.argv) == 6:
            output = sys.stdin.buffer.read().decode(errors="replace")
            challenge, server, folder, log = sys.argv[2:]
            advice = certbot_advice.advise(output, challenge, server, folder, log, now=time.time())
            print("\n".join(certbot_advice.as_lines(advice)))
        elif sys.argv[1:2] == ["files-with-name"] and len(sys.argv) == 3:
            dump = sys.stdin.buffer.read().decode(errors="replace")
            print("\n".join(server_names.files_with(dump, sys.argv[2])))
        elif sys.argv[1:2] == ["reach"] and len(sys.argv) == 5:
            _reach(*sys.argv[2:])
        elif what == "maintenance":
            print(maintenance.answer(sys.stdin.read()))
        elif what == "ranges":
            print(json.dumps(_ranges(sys.stdin.read())))
        elif sys.argv[1:2] == ["archive-entries"] and set(sys.argv[2:]) <= {"borg", "restic"}:
            sys.stdout.buffer.writelines(_archive_entries(sys.argv[2:] == ["restic"]))
        elif what in WORDS:
            app, _ = _contents(Path(sys.argv[0]))
            sys.stdout.write(_words(what, app, host_facts.read(sys.stdin.read())))
        elif sys.argv[1:2] == ["plans"]:
            sys.stdout.buffer.write(_plans(sys.argv[2:]))
        elif what == "scripts":
            with zipfile.ZipFile(sys.argv[0]) as archive:
                sys.stdout.buffer.write(archive.read("scripts.tar"))
        elif what in PLANS:
            _render(what)
        else:
            others = (
                "archive-entries",
                "certbot-advice",
                "domains",
                "files-with-name",
                "maintenance",
                "plans",
                "ranges",
                "reach",
                "scripts",
                "static",
            )
            sys.exit(f"usage: render.pyz {'|'.join((*PLANS, *WORDS, *volumes.COMMANDS, *others))}")
    except (FactsError, CannotQuote) as error:
        sys.exit(f"render: {error}")


def _reach(host: str, port: str, seconds: str) -> None:
    try:
        reach.connect(host, int(port), float(seconds))
    except OSError as error:
        sys.exit(str(error))


def _ranges(text: str) -> tuple[str, ...]:
    try:
        return cdn.published(text)
    except ValueError as error:
        raise FactsError(f"this is not a list of a CDN's addresses: {error}") from None


def _archive_entries(of_restic: bool) -> Iterator[bytes]:
    read = archive_entries.read_restic if of_restic else archive_entries.read
    try:
        found = archive_entries.judge(read(sys.stdin.buffer))
    except archive_entries.RefusedError as error:
        yield f"refused {error}\n".encode()
        # the writer of the list is not cut off: that would look like a fault of its own
        while sys.stdin.buffer.read(CHUNK_BYTES):
            pass
        return
    yield f"{found.size}\n{found.entries}\n".encode()
    yield from (top + b"\n" for top in found.tops)


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


def _words(what: str, app: App, facts: Facts) -> str:
    return "".join(f"{word}\0" for word in WORDS[what](app, facts))


def _plans(whats: Sequence[str]) -> bytes:
    """A tar with a file for each of several questions: what the command of that name prints.

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
    return made.getvalue()


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
