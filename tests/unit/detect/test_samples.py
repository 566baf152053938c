"""Values that a project gives as examples, for variables that its code insists on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nuwa.detect.detect import detect
from tests.unit.detect.projects import FLASK, lay

READS = "import os\nA = os.environ['PAGE_TITLE']\nB = os.environ['{user}']\n"
GIVES = "# shop\nPAGE_TITLE='Our shop'  # shown\n{user}=admin@example.com\nOTHER=${{PAGE_TITLE}}\n"


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


@pytest.mark.parametrize("folder", ["", "backend/"])
@pytest.mark.parametrize(("added", "title"), [([], None), (["."], "Our shop")])
def test_a_dotenv_counts_where_git_tracks_it(
    tmp_path: Path, folder: str, added: list[str], title: str | None
) -> None:
    files = {f"{folder}app.py": FLASK + READS.format(user="FIRST_SUPERUSER")}
    lay(tmp_path, files | {".env": GIVES.format(user="FIRST_SUPERUSER")})
    git(tmp_path, "init", "-q")
    if added:
        git(tmp_path, "add", *added)
    assert detect(tmp_path / folder).environment.clear.get("PAGE_TITLE") == title


def test_an_example_goes_before_the_dotenv_and_other_variables_are_no_value(tmp_path: Path) -> None:
    files = {
        "app.py": FLASK + "import os\nA = os.environ['PAGE_TITLE']\nB = os.environ['OTHER']\n",
        ".env.example": "PAGE_TITLE=Example\n",
        ".env": GIVES.format(user="X"),
    }
    git(lay(tmp_path, files), "init", "-q")
    git(tmp_path, "add", ".")
    found = detect(tmp_path).environment
    assert found.clear == {"PAGE_TITLE": "Example"}
    assert [variable.name for variable in found.open] == ["OTHER"]


@pytest.mark.parametrize(
    ("name", "is_login"),
    [
        ("FIRST_SUPERUSER", True),
        ("INITIAL_ADMIN_USERNAME", True),
        ("EMAIL_HOST_USER", False),
        ("ADMIN_EMAIL", False),
    ],
)
def test_the_name_of_the_first_user_may_be_the_examples(tmp_path: Path, name: str, is_login: bool) -> None:
    lay(tmp_path, {"app.py": FLASK + READS.format(user=name), ".env.example": GIVES.format(user=name)})
    assert detect(tmp_path).environment.clear.get(name) == ("admin@example.com" if is_login else None)
