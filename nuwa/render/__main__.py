"""The renderer inside an image: facts as JSON on standard input, a tar of host files on standard output.

`render.pyz run` and `render.pyz install` do that. `render.pyz plans WHAT…` runs several such commands at
once: see `answers.plans`. `render.pyz release` prints the arguments of `podman run` for the release hook,
each followed by a NUL; nothing if there is no hook. `render.pyz rehearse` does the same for the rehearsal
of an archive, and `render.pyz once` for a one-off command, whose own arguments follow.
`render.pyz domains` reads a JSON list of domains and prints each in its canonical form, one per line.
`render.pyz maintenance` reads JSON with a message and addresses and prints the page of bin/maintenance.
`render.pyz ranges` reads a CDN's published ranges of addresses and prints them as a JSON list.
`render.pyz scripts` prints a tar of the parts of bin scripts that do not fit into the Setup label.
`render.pyz static FOLDER` prints a tar of static files. `render.pyz compare`, `sqlite-dump`, `sqlite-restore`
and `sums` work in volumes, whose folders follow: see `nuwa/render/volumes.py`.
`render.pyz archive-entries borg` (or `restic`) reads that program's list of an archive; it prints bytes,
number of entries and the top-level folders, one per line; or `refused`, the entry and why.
`render.pyz certbot-advice CHALLENGE SERVER FOLDER LOG` reads certbot's output after a failure: see
`certbot_advice.as_lines`.
`render.pyz files-with-name NAME` reads the output of `nginx -T`, and prints the files with a site of that
name. `render.pyz reach HOST PORT SECONDS` connects; if that fails, it prints why.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nuwa.quoting import CannotQuote
from nuwa.render.facts import FactsError

if TYPE_CHECKING:
    from nuwa.render.archive_entries import Entry

RENDERED = ("run", "install", "database", "services", "disks", "release", "rehearse", "once")
"""Commands of `nuwa.render.answers` without arguments."""
IN_VOLUMES = ("compare", "no-acl", "sqlite-dump", "sqlite-restore", "sums")
"""Commands of `nuwa.render.volumes`."""


def main() -> None:
    """Exit codes: 0 done, 1 the facts or the manifest do not allow it (one line says why), 2 wrong usage.

    Each command imports only what it needs, because scripts wait for it.
    """
    what, words = (sys.argv[1], sys.argv[2:]) if sys.argv[1:] else ("", [])
    if what in IN_VOLUMES:
        from nuwa.render import volumes

        volumes.main(what, words)
        return
    command = COMMANDS.get(what)
    if command is None or not _takes(command, words):
        print(f"usage: render.pyz {'|'.join((*COMMANDS, *IN_VOLUMES))}", file=sys.stderr)
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
    from nuwa.render import facts

    print("\n".join(facts.domains(sys.stdin.read())))


def _certbot_advice(challenge: str, server: str, folder: str, log: str) -> None:
    import time

    from nuwa.render import certbot_advice

    output = sys.stdin.buffer.read().decode(errors="replace")
    advice = certbot_advice.advise(output, challenge, server, folder, log, now=time.time())
    print("\n".join(certbot_advice.as_lines(advice)))


def _files_with_name(name: str) -> None:
    from nuwa.render import server_names

    dump = sys.stdin.buffer.read().decode(errors="replace")
    print("\n".join(server_names.files_with(dump, name)))


def _reach(host: str, port: str, seconds: str) -> None:
    from nuwa.render import reach

    try:
        reach.connect(host, int(port), float(seconds))
    except OSError as error:
        sys.exit(str(error))


def _maintenance() -> None:
    from nuwa.render import maintenance

    print(maintenance.answer(sys.stdin.read()))


def _ranges() -> None:
    import json

    from nuwa.manifest import cdn

    try:
        print(json.dumps(cdn.published(sys.stdin.read())))
    except ValueError as error:
        raise FactsError(f"this is not a list of a CDN's addresses: {error}") from None


def _archive_entries(program: str = "borg") -> None:
    from nuwa.render import archive_entries

    readers = {"borg": archive_entries.read, "restic": archive_entries.read_restic}
    if program not in readers:
        raise FactsError(f"archives are made by {' or '.join(readers)}, not by {program}")
    sys.stdout.buffer.writelines(_judged(readers[program](sys.stdin.buffer)))


def _judged(entries: Iterator[Entry]) -> Iterator[bytes]:
    from nuwa.render import archive_entries
    from nuwa.render.beneath import CHUNK_BYTES

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
    from nuwa.render import static

    static.pack(Path(folder), sys.stdout.buffer)


def _scripts() -> None:
    import zipfile

    with zipfile.ZipFile(sys.argv[0]) as archive:
        sys.stdout.buffer.write(archive.read("scripts.tar"))


def _render(what: str) -> None:
    from nuwa.render import answers

    answers.answer(what)


def _plans(*whats: str) -> None:
    from nuwa.render import answers

    answers.plans(*whats)


COMMANDS: dict[str, Callable[..., None]] = {
    **{what: partial(_render, what) for what in RENDERED},
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
"""By name; each takes the remaining arguments. Those that work in volumes are in `IN_VOLUMES`."""
