"""How an answer of init is scored, and that the file of expected answers is sound."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import answer, score
from tests.corpus.__main__ import EXPECTED

FLASK = "from flask import Flask\nimport os\napp = Flask(__name__)\nK = os.environ['MAIL_PASSWORD']\n"


@pytest.mark.parametrize(
    ("expected", "told", "given", "words", "kind"),
    [
        ({"kind": "uvicorn"}, {}, {"kind": "uvicorn"}, "", "right"),
        ({"kind": "uvicorn"}, {}, {"kind": "gunicorn"}, "", "wrong"),
        ({}, {}, {"kind": "gunicorn"}, "", "wrong"),
        ({"health": "/x"}, {"health": "no route"}, {}, "no route for /", "told"),
        ({"health": "/x"}, {"health": "no route"}, {}, "", "silent"),
        ({"clear": ["A=1", "B=2"]}, {"clear": "without B"}, {"clear": ["A=1"]}, "not without B", "told"),
        ({"clear": ["A=1", "B=2"]}, {}, {"clear": ["A=1"]}, "", "silent"),
        ({"clear": ["A=1"]}, {"clear": ".*"}, {"clear": ["A=2"]}, "", "wrong"),
    ],
)
def test_a_field_is_right_told_missing_or_wrong(
    expected: dict[str, Any], told: dict[str, str], given: dict[str, Any], words: str, kind: str
) -> None:
    made = score.compare(expected, told, answer.Answer(given, words))
    assert len(getattr(made, kind)) == 1
    assert sum(len(fields) for fields in vars(made).values()) == 1


def test_an_answer_is_what_init_writes(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(FLASK)
    (tmp_path / "requirements.txt").write_text("flask\n")
    found = answer.of(tmp_path).fields
    assert found["module"] == "main:app"
    assert found["secrets"] == ["MAIL_PASSWORD"]
    written = tomllib.loads(answer.as_toml("x", answer.of(tmp_path)))["project"]["x"]["fields"]
    assert written == found


def test_the_table_sums_up() -> None:
    table = score.table({"one": score.Score(right=("a", "b"), told=("c",)), "two": score.Score(wrong=("d",))})
    assert table.splitlines()[-1] == "| **all 2** | 2 (50.0 %) | 1 (25.0 %) | 0 (0.0 %) | 1 (25.0 %) |"


def test_every_expected_project_has_its_source_and_what_each_needs() -> None:
    projects = tomllib.loads(EXPECTED.read_text(encoding="utf-8"))["project"]
    assert len(projects) >= 30
    for name, item in projects.items():
        assert {"repository", "commit", "fields"} <= set(item), name
        assert {"name", "module", "kind"} <= set(item["fields"]), name
        assert set(item.get("told", {})) <= set(item["fields"]), name
