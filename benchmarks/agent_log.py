"""Numbered lines of several services, and how many of them are missing from the log files."""

from __future__ import annotations

import json
from typing import Protocol

PATIENCE = 6
"""Unchanged results in a row, five seconds apart, after which no more lines are expected."""
_WRITER = """import pathlib, sys, time

name, lines = sys.argv[1], int(sys.argv[2])
mark = pathlib.Path(f"/var/lib/nuwa-lines/{name}.done")
if not mark.exists():
    for number in range(lines):
        sys.stdout.write(f"line {number} of {name}\\n")
        sys.stdout.flush()
    mark.touch()
time.sleep(1000000)
"""
_COUNTER = """import glob, gzip, json, re, sys

writers, lines = int(sys.argv[1]), int(sys.argv[2])
lost = doubled = 0
for writer in range(writers):
    name, seen = f"lines{writer}", set()
    for path in glob.glob(f"/var/log/nuwa/{name}.log*"):
        with (gzip.open if path.endswith(".gz") else open)(path, "rt") as file:
            for text in file:
                found = re.search(r"line (\\d+) of ", text)
                if found:
                    number = int(found[1])
                    doubled += number in seen
                    seen.add(number)
    lost += lines - len(seen)
print(json.dumps({"lost": lost, "doubled": doubled}))
"""


class Host(Protocol):
    """The host that runs the services."""

    def sh(self, script: str, timeout: float = ...) -> object:
        """Run a script as root."""

    def write(self, path: str, text: str, mode: str = ...) -> None:
        """Make a file."""

    def configure(self, document: dict[str, object]) -> None:
        """Apply a configuration of the agent."""


def begin(host: Host, writers: int, lines: int) -> None:
    """Let services write numbered lines as fast as the log accepts them."""
    host.sh("mkdir -p /var/lib/nuwa-lines; rm -f /var/lib/nuwa-lines/*; rm -f /var/log/nuwa/lines*")
    host.write("/srv/lines.py", _WRITER)
    host.write("/srv/count.py", _COUNTER)
    names = [f"lines{number}" for number in range(writers)]
    processes = {name: {"script": "/srv/lines.py", "args": [name, str(lines)]} for name in names}
    host.configure({"processes": processes, "log": {"service_size": "16M", "service_files": 50}})


def is_done(host: Host, writers: int) -> bool:
    return int(str(host.sh("ls /var/lib/nuwa-lines | wc -l"))) == writers


def missing(host: Host, writers: int, lines: int) -> int:
    """How many of the lines never reached the files, once the journal's backlog is written."""
    count = f"sleep 5; python3 /srv/count.py {writers} {lines}"
    lost, unchanged = lines * writers, 0
    while lost and unchanged < PATIENCE:
        before, lost = lost, int(json.loads(str(host.sh(count)))["lost"])
        unchanged = unchanged + 1 if lost == before else 0
    return lost
