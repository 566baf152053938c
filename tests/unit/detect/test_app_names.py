"""The name that an app gets."""

from __future__ import annotations

import pytest

from nuwa.detect.app_names import app_name
from nuwa.detect.detect import detect


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("shop", "shop"),
        ("My Shop_2", "my-shop-2"),
        ("Bücher & Ähnliches", "bucher-ahnliches"),
        ("2048", "app-2048"),
        ("...", "app"),
        ("日本", "app"),
        ("a" * 60, "a" * 39),
        ("a" * 38 + " b", "a" * 38),
        ('we "ird\\ $x`\n', "we-ird-x"),
    ],
)
def test_makes_a_name_of_any_folders_name(text, name):
    assert app_name(text) == name


def test_takes_the_name_from_pyproject_first(project):
    assert detect(project({"pyproject.toml": '[project]\nname = "Other.Name"\n'})).name == "other-name"
    assert detect(project({}, "Plain")).name == "plain"
