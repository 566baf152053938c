"""What `nuwa init` recognises, in projects written down here; none of their code ever runs."""

from __future__ import annotations

import pytest

from nuwa.detect.detect import detect


@pytest.mark.parametrize(
    ("files", "framework", "kind", "module"),
    [
        ({"app.py": "from flask import Flask\napp = Flask(__name__)\n"}, "Flask", "gunicorn", "app:app"),
        ({"web.py": "import flask\nsite = flask.Flask('x')\n"}, "Flask", "gunicorn", "web:site"),
        (
            {"shop/__init__.py": "from flask import Flask\ndef create_app():\n    return Flask('x')\n"},
            "Flask",
            "gunicorn",
            "shop:create_app()",
        ),
        (
            {
                "wsgi.py": "from shop import create_app\napp = create_app()\n",
                "shop/__init__.py": "from flask import Flask\ndef create_app(): ...\n",
            },
            "Flask",
            "gunicorn",
            "wsgi:app",
        ),
        (
            {"main.py": "from fastapi import FastAPI\napp: FastAPI = FastAPI()\n"},
            "FastAPI",
            "uvicorn",
            "main:app",
        ),
        (
            {"a/b/main.py": "from starlette.applications import Starlette\napp = Starlette()\n"},
            "Starlette",
            "uvicorn",
            "a.b.main:app",
        ),
        (
            {
                "main.py": "from fastapi import FastAPI\napi = FastAPI()\n",
                "app.py": "from flask import Flask\napp = Flask('x')\n",
            },
            "FastAPI",
            "uvicorn",
            "main:api",
        ),
    ],
)
def test_recognises_flask_and_fastapi(project, files, framework, kind, module):
    web = detect(project(files)).web
    assert (web.framework, web.kind, web.module) == (framework, kind, module)


def test_finds_websockets_of_asgi_applications(project):
    source = "from fastapi import FastAPI\napp = FastAPI()\n@app.websocket('/ws')\nasync def ws(): ...\n"
    assert detect(project({"main.py": source})).web.websocket
    assert not detect(project({"main.py": source.replace("websocket", "get")}, "other")).web.websocket


def test_names_other_applications_as_something_to_check(project):
    source = "from flask import Flask\nx = Flask('x')\n"
    found = detect(project({"app.py": source, "admin.py": source}))
    assert found.web.module == "app:x"
    assert "other applications: admin:x" in found.check


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"app.py": "print('hello')\n"},
        {"app.py": "from flask import Flask\napp = Flask(\n"},
        {"app.py": b"\xff\xfe\0"},
        {"app.py": "app = Flask('x')\n"},
        {"manage.py": "print 'python 2'\n"},
        {"node_modules/x/app.py": "from flask import Flask\napp = Flask('x')\n"},
        {".venv/lib/app.py": "from flask import Flask\napp = Flask('x')\n"},
        {"tests/app.py": "from flask import Flask\napp = Flask('x')\n"},
        {"my-scripts/app.py": "from flask import Flask\napp = Flask('x')\n"},
    ],
)
def test_recognises_nothing_where_there_is_nothing(project, files):
    assert detect(project(files)).web is None


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["requirements.txt"], "requirements.txt"),
        (["requirements.txt", "uv.lock", "pyproject.toml"], "uv.lock"),
        (["requirements.txt", "poetry.lock", "pyproject.toml"], "poetry.lock"),
        (["requirements/production.txt"], "requirements/production.txt"),
        (["pyproject.toml"], "pyproject.toml"),
        ([], ""),
    ],
)
def test_finds_the_requirements(project, names, expected):
    found = detect(project(dict.fromkeys(names, "[project]\nname = 'x'\n")))
    assert found.requirements == expected
    assert any("lists requirements" in sentence for sentence in found.check) == (not expected)
    others = [name for name in names if name != expected and name != "pyproject.toml"]
    assert all(any(name in sentence for sentence in found.check) for name in others), "nothing is passed over"


def test_modules_in_src_are_called_as_the_project_calls_them(project):
    main = "from fastapi import FastAPI\nfrom src.config import X\napp = FastAPI()\n"
    files = {"src/__init__.py": "", "src/config.py": "X = 1\n", "src/main.py": main}
    assert detect(project(files)).web.module == "src.main:app"


def test_an_application_with_requirements_of_its_own_in_a_deeper_folder_is_named(project):
    main = "from fastapi import FastAPI\nfrom part.application.errors import X\napp = FastAPI()\n"
    files = {
        "pyproject.toml": '[project]\nname = "many"\n',
        "src/part/application/pyproject.toml": '[project]\nname = "part-application"\n',
        "src/part/application/part/application/__init__.py": "",
        "src/part/application/part/application/main.py": main,
    }
    assert detect(project(files)).elsewhere == ("src/part/application",)


@pytest.mark.parametrize(
    ("pinned", "release"),
    [
        ("flask==2.1.3", "env FLASK_APP=app:app flask db upgrade"),
        ("Flask==1.1", "env FLASK_APP=app:app flask db upgrade"),
        ("flask==2.2.0", "flask --app app:app db upgrade"),
        ("flask", "flask --app app:app db upgrade"),
    ],
)
def test_the_release_hook_of_an_old_flask_names_the_app_in_a_variable(project, pinned, release):
    files = {"app.py": "from flask import Flask\napp = Flask('x')\n", "migrations/env.py": ""}
    assert detect(project({**files, "requirements.txt": f"{pinned}\nflask-migrate\n"})).web.release == release


@pytest.mark.parametrize(("there", "told"), [(False, True), (True, False)])
def test_a_folder_that_is_served_and_missing_is_told_with_the_way_out(project, there, told):
    main = (
        "from pathlib import Path\nfrom fastapi import FastAPI\napp = FastAPI()\n"
        "PAGES = Path(__file__).parent / 'frontend'\napp.frontend('/', directory=PAGES)\n"
    )
    files = {"app/__init__.py": "", "app/main.py": main, **({"app/frontend/index.html": ""} if there else {})}
    line = 'include = ["*", "app/frontend/"] in [image]'
    assert any(line in sentence for sentence in detect(project(files)).check) is told


LOGS = "os.path.join(os.path.dirname(__file__), 'logs')"


@pytest.mark.parametrize(
    ("makes", "path"),
    [
        ("if not os.path.exists(LOGS):\n    os.makedirs(LOGS)\n", "/srv/app/logs"),
        ("def start():\n    os.makedirs(LOGS)\n", None),
        ("os.makedirs('/tmp/x')\n", None),
    ],
)
def test_a_folder_that_is_made_when_the_app_is_imported_is_a_volume(project, makes, path):
    main = f"import os\nfrom flask import Flask\napp = Flask('x')\nLOGS = {LOGS}\n{makes}"
    assert [volume.path for volume in detect(project({"app.py": main})).volumes] == ([path] if path else [])


@pytest.mark.parametrize(
    ("folder", "is_told"), [("logs", False), ("./logs/old", False), ("/tmp/x", False), ("cache", True)]
)
def test_no_volume_is_asked_for_where_there_is_one(project, folder, is_told):
    main = (
        "import os\nfrom flask import Flask\napp = Flask('x')\nos.makedirs('logs')\n"
        f"def start():\n    os.makedirs('{folder}')\n"
    )
    found = detect(project({"app.py": main}))
    assert any(f"creates the folder {folder}," in line for line in found.check) is is_told
