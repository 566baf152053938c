"""Projects of a few lines, and the manifest that is written for them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from nuwa.detect import annotated_manifest
from nuwa.detect.model import Project
from nuwa.manifest import positions
from nuwa.manifest.load import validate

FLASK = "from flask import Flask\napp = Flask(__name__)\n@app.route('/')\ndef home(): ...\n"


MANAGE = "import os\nimport django\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'c.settings')\n"


def lay(root: Path, files: dict[str, str]) -> Path:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return root


def written(project: Project) -> dict[str, Any]:
    """The manifest that init writes, which is valid."""
    text = annotated_manifest.text(project, family="debian")
    document = tomllib.loads(text)
    validate(document, "nuwa.toml", positions.scan(text))
    return document


CONFIG_MANAGE = """
import os, sys
raise SystemExit("nobody may run this")
def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
"""
"""Ends whoever runs it."""


SETTINGS = """
from pathlib import Path
import os
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ["SECRET_KEY"]
TOKEN = os.getenv("MAIL_TOKEN", "")
WSGI_APPLICATION = "config.wsgi.application"
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql"}}
"""


def django(**changes: str) -> dict[str, str]:
    files = {
        "manage.py": CONFIG_MANAGE,
        "config/settings.py": SETTINGS,
        "config/wsgi.py": "application = 1\n",
    }
    return {**files, **changes}
