"""The findings keep the form that CONTRIBUTING.md states; running them, by hand, checks what they say."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FINDINGS = sorted((ROOT / "findings").glob("*.sh"))


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.stem)
def test_a_finding_says_guess_behaviour_and_versions_before_it_runs(path: Path) -> None:
    assert os.access(path, os.X_OK)
    head = path.read_text().partition("\n\n")[0].splitlines()
    assert head[0] == "#!/usr/bin/env bash"
    starts = [line.removeprefix("# ").partition(":")[0] for line in head]
    places = [starts.index(word) for word in ("A good guess", "Seen", "Versions")]
    assert places == sorted(places)
    assert re.search(r"\d+\.\d+", " ".join(head[places[2] :])), "a version"


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.stem)
def test_a_finding_ends_with_what_it_expects_and_asks_no_host_by_name(path: Path) -> None:
    text = path.read_text()
    assert "expect " in text
    assert text.rstrip().endswith('main "$@"')
    assert "  finish\n}" in text
    assert set(re.findall(r"https?://([\w.-]+)", text)) <= {"localhost", "127.0.0.1"}
