"""What a project requires, in whichever file it says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.errors import BuildError
from nuwa.image.requirements import read


def test_a_project_without_any_file_requires_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "").words == ()


def test_a_lock_goes_before_a_list_and_a_list_before_the_project_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\ndependencies = ["six"]\n')
    assert read(tmp_path, "").words == ("-r", "/mnt/requirements/pyproject.toml")
    (tmp_path / "requirements.txt").write_text("six\n")
    assert read(tmp_path, "").words == ("-r", "/mnt/requirements/requirements.txt")


def test_included_files_come_along_each_once(tmp_path: Path) -> None:
    (tmp_path / "reqs").mkdir()
    (tmp_path / "reqs" / "prod.txt").write_text("-r base.txt\n--constraint=../limits.txt\ndjango\n")
    (tmp_path / "reqs" / "base.txt").write_text("-r prod.txt\n-r https://example.test/more.txt\nsix\n")
    (tmp_path / "limits.txt").write_text("six<2\n")
    found = read(tmp_path, "reqs/prod.txt")
    assert found.words == ("-r", "/mnt/requirements/reqs/prod.txt")
    assert sorted(found.files) == [
        "requirements/limits.txt",
        "requirements/reqs/base.txt",
        "requirements/reqs/prod.txt",
    ]
    assert found.files["requirements/limits.txt"] == b"six<2\n"


def test_a_file_that_is_named_and_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"other\.txt is not in") as caught:
        read(tmp_path, "other.txt")
    assert "image.requirements" in caught.value.hint


@pytest.mark.parametrize("included", ["gone.txt", "../outside.txt"])
def test_included_files_must_be_in_the_project(tmp_path: Path, included: str) -> None:
    (tmp_path / "outside.txt").write_text("six\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / "requirements.txt").write_text(f"-r {included}\n")
    with pytest.raises(BuildError, match="is not in the project"):
        read(project, "")


@pytest.mark.parametrize(
    "line", ["-e .", "--editable=./lib", ".", "./lib", "../lib", "lib @ file:///srv/lib", ".[extra]"]
)
def test_what_lies_on_this_machine_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(f"six\n{line}\n")
    with pytest.raises(BuildError, match=r"requirements\.txt:2: "):
        read(tmp_path, "")


@pytest.mark.parametrize(
    "line", ["lib @ https://example.test/lib.whl", "zope.interface==7", "# -e .", "ruamel.yaml"]
)
def test_what_only_looks_like_it_is_taken(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(f"{line}\n")
    assert read(tmp_path, "").words


LOCK = """\
version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "site"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "six" }]

[package.metadata]
requires-dist = [{ name = "six" }]

[[package]]
name = "six"
version = "1.17.0"
source = { registry = "https://index.test/simple" }
wheels = [
  { url = "https://files.test/six-1.17.0-py2.py3-none-any.whl", hash = "sha256:SUM" },
]
"""


def test_a_uv_lock_becomes_exact_versions_with_checksums(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "site"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["six"]\n'
    )
    (tmp_path / "uv.lock").write_text(LOCK.replace("SUM", "47" * 32))
    found = read(tmp_path, "")
    assert found.words == ("-r", "/mnt/requirements/uv.lock.txt")
    text = found.files["requirements/uv.lock.txt"].decode()
    assert "six==1.17.0" in text
    assert "--hash=sha256:4747" in text
    assert "index.test" not in text
    assert "site" not in text


def test_a_damaged_lock_is_an_error_with_uvs_words(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "site"\nversion = "1"\n')
    (tmp_path / "uv.lock").write_text("version = 'x")
    with pytest.raises(BuildError, match=r"uv\.lock cannot be read") as caught:
        read(tmp_path, "")
    assert caught.value.details
