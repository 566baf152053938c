"""What a failed build says, out of all that it printed."""

from __future__ import annotations

import pytest

from nuwa.console import Quiet
from nuwa.image.steps import Steps


def failed(*lines: str) -> Steps:
    with Quiet().step("build requirements") as step:
        heard = Steps("requirements", step)
        for line in lines:
            heard.line(line)
    return heard


def test_names_the_step_and_shows_what_it_printed() -> None:
    error = failed("nuwa: install Django", "done", "nuwa: build Python packages", "no pg_config").error()
    assert error.message == "requirements: build Python packages failed"
    assert error.details == "no pg_config"


@pytest.mark.parametrize(
    ("title", "hint"),
    [
        ("build Python packages", "image.build_packages"),
        ("install libpq5", "Check the names"),
        ("import shop.wsgi:application", "NUWA_BUILD"),
        ("collect static files", "No image was made."),
    ],
)
def test_says_what_to_do(title: str, hint: str) -> None:
    assert hint in failed(f"nuwa: {title}", "an error").error().hint


def test_a_full_disk_has_its_own_remedy() -> None:
    assert "Make room" in failed("nuwa: install libpq5", "write: No space left on device").error().hint


@pytest.mark.parametrize(
    ("line", "needed"),
    [("psycopg2 has no usable wheels and building from source is disabled", True), ("no network", False)],
)
def test_knows_when_a_compiler_is_missing(line: str, needed: bool) -> None:
    assert failed("nuwa: install Python packages", line).needs_compiler is needed
