"""Which packages count of locks and groups, and what they need."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.detect.detect import detect
from tests.unit.detect.projects import FLASK, lay, written

LOCK = """
version = 1
[[package]]
name = "shop"
source = { editable = "." }
dependencies = [{ name = "driver", extra = ["fast"] }]
[package.dev-dependencies]
dev = [{ name = "psycopg2" }]
[[package]]
name = "driver"
dependencies = [{ name = "driver" }]
[package.optional-dependencies]
fast = [{ name = "python-magic" }]
[[package]]
name = "psycopg2"
[[package]]
name = "python-magic"
"""


def test_of_a_uv_lock_only_what_the_project_itself_requires_counts(tmp_path: Path) -> None:
    pyproject = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["driver[fast]"]\n'
    files = {"main.py": FLASK, "uv.lock": LOCK, "pyproject.toml": pyproject}
    assert detect(lay(tmp_path, files)).packages == ("libmagic1",)


@pytest.mark.parametrize(
    ("pyproject", "requirements", "groups"),
    [
        ('[dependency-groups]\nmain = ["flask"]\ndev = ["pytest"]\n', "pyproject.toml", ["main"]),
        (
            '[project]\nname = "s"\nversion = "1"\n[dependency-groups]\nprod = ["flask"]\n',
            "pyproject.toml",
            ["prod"],
        ),
        ('[project]\nname = "s"\nversion = "1"\ndependencies = []\n', "pyproject.toml", None),
    ],
)
def test_groups_for_production_are_installed(
    tmp_path: Path, pyproject: str, requirements: str, groups: list[str] | None
) -> None:
    found = written(detect(lay(tmp_path, {"main.py": FLASK, "pyproject.toml": pyproject})))
    assert (found["image"]["requirements"], found["image"].get("groups")) == (requirements, groups)


def test_requirements_in_groups_alone_are_told_with_their_names(tmp_path: Path) -> None:
    files = {"main.py": FLASK, "pyproject.toml": '[dependency-groups]\nlive1 = ["flask"]\ndev = ["pytest"]\n'}
    told = detect(lay(tmp_path, files)).check[0]
    assert told.startswith("pyproject.toml names requirements in groups alone (dev, live1)")


@pytest.mark.parametrize(
    ("pin", "python", "packages"),
    [
        ("psycopg2-binary==2.9.9", "3.13", ("libpq5",)),
        ("psycopg2-binary==2.9.9", "3.12", ()),
        ("psycopg2-binary==2.9.12", "3.13", ()),
        ("psycopg2-binary", "3.13", ()),
    ],
)
def test_a_pinned_package_that_has_no_wheel_yet_gets_what_it_is_built_with(
    tmp_path: Path, pin: str, python: str, packages: tuple[str, ...]
) -> None:
    found = detect(lay(tmp_path, {"main.py": FLASK, "requirements.txt": f"{pin}\n"}), (python,))
    assert found.packages == packages
