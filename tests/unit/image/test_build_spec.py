"""The choices of a manifest, checked against what is offered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nuwa.errors import BuildError
from nuwa.image.build_spec import Recipe
from nuwa.manifest.model import Extras
from unit.image.samples import app


def test_release_and_python_are_filled_in() -> None:
    recipe = Recipe.of(app("rockylinux"))
    assert (recipe.release.name, recipe.python.version) == ("9", "3.12")
    assert recipe.nuwa_python_image == "localhost/app/nuwa_python312:rockylinux9"


@pytest.mark.parametrize(
    ("kind", "python", "lock"),
    [
        ("gunicorn", "3.13", "gunicorn-3.10.txt"),
        ("gunicorn", "3.9", "gunicorn-3.7.txt"),
        ("gunicorn", "3.6", "gunicorn-3.6.txt"),
        ("gunicorn", "2.7", "gunicorn-2.7.txt"),
        ("uvicorn", "3.11", "uvicorn-3.11.txt"),
        ("uvicorn", "3.10", "uvicorn-3.8.txt"),
    ],
)
def test_the_newest_server_that_a_python_can_run_is_taken(kind: str, python: str, lock: str) -> None:
    assert Recipe.of(app(kind=kind, python=python)).lock == lock


def test_a_server_that_needs_a_newer_python_says_which() -> None:
    with pytest.raises(BuildError, match=r"uvicorn needs Python 3\.8 or newer"):
        Recipe.of(app(kind="uvicorn", python="3.7"))


def test_mod_wsgi_is_refused_where_there_is_none_for_the_python() -> None:
    with pytest.raises(BuildError, match=r"no mod_wsgi for Python 3\.12") as caught:
        Recipe.of(app(kind="mod_wsgi", python="3.12"))
    assert "3.13" in caught.value.hint


@pytest.mark.parametrize(("family", "release"), [("debian", "13"), ("rockylinux", "10")])
def test_wkhtmltopdf_is_refused_where_there_is_none(family: str, release: str) -> None:
    with pytest.raises(BuildError, match="no wkhtmltopdf") as caught:
        Recipe.of(replace(app(family, release=release), extras=Extras(wkhtmltopdf=True)))
    assert "WeasyPrint" in caught.value.hint
