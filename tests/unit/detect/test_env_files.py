"""Files of variables that the code does not start without."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.detect.detect import detect
from tests.unit.detect.projects import lay, written

MAIN = "from fastapi import FastAPI\nimport app.config\napp = FastAPI()\n"
CONFIG = """
import os
from starlette.config import Config
here = os.path.dirname(os.path.realpath(__file__))
config = Config({file})
"""


@pytest.mark.parametrize(
    ("file", "commands"),
    [
        ('os.path.join(here, "..", ".env")', ["touch .env"]),
        ('env_file="settings/production.env"', ["touch settings/production.env"]),
        ('os.path.join(here, "there.cfg")', None),
        ("", None),
    ],
)
def test_a_file_that_starlette_insists_on_is_made(
    tmp_path: Path, file: str, commands: list[str] | None
) -> None:
    files = {"app/main.py": MAIN, "app/config.py": CONFIG.format(file=file), "app/there.cfg": "A=1\n"}
    found = detect(lay(tmp_path, files | {"app/__init__.py": "", ".env": "SECRET=1\n"}))
    assert written(found).get("build", {}).get("commands") == commands
