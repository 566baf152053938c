"""The Python version that a project asks for."""

from __future__ import annotations

import pytest

from nuwa.detect.detect import detect
from nuwa.detect.versions import allows

PYTHONS = ("3.13", "3.12", "3.11", "3.9")


@pytest.mark.parametrize(
    ("files", "python"),
    [
        ({}, ""),
        ({".python-version": "3.12\n"}, "3.12"),
        ({".python-version": "3.12.4\n"}, "3.12"),
        ({".python-version": "cpython-3.11\n"}, "3.11"),
        ({".python-version": "pypy3.10\n"}, ""),
        ({".python-version": b"\xff"}, ""),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.10"\n'}, ""),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.9,<3.12"\n'}, "3.11"),
        ({"pyproject.toml": '[project]\nrequires-python = "==3.12.*"\n'}, "3.12"),
        ({"pyproject.toml": '[project]\nrequires-python = "<3.9"\n'}, ""),
        ({"pyproject.toml": "not toml"}, ""),
        ({"pyproject.toml": "project = 1\n"}, ""),
    ],
)
def test_finds_the_python_that_the_project_wants(project, files, python):
    assert detect(project(files), PYTHONS).python == python


@pytest.mark.parametrize(
    ("files", "python"),
    [
        ({"requirements.txt": "multidict==6.0.4\n"}, "3.11"),
        ({"requirements.txt": "multidict==6.1.0\ngreenlet==3.1.0\n"}, ""),
        ({"requirements.txt": "-r more.txt\n", "more.txt": "greenlet==2.0.2\n"}, "3.11"),
        ({"requirements.txt": "multidict>=6\n"}, ""),
        ({"requirements.txt": "multidict==6.0.4\n", ".python-version": "3.13\n"}, "3.13"),
        (
            {
                "requirements.txt": "multidict==6.0.4\n",
                "pyproject.toml": "[project]\nrequires-python = '>=3.9,!=3.12.*'\n",
            },
            "3.11",
        ),
    ],
)
def test_old_pins_ask_for_an_older_python_where_the_project_names_none(project, files, python):
    assert detect(project(files), PYTHONS).python == python


def test_old_pins_that_no_offered_python_builds_are_told(project):
    found = detect(project({"requirements.txt": "multidict==6.0.4\n"}), ("3.13", "3.14"))
    assert found.python == ""
    assert any("multidict==6.0.4, which cannot be built with 3.13" in line for line in found.check)


def test_says_when_no_offered_python_fits(project):
    found = detect(project({"pyproject.toml": '[project]\nrequires-python = "<3.9"\n'}), PYTHONS)
    assert any("fits requires-python" in sentence and "3.13, 3.12" in sentence for sentence in found.check)
    found = detect(project({".python-version": "3.10"}, "other"), PYTHONS)
    assert found.python == "3.11"
    assert any("Python 3.10 (.python-version) is not offered" in sentence for sentence in found.check)


@pytest.mark.parametrize(
    ("specifier", "admitted"),
    [
        (">=3.11", "3.11 3.12 3.13"),
        (">3.11", "3.11 3.12 3.13"),
        ("<3.12", "2.7 3.9 3.11"),
        ("<3.12.3", "2.7 3.9 3.11 3.12"),
        ("<=3.11", "2.7 3.9 3.11"),
        ("~=3.11", "3.11 3.12 3.13"),
        ("~=3.11.2", "3.11"),
        ("==3.11.*", "3.11"),
        ("==3.11.4", "3.11"),
        (">=3", "3.9 3.11 3.12 3.13"),
        ("<4", "2.7 3.9 3.11 3.12 3.13"),
        ("!=3.12.*,>=3.11", "3.11 3.13"),
        ("!=3.12.1,>=3.11", "3.11 3.12 3.13"),
        ("", "2.7 3.9 3.11 3.12 3.13"),
        ("nonsense", "2.7 3.9 3.11 3.12 3.13"),
    ],
)
def test_understands_requires_python(specifier, admitted):
    versions = ["2.7", "3.9", "3.11", "3.12", "3.13"]
    assert [version for version in versions if allows(specifier, version)] == admitted.split()
