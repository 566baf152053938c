"""Scripts that run on hosts and in images do with bash 4.4, which Rocky Linux 8 has.

Debian has no such bash, so this looks for what came later, as the changes of bash name it. Where there is
one, it runs the scripts themselves: `NUWA_BASH=/path/to/bash script/test shell`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nuwa.manifest.model import App, AppSection, Server
from nuwa.setup_label import write

from .test_lint import ROOT, SHELL_FILES

NEWER = {
    r"\b(EPOCHSECONDS|EPOCHREALTIME|BASH_ARGV0)\b": "variables of 5.0",
    r"\bSRANDOM\b": "a variable of 5.1",
    r"\b(GLOBSORT|BASH_MONOSECONDS|BASH_TRAPSIG)\b": "variables of 5.3",
    r"\$\{[^}\s]*@[ULuKk]\}": "transformations of 5.1 and 5.2",
    r"\bwait\s+(-\w+\s+)*-\w*[fp]": "wait -f of 5.0 and wait -p of 5.1",
    r"\b(declare|local|typeset)\s+(-\w+\s+)*-\w*I": "inherited variables of 5.1",
    r"\b(localvar_inherit|localvar_unset|assoc_expand_once|progcomp_alias)\b": "options of 5.0",
    r"\b(patsub_replacement|globskipdots|varredir_close|noexpand_translation)\b": "options of 5.2",
    r"\b(array_expand_once|bash_source_fullpath)\b": "options of 5.3",
    r"\bprintf\b.*%[-0-9.]*Q": "printf %Q of 5.2",
    r"\bread\s+(-\w+\s+)*-\w*E": "read -E of 5.3",
    r"\$\{[ \t|]": "commands in the same shell of 5.3",
    r"(\btest|\[)\s+-v\s+['\"]?\w+\[[@*]\]": "-v of all elements, which 5.2 reads in another way",
    r"\bunset\s+(-v\s+)?['\"]?\w+\[[@*]\]": "keys @ and *, which 5.2 reads in another way",
    r"\bulimit\s+-\w*R": "ulimit -R of 5.1",
    r"\bcompgen\s+(-\w+\s+)*-V": "compgen -V of 5.3",
}
"""Regular expressions for what bash 4.4 does not know."""

SAMPLES = """
began=${EPOCHREALTIME/./}
x=$SRANDOM
${x@U}
${list[@]@K}
wait -p id -n
wait -n -p id
wait -f
local -I name
shopt -s assoc_expand_once
shopt -s patsub_replacement
shopt -s array_expand_once
printf '%Q' x
read -r -E line
x=${ date; }
x=${|REPLY=1;}
[[ -v list[@] ]]
unset 'map[@]'
ulimit -R 1
compgen -V names -f
GLOBSORT=size
"""


def newer(text: str) -> list[str]:
    """What in a script bash 4.4 would not understand; lines that are comments do not count."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [
        f"{line.strip()}: {what}"
        for line in lines
        for pattern, what in NEWER.items()
        if re.search(pattern, line)
    ]


def scripts() -> Iterator[Path]:
    """All that hosts and images run with bash."""
    yield from (
        ROOT / name
        for name, shell in SHELL_FILES.items()
        if shell == "bash" and name.startswith(("bin-templates/", "images/", "templates/"))
    )


@pytest.mark.parametrize("path", sorted(scripts()), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_does_with_bash_4_4(path: Path):
    assert newer(path.read_text()) == []


def test_the_setup_of_an_image_does_with_bash_4_4():
    app = App(app=AppSection(name="blog"), server=Server(module="a:b"))
    for text in (write.setup_script(app), write.run_setup(), *write.bin_files(app).values()):
        assert newer(text) == []


@pytest.mark.parametrize("line", SAMPLES.strip().splitlines())
def test_what_is_newer_is_found(line: str):
    assert newer(line)
