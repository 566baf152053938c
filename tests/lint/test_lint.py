"""The linters, over everything that is written here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_OURS = {
    ".git",
    ".venv",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "dist",
}
BIN = Path(sys.executable).parent


def files(folder: Path = ROOT) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            if path.name not in NOT_OURS:
                yield from files(path)
        elif path.is_file() and not path.is_symlink():
            yield path


def shell_of(path: Path) -> str:
    """The shell that a file is written for; empty: it is not a shell script."""
    if path.suffix in (".j2", ".py", ".md", ".toml"):
        return ""
    with path.open("rb") as file:
        head = file.read(200).decode("utf-8", "replace").splitlines()[:2]
    words = head[0].removeprefix("#!").split() if head and head[0].startswith("#!") else []
    if words and "python" not in words[-1] and "execlineb" not in words[0]:
        program = next((word for word in words[1:] if not word.startswith("-")), words[0])
        name = program.rpartition("/")[2]
        return name if name in ("sh", "bash", "dash", "bats") else ""
    directive = next((line for line in head if line.startswith("# shellcheck shell=")), "")
    return directive.partition("=")[2].split()[0] if directive else ""


SHELL_FILES = {str(path.relative_to(ROOT)): shell for path in files() if (shell := shell_of(path))}


def tool(name: str) -> str:
    found = shutil.which(name, path=f"{BIN}:{os.environ['PATH']}")
    assert found, f"{name} is missing: script/bootstrap installs it"
    return found


def passes(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_finds_nothing():
    passes(tool("ruff"), "check", "--output-format", "concise", ".")


def test_python_is_formatted():
    passes(tool("ruff"), "format", "--check", ".")


def test_types_are_strict_and_right():
    passes(tool("mypy"))


def test_words_are_spelled_right():
    passes(tool("codespell"), "--quiet-level=2", *(str(path.relative_to(ROOT)) for path in files()))


def test_shell_files_are_found():
    assert {"script/bootstrap", "bin-templates/commands/run", "bin-templates/lib/common"} <= set(SHELL_FILES)


LENIENT = {
    # bats ends a test at its first failing command, so `cd` needs no `|| exit` there.
    "bats": ("--severity=warning", "--exclude=SC2164"),
    # `local` is not in POSIX, but in dash and bash, which are the `sh` of all families.
    "sh": ("--exclude=SC3043",),
}


SOURCE_PATH = "SCRIPTDIR:SCRIPTDIR/..:SCRIPTDIR/../lib"
"""Where the file is that a script of a deployment sources: `bin-templates/lib` becomes `bin/lib`."""


@pytest.mark.parametrize("shell", sorted(set(SHELL_FILES.values())))
def test_shellcheck_finds_nothing(shell):
    options = (
        "--external-sources",
        f"--source-path={SOURCE_PATH}",
        "--shell",
        shell,
        *LENIENT.get(shell, ()),
    )
    passes(tool("shellcheck"), *options, *(name for name, its in SHELL_FILES.items() if its == shell))


@pytest.mark.parametrize("shell", sorted(set(SHELL_FILES.values())))
def test_shell_is_formatted(shell):
    language = {"sh": "posix", "dash": "posix"}.get(shell, shell)
    names = (name for name, its in SHELL_FILES.items() if its == shell)
    passes(tool("shfmt"), "--diff", "--language-dialect", language, "--indent", "2", "--case-indent", *names)


SOURCED = ("bin-templates/lib/", "bin-templates/from_image/", "script/_")
PROGRAMS = [
    name
    for name in SHELL_FILES
    if name.startswith(("bin-templates/", "script/")) and not name.startswith(SOURCED)
]


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_in_bash_stop_at_errors_and_have_a_main(name):
    text = (ROOT / name).read_text()
    assert "set -euo pipefail" in text
    assert text.rstrip().splitlines()[-1] == 'main "$@"'
