"""What is published of the agent is what its code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.reference import agent

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("path", "text"), agent.files().items(), ids=str)
def test_what_is_published_is_current(path: Path, text: str) -> None:
    assert (ROOT / path).read_text() == text, "run script/generate"
