"""Every command line that a text of this repository prints exists and takes the options it is shown with."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from nuwa.cli import root
from tests.lint import scripts
from tests.lint.texts import ROOT, Line, free, lines_of, marked, pages, prose, tracked

_PLACEHOLDER = re.compile(r"…|\.\.\.$")
_MESSAGES = ("bin-templates", "examples", "images", "nuwa", "script", "templates")


@cache
def _nuwa() -> tuple[Any, Any]:
    group = typer.main.get_command(root.app)
    return group, group.make_context("nuwa", [], resilient_parsing=True)


def _alternatives(words: tuple[str, ...]) -> Iterator[list[str]]:
    """`start|stop NAME…` is two command lines; brackets say what may be left out."""
    shown = [word.strip("[]") for word in words if word not in ("…", "...")]
    choices = [word.split("|") if re.fullmatch(r"[a-z_]+(\|[a-z_]+)+", word) else [word] for word in shown]
    return (list(words) for words in itertools.product(*choices))


def _of_nuwa(line: Line) -> Iterator[str]:
    for words in _alternatives(line.words[1:]):
        command, context = _nuwa()
        at = 0
        while hasattr(command, "commands") or command is _nuwa()[0]:
            while at < len(words) and words[at].startswith("-"):
                at += 1
            name = words[at] if at < len(words) else ""
            if not name or not re.fullmatch(r"[a-z_-]+", name):
                break
            inner = command.get_command(context, name)
            if inner is None:
                yield f"there is no command {name}"
                return
            command, at = inner, at + 1
        yield from _arguments(command, words[:at], words[at:], whole=line.whole)


def _arguments(command: Any, before: list[str], words: list[str], *, whole: bool) -> Iterator[str]:
    options = {name: option for option in command.params for name in (*option.opts, *option.secondary_opts)}
    everywhere = {name for option in _nuwa()[0].params for name in option.opts} | {"--help", "--version"}
    passes_on = command.context_settings.get("ignore_unknown_options")  # to a command of its own arguments
    count = 0
    rest = iter(words)
    for word in before:
        if word.startswith("-") and word not in everywhere:
            yield f"nuwa takes no {word}"
    for word in rest:
        if word == "--":
            count += len(list(rest))
        elif word.startswith("-") and len(word) > 1 and not (count and passes_on):
            name, _, value = word.partition("=")
            if name not in options and name not in everywhere:
                yield f"it takes no {name}"
            elif name in options and not getattr(options[name], "is_flag", True) and not value:
                next(rest, None)
        elif word[0] not in "<>":
            count += 1
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    most = sum(99 if param.nargs < 0 else param.nargs for param in arguments)
    least = sum(abs(param.nargs) for param in arguments if param.required)
    if count > most and not hasattr(command, "commands"):
        yield f"it takes {most} arguments, not {count}"
    if whole and count < least:
        yield f"it needs {least} arguments, not {count}"


def _of_bin(line: Line) -> Iterator[str]:
    name = line.words[0].partition("bin/")[2]
    if name not in scripts.COMMANDS:
        yield f"there is no bin/{name}"
        return
    rest = itertools.takewhile(lambda word: word != "--", line.words[1:])
    if name in ("shell", "run-once"):  # what follows the first other word is the command that it runs
        rest = itertools.takewhile(lambda word: word.startswith("-") or word in ("root", "app"), rest)
    words = [word.strip("[]") for word in rest]
    known = scripts.taken(name)
    yield from (f"it takes no {word}" for word in words if word.startswith("--") and word not in known)
    short = (word for word in words if re.fullmatch(r"-[a-z]", word))
    yield from (f"it takes no {word}" for word in short if word not in known)
    if name == "secret" and words and words[0] not in ("list", "set", "generate", "rm", "import"):
        yield f"it knows no {words[0]}" if not words[0].startswith("-") else ""


def _of_checkout(line: Line) -> Iterator[str]:
    name = line.words[0].partition("script/")[2]
    if not (ROOT / "script" / name).is_file():
        yield f"there is no script/{name}"
        return
    words = list(itertools.takewhile(lambda word: word != "--", line.words[1:]))
    options = [word for word in words if word.startswith("-")]
    known = {"--list", "--rounds"} if name == "bench" else scripts.of_checkout(name)
    yield from (f"it takes no {word}" for word in options if word not in known)
    if name == "test":
        tiers = re.findall(r"_TIERS=\((.*?)\)", (ROOT / "script/test").read_text())
        known_tiers = set(" ".join(tiers).split())
        plain = (word for word in words if not word.startswith("-") and not _PLACEHOLDER.search(word))
        yield from (f"there is no tier {word}" for word in plain if word not in known_tiers)


def _of_tests(line: Line) -> Iterator[str]:
    yield from (f"there is no {word}" for word in line.words if "/" in word[1:] and word.startswith("tests/")
                and not (ROOT / word.partition("::")[0]).exists())  # fmt: skip


def _of_packed_file(line: Line) -> Iterator[str]:
    known = scripts.of_packed_file()
    yield from (
        f"it takes no {word}" for word in line.words[2:] if word.startswith("--") and word not in known
    )


def problems(line: Line) -> list[str]:
    """What is wrong with one command line; programs of others are not looked at."""
    first = line.words[0] if line.words else ""
    if first in ("nuwa", ".venv/bin/nuwa", "/opt/nuwa/bin/nuwa"):
        found = _of_nuwa(line)
    elif re.fullmatch(r"(\./)?bin/\w+", first):
        found = _of_bin(line)
    elif re.fullmatch(r"(\./)?script/\w+", first):
        found = _of_checkout(line)
    elif first in ("bats", ".venv/bin/pytest"):
        found = _of_tests(line)
    elif first == "sh" and len(line.words) > 2 and line.words[1] in ("FILE", "blog.sh"):
        found = _of_packed_file(line)
    else:
        return []
    return [f"{line.place}: {' '.join(line.words)}: {problem}" for problem in found if problem]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_command_lines_of_a_page_exist(page: Path) -> None:
    assert not [problem for line in lines_of(page) for problem in problems(line)]


def test_the_command_lines_in_messages_and_comments_exist() -> None:
    found = []
    for path in tracked():
        name = str(path.relative_to(ROOT))
        if name.startswith(_MESSAGES) and path.suffix not in (".md", ".lock", ".png"):
            text = path.read_text(encoding="utf-8", errors="replace")
            lines = itertools.chain(free(text, name), marked(text, name))
            found += [problem for line in lines for problem in problems(line)]
    assert not found


@pytest.mark.parametrize("name", sorted(scripts.COMMANDS - {"archieve_volumes"}))
def test_the_help_of_a_script_names_the_options_that_it_takes(name: str) -> None:
    hidden = {"-h", "-y", "-q", "--user"}  # other spellings of those that are named
    others = {"--extract"} if name == "migrate" else {"--yes"} if name in ("shell", "run-once") else set()
    assert scripts.shown(name) - hidden - others == scripts.taken(name) - hidden - others


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("nuwa", "reference"), "no command reference"),
        (("nuwa", "build", "--frob"), "takes no --frob"),
        (("nuwa", "inspect"), "needs 1 arguments"),
        (("nuwa", "check", "a", "b"), "takes 1 arguments, not 2"),
        (("bin/archive", "--list"), "no bin/archive"),
        (("bin/archive_volumes", "--key"), "takes no --key"),
        (("script/test", "unity"), "no tier unity"),
        (("script/tests",), "no script/tests"),
        (("bats", "tests/shell/none.bats"), "no tests/shell/none.bats"),
        (("sh", "blog.sh", "--unpack", "/srv"), "takes no --unpack"),
    ],
)
def test_what_does_not_exist_is_found(words: tuple[str, ...], expected: str) -> None:
    (problem,) = problems(Line(words, "here:1", whole=True))
    assert expected in problem


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_to_files_and_headings(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not target.startswith("http"):
            name, _, heading = target.partition("#")
            other = (page.parent / name) if name else page
            assert other.exists(), f"{page}: {target}"
            assert not heading or heading in _headings(other), f"{page}: {target}"


def _headings(page: Path) -> set[str]:
    """The headings of a page, as GitHub makes anchors of them."""
    titles = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


SETUP = (
    "setup=$(podman image inspect -f '{{json .Config.Labels}}' $BID | jq -r '.Setup // empty')",
    "bash <<<${setup:?is missing: $BID has no Setup label}",
)


def test_pages_print_the_command_of_setup_in_one_way() -> None:
    printed = 0
    for page in pages():
        lines = page.read_text(encoding="utf-8").splitlines()
        for line, following in itertools.pairwise(lines):
            if ".Config.Labels" in line and "0045" not in page.name:
                assert line == SETUP[0], page
                assert following.startswith(SETUP[1]), page
                printed += 1
    assert printed >= 3


def test_where_to_start_names_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rows = re.findall(
        r"^\| [^|]+ \| ([^|]+) \|$", text.partition("## Where to start\n")[2].partition("\n## ")[0], re.M
    )
    paths = [
        path for row in rows for path in re.findall(r"`([^`]+)`", row) if "/" in path and " " not in path
    ]
    paths = [path for path in paths if path != "script/generate"]
    assert len(rows) > 20
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_the_paths_through_the_code_name_files_that_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text().partition("## Four paths through the code\n")[2]
    paths = re.findall(r"`((?:nuwa|templates|bin-templates)/[^`]+)`", text.partition("\n## ")[0])
    assert len(paths) > 20
    assert not [path for path in paths if not (ROOT / path).is_file()]


def test_every_decision_is_listed_by_its_title() -> None:
    folder = ROOT / "docs/decisions"
    listed = dict(re.findall(r"^\| \[\d+\]\((\S+)\) \| (.*) \|$", (folder / "README.md").read_text(), re.M))
    titles = {
        path.name: path.read_text().partition("\n")[0].partition(": ")[2] for path in folder.glob("0*.md")
    }
    assert listed == titles


def test_no_page_names_a_path_of_a_build_machine() -> None:
    words = ["git", "grep", "-nE", r"/(work|tmp/team)/", "--", "*.md"]
    assert not subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False).stdout
