"""Every command that a script's message tells its reader to run is run, as it is printed, by a test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "bin-templates"
TABLE = ROOT / "tests" / "data" / "remedies.tsv"
"""A command, as `commands` spells it; a tab; the file of the test that runs it; a tab; the test's name."""

MESSAGE = re.compile(
    r"""\b(?:die(?:_[a-z]+)?|warn|say|go_back|confirm|printf)\s+(["'])(.*?)(?<!\\)\1(?=\s|$|\)|;)""", re.M
)
VALUE = re.compile(r"%s|\$\((?:[^()]|\([^()]*\))*\)|\$\{[^}]*\}|\$[A-Za-z_0-9]+|[A-Z]{3,}@?[A-Z:\[\]]*…?")
"""What differs each time: a variable, a substitution, a word in capitals that stands for one."""
COMMAND = re.compile(
    r"bin/[a-z_]+(?:/[a-z_]+)?(?: (?:--[a-z-]+|set|generate|list|…(?::…)?))*"
    r"|podman (?:pull|images|stop|network rm|system migrate)(?: (?:--[a-z-]+|…))*"
    r"|systemctl (?:start|restart|enable)(?: (?:--now|…))*"
    r"|borg (?:key|break-lock|check)[a-z -]* …"
    r"|ch(?:own|mod) (?:-[a-zA-Z]+ )?\S+ […/]\S*"
    r"|rm (?:-r )?volumes[a-z./…]*"
    r"|nginx -[tT]|ss -[a-z]+"
)
USAGE = re.compile(r"bin/\S+(?: \S+)?(?::| takes| knows| has)")
"""How a message begins that says what a script takes: no remedy."""


def commands() -> Iterator[str]:
    for script in sorted(path for path in SCRIPTS.rglob("*") if path.is_file()):
        for message in MESSAGE.finditer(script.read_text()):
            text = VALUE.sub("…", message[2])
            if not USAGE.match(text):
                yield from (found[0].rstrip(" .,;:") for found in COMMAND.finditer(text))


def rows() -> dict[str, tuple[str, str]]:
    found = {}
    for line in TABLE.read_text().splitlines():
        command, file, name = line.split("\t")
        found[command] = (file, name)
    return found


def test_each_printed_command_is_run_by_a_test() -> None:
    assert sorted(set(commands()) ^ rows().keys()) == []


def body(file: str, name: str) -> str:
    """The test of that name, up to the next one; empty where there is none."""
    parts = re.split(r'^(?:@test "| *def )', (ROOT / file).read_text(), flags=re.M)
    return next((part for part in parts if part.startswith((f'{name}" {{', f"{name}("))), "")


def test_those_tests_are_there_and_run_it() -> None:
    for command, (file, name) in rows().items():
        word = command.partition(" …")[0].split()[-1]
        assert re.search(rf"{re.escape(word)}|\bfollow |bash -c", body(file, name)), (command, file, name)
