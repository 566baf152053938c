"""SQLite files that a project opens itself get a volume."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.detect.detect import detect
from tests.unit.detect.projects import lay, written

APP = "import os, sqlite3\nfrom flask import Flask\napp = Flask(__name__)\n{lines}\n"


def project(tmp_path: Path, lines: str, **files: str) -> Path:
    return lay(tmp_path, {"app.py": APP.format(lines=lines), "requirements.txt": "flask\n", **files})


@pytest.mark.parametrize(
    "lines",
    [
        "db = sqlite3.connect('data/guests.db')",
        "def get():\n    return sqlite3.connect(database='data/guests.db', timeout=5)",
        "FILE = os.path.join(os.path.dirname(__file__), 'data', 'guests.db')\ndb = sqlite3.connect(FILE)",
        "FILE = os.environ.get('FILE', 'data/guests.db')\ndb = sqlite3.connect(FILE)",
    ],
)
def test_a_folder_of_its_own_becomes_a_volume(tmp_path: Path, lines: str) -> None:
    found = written(detect(project(tmp_path, lines)))
    assert found["volume"] == [{"name": "data", "path": "/srv/app/data"}]


def test_a_folder_that_holds_nothing_but_a_database_is_one_of_its_own(tmp_path: Path) -> None:
    files = {"var/guests.db": "", "var/.gitkeep": ""}
    found = written(detect(project(tmp_path, "db = sqlite3.connect('var/guests.db')", **files)))
    assert found["volume"] == [{"name": "var", "path": "/srv/app/var"}]


@pytest.mark.parametrize("read", ["os.environ.get('FILE', 'guests.db')", "os.getenv('FILE', 'guests.db')"])
def test_a_file_next_to_the_code_is_moved_by_the_variable_that_names_it(tmp_path: Path, read: str) -> None:
    found = written(detect(project(tmp_path, f"FILE = {read}\ndb = sqlite3.connect(FILE)")))
    assert found["volume"] == [{"name": "data", "path": "/srv/data"}]
    assert found["env"]["clear"]["FILE"] == "/srv/data/guests.db"


def test_a_file_next_to_the_code_that_nothing_moves_is_told(tmp_path: Path) -> None:
    found = detect(project(tmp_path, "db = sqlite3.connect('guests.db')"))
    assert "volume" not in written(found)
    assert "app.py opens guests.db, which is next to the code" in " ".join(found.check)


@pytest.mark.parametrize(
    "lines",
    ["db = sqlite3.connect(':memory:')", "db = sqlite3.connect(name)", "db = other.connect('x/y.db')"],
)
def test_what_is_no_file_of_the_project_is_left_alone(tmp_path: Path, lines: str) -> None:
    found = detect(project(tmp_path, lines))
    assert "volume" not in written(found)
    assert not [line for line in found.check if "opens" in line]


def test_another_database_does_not_settle_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services:\n  db:\n    image: postgres:16\n")
    code = "url = os.environ['DATABASE_URL']\ndb = sqlite3.connect('guests.db')"
    found = detect(project(tmp_path, code))
    assert found.database is not None
    assert "app.py opens guests.db, which is next to the code" in " ".join(found.check)
