"""Texts are in plain English: tests/data/phrases.tsv lists phrases to avoid, with their replacements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lint.texts import ROOT, pages, prose

PHRASES = [
    (re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE | re.MULTILINE), replacement)
    for line in (ROOT / "tests/data/phrases.tsv").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
    for pattern, replacement in [line.split("\t")]
]


def phrases_in(text: str) -> Iterator[str]:
    """The phrases to avoid in a text, with line and replacement; code and addresses are left out."""
    plain = re.sub(r"`[^`]*`|\]\([^)]*\)", lambda match: "`" + "\n" * match[0].count("\n") + "`", text)
    for pattern, replacement in PHRASES:
        for match in pattern.finditer(plain):
            line = plain.count("\n", 0, match.start()) + 1
            yield f"{line}: {' '.join(match[0].split())!r} → {replacement}"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_uses_no_phrase_to_avoid(page: Path) -> None:
    assert not list(phrases_in(prose(page)))


CODE = ("nuwa", "bin-templates", "templates", "images", "script", "benchmarks")


def code() -> Iterator[Path]:
    """Code whose messages, comments and docstrings people read; but no lock files."""
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and not {"__pycache__", "locks"} & set(path.parts) and path.suffix != ".pyc":
                yield path


@pytest.mark.parametrize("path", list(code()), ids=lambda path: str(path.relative_to(ROOT)))
def test_code_uses_no_phrase_to_avoid(path: Path) -> None:
    assert not list(phrases_in(path.read_text(encoding="utf-8")))


def test_phrases_to_avoid_are_found_with_their_lines() -> None:
    assert list(phrases_in("one\nWhoever mends it leads\nto nothing; `anew` is code.")) == [
        "2: 'Whoever' → anyone who",
        "2: 'mends' → fix",
        "2: 'leads to' → points at, resolves to, is routed to, causes",
    ]
