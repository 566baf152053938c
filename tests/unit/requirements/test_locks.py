"""Locks of Poetry, PDM and Pipenv, and what a project file says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nuwa.errors import BuildError
from nuwa.requirements import locks
from nuwa.requirements.project_file import pep440, required

POETRY = """\
[tool.poetry]
name = "shop"
[tool.poetry.dependencies]
python = "^3.11"
six = "^1.16"
Click = {version = "~8.1", extras = ["x"], markers = "sys_platform == 'linux'"}
psycopg = {version = "*", optional = true}
lib = {git = "https://e.test/lib.git", branch = "main"}
[tool.poetry.extras]
pg = ["psycopg"]
[tool.poetry.group.prod.dependencies]
gunicorn = "23.0.0"
"""
POETRY_LOCK = """\
[[package]]
name = "six"
version = "1.17.0"
files = [{file = "six-1.17.0.whl", hash = "sha256:aa"}, {file = "six.tar.gz", hash = "sha256:bb"}]

[[package]]
name = "click"
version = "8.1.8"
markers = "python_version >= \\"3.7\\""

[[package]]
name = "lib"
version = "0.1"
[package.source]
type = "git"
url = "https://e.test/lib.git"
reference = "main"
resolved_reference = "0123abc"

[[package]]
name = "numpy"
version = "1.24.0"

[[package]]
name = "numpy"
version = "2.0.0"

[[package]]
name = "psycopg"
version = "3.2"

[[package]]
name = "gunicorn"
version = "23.0.0"

[metadata]
lock-version = "2.0"
[metadata.files]
gunicorn = [{file = "g.whl", hash = "sha256:cc"}]
"""


def test_poetrys_versions_and_checksums_are_honoured_and_development_stays_out(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(POETRY + '[tool.poetry.group.dev.dependencies]\npytest = "*"\n')
    (tmp_path / "poetry.lock").write_text(POETRY_LOCK)
    locked = locks.poetry(tmp_path, "poetry.lock", ())
    assert locked.lines == (
        "six>=1.16,<2",
        "Click[x]>=8.1,<8.2 ; (sys_platform == 'linux')",
        "lib @ git+https://e.test/lib.git@0123abc",
    )
    assert "six==1.17.0 --hash=sha256:aa --hash=sha256:bb" in locked.constraints
    assert 'click==8.1.8 ; python_version >= "3.7"' in locked.constraints
    assert "gunicorn==23.0.0 --hash=sha256:cc" in locked.constraints
    assert not [line for line in locked.constraints if line.startswith(("numpy", "lib"))]


def test_poetrys_groups_and_extras_come_when_they_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(POETRY)
    assert {"psycopg", "gunicorn==23.0.0"} <= set(required(tmp_path, "pyproject.toml", ["pg", "prod"]))


def test_a_lock_that_is_older_than_the_requirements_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(POETRY.replace("six =", "seven ="))
    (tmp_path / "poetry.lock").write_text(POETRY_LOCK)
    with pytest.raises(BuildError, match="does not contain seven") as caught:
        locks.poetry(tmp_path, "poetry.lock", ())
    assert "poetry lock" in caught.value.hint


def test_pdms_versions_are_honoured(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["six>=1"]\n')
    (tmp_path / "pdm.lock").write_text(
        '[[package]]\nname = "six"\nversion = "1.17.0"\ngroups = ["default"]\n'
        'marker = "sys_platform == \'linux\'"\nfiles = [{file = "six.whl", hash = "sha256:aa"}]\n'
    )
    locked = locks.pdm(tmp_path, "pdm.lock", ())
    assert locked.lines == ("six>=1",)
    assert locked.constraints == ("six==1.17.0 ; sys_platform == 'linux' --hash=sha256:aa",)


def test_pipenvs_lock_names_everything_but_development(tmp_path: Path) -> None:
    six = {"version": "==1.17.0", "markers": "python_version > '3'", "hashes": ["sha256:aa"]}
    lib = {"git": "https://e.test/lib.git", "ref": "0123abc"}
    document = {
        "default": {"six": six, "lib": lib, "own": {"path": "./own", "editable": True}},
        "develop": {"pytest": {"version": "==8"}},
    }
    (tmp_path / "Pipfile.lock").write_text(json.dumps(document))
    assert locks.pipenv(tmp_path, "Pipfile.lock", ()).lines == (
        "six==1.17.0 ; python_version > '3' --hash=sha256:aa",
        "lib @ git+https://e.test/lib.git@0123abc",
        "own @ ./own",
    )


@pytest.mark.parametrize("name", ["poetry.lock", "pdm.lock", "Pipfile.lock"])
def test_a_damaged_lock_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{ not")
    reader = {"poetry.lock": locks.poetry, "pdm.lock": locks.pdm, "Pipfile.lock": locks.pipenv}[name]
    with pytest.raises(BuildError, match=f"{name} cannot be read"):
        reader(tmp_path, name, ())


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0", ">=0,<1"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1", ">=1,<2"),
        ("1.2.*", "==1.2.*"),
        ("1.2", "==1.2"),
        (">=1,<2", ">=1,<2"),
        ("*", ""),
        ("~=1.4", "~=1.4"),
    ],
)
def test_poetrys_operators_in_the_words_of_pep_440(constraint: str, words: str) -> None:
    assert pep440(constraint) == words


def test_a_project_file_gives_groups_sources_and_dynamic_lists(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\ndynamic = ["dependencies"]\n'
        '[project.optional-dependencies]\nprod = ["core", "a ; python_version > \'3\'"]\n'
        '[dependency-groups]\nall = [{include-group = "web"}, "b"]\nweb = ["c"]\n'
        '[tool.setuptools.dynamic]\ndependencies = {file = ["requirements.in.txt"]}\n'
        '[tool.uv.sources]\ncore = {git = "https://e.test/core.git", tag = "v1"}\na = {path = "libs/a"}\n'
    )
    assert required(tmp_path, "pyproject.toml", ["prod", "all"]) == [
        "-r requirements.in.txt",
        "core @ git+https://e.test/core.git@v1",
        "a @ ./libs/a ; python_version > '3'",
        "c",
        "b",
    ]


def test_dependencies_that_only_a_build_knows_are_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndynamic = ["dependencies"]\n')
    with pytest.raises(BuildError, match="dynamic") as caught:
        required(tmp_path, "pyproject.toml")
    assert "image.requirements" in caught.value.hint


def test_a_group_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n[dependency-groups]\nweb = []\n')
    with pytest.raises(BuildError, match="a group named prod") as caught:
        required(tmp_path, "pyproject.toml", ["prod"])
    assert "web" in caught.value.hint


def test_setup_cfg_and_setup_py_are_read_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text(
        "[options]\ninstall_requires =\n    six>=1  # why\n    idna\n[options.extras_require]\npg = psycopg\n"
    )
    (tmp_path / "setup.py").write_text(
        "import sys\nfrom setuptools import setup\nsys.exit('ran')\nNEEDED = ['six', 'click']\n"
        "setup(name='x', install_requires=NEEDED, extras_require={'pg': ['psycopg']})\n"
    )
    assert required(tmp_path, "setup.cfg", ["pg"]) == ["six>=1", "idna", "psycopg"]
    assert required(tmp_path, "setup.py", ["pg"]) == ["six", "click", "psycopg"]
    (tmp_path / "setup.py").write_text(
        "from setuptools import setup\nsetup(install_requires=open('x').read())\n"
    )
    with pytest.raises(BuildError, match=r"setup\.py computes"):
        required(tmp_path, "setup.py")
