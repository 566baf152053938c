"""What a guide shows as printed is what the programs print: each run of words is in a message of theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.lint.texts import ROOT, blocks, inline_code, tracked

GUIDES = sorted((ROOT / "docs/guide").glob("*.md"))
_PROGRAMS = ("bin-templates", "nuwa", "templates")
_SAMPLES = {"blog", "links", "Fake"}  # values of the examples, where messages have a variable
_LITERALS = re.compile(r'"\s*\n\s*f?"')  # one message over several lines of Python


@cache
def messages() -> str:
    """All texts of the programs, each with single spaces."""
    paths = (path for path in tracked() if path.relative_to(ROOT).parts[0] in _PROGRAMS)
    texts = (_LITERALS.sub("", path.read_text(encoding="utf-8", errors="replace")) for path in paths)
    return "\n".join(" ".join(text.split()) for text in texts)


def runs_of_words(line: str) -> Iterator[str]:
    """The plain words of a printed line between its values: names, numbers and paths."""
    run: list[str] = []
    for word in [*line.split(), "0"]:
        if re.fullmatch(r"[A-Za-z'-]+", word) and word not in _SAMPLES and not word.isupper():
            run.append(word)
            continue
        end = re.fullmatch(r"([A-Za-z'-]+)[.,:;]", word)
        if end and end[1] not in _SAMPLES and not end[1].isupper():
            run.append(word)
        if len(run) >= 4:  # shorter ones are often put together of parts
            yield " ".join(run).rstrip(".,:;")
        run = []


def unknown(text: str) -> list[str]:
    """The runs of words in a printed text that no program prints."""
    lines = (line for line in text.splitlines() if not re.search(r"\S {2,}\S|[├└]", line))
    return [run for line in lines for run in runs_of_words(line.strip()) if run not in messages()]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_a_guide_shows_what_is_printed(page: Path) -> None:
    quoted = (code for code in inline_code(page) if not re.search(r"^nuwa|(^| )-", code))
    printed = [*(block.text for block in blocks(page) if not block.language), *quoted]
    assert not [run for text in printed for run in unknown(text)]


def test_what_no_program_prints_is_found() -> None:
    printed = (
        "blog answers on 127.0.0.1:18000. Next: bin/install puts it behind nginx.\nthe moon is made of cheese"
    )
    assert unknown(printed) == ["the moon is made of cheese"]
