"""The path that a health check asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.detect.detect import detect
from tests.unit.detect.projects import FLASK, MANAGE, lay, written


@pytest.mark.parametrize(
    ("routes", "path"),
    [
        ("", "/docs"),
        ("@app.get('/')\ndef a(): ...\n", None),
        ("@app.get('/health')\ndef a(): ...\n", "/health"),
    ],
)
def test_the_health_path_of_an_api_is_one_that_answers(tmp_path: Path, routes: str, path: str | None) -> None:
    text = f"from fastapi import FastAPI\napp = FastAPI()\n{routes}"
    assert written(detect(lay(tmp_path, {"main.py": text}))).get("health", {}).get("path") == path


UP = """from flask import Blueprint
up = Blueprint('up', __name__{prefix})
@up.get('/ping'){guard}
def a(): ...
"""


@pytest.mark.parametrize(
    ("prefix", "guard", "registered", "path"),
    [
        ("", "", "up", "/ping"),
        (", url_prefix='/up/'", "", "up", "/up/ping"),
        (", url_prefix='/up'", "", "up, url_prefix='/v1'", "/v1/ping"),
        ("", "", "up, url_prefix=PREFIX", None),
        ("", "\n@login_required", "up", None),
    ],
)
def test_the_health_path_of_a_blueprint_has_its_prefix_and_asks_for_no_login(
    tmp_path: Path, prefix: str, guard: str, registered: str, path: str | None
) -> None:
    files = {"app.py": f"{FLASK}from up import up\napp.register_blueprint({registered})\n"}
    files["up.py"] = UP.format(prefix=prefix, guard=guard)
    assert written(detect(lay(tmp_path, files))).get("health", {}).get("path") == path


@pytest.mark.parametrize(("login", "told"), [("", True), ("login.login_view = 'auth.login'\n", False)])
def test_a_top_that_sends_to_the_login_answers(tmp_path: Path, login: str, told: bool) -> None:
    app = f"from flask import Flask\napp = Flask(__name__)\n{login}@app.route('/')\n@login_required\n"
    found = detect(lay(tmp_path, {"app.py": f"{app}def home(): ...\n"}))
    assert any("no route for / was found" in line for line in found.check) is told


def test_an_untouched_django_project_is_asked_at_its_login(tmp_path: Path) -> None:
    files = {
        "manage.py": MANAGE.replace("c.settings", "site1.settings"),
        "site1/settings.py": "ROOT_URLCONF = 'site1.urls'\nWSGI_APPLICATION = 'site1.wsgi.application'\n",
        "site1/urls.py": "from django.urls import path\nurlpatterns = [path('admin/', admin.site.urls)]\n",
        "site1/wsgi.py": "",
    }
    assert written(detect(lay(tmp_path, files)))["health"]["path"] == "/admin/login/"
