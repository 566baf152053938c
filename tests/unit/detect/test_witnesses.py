"""What a project's own deployment files say, and what `nuwa init` makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.detect import annotated_manifest
from nuwa.detect.detect import detect
from tests.unit.detect.projects import FLASK, MANAGE, lay, written

FACTORY = "from flask import Flask\ndef create_app(config_name):\n    app = Flask(__name__)\n    return app\n"


def test_a_procfile_names_server_release_and_workers(tmp_path: Path) -> None:
    procfile = (
        "web: newrelic-admin run-program gunicorn shop.main:site --log-file -\n"
        "release: flask db upgrade\n"
        "worker: celery -A shop.jobs worker -l info\n"
        "beat: celery -A shop.jobs beat\n"
        "assets: npm run watch\n"
    )
    files = {
        "Procfile": procfile,
        "shop/main.py": FLASK.replace("app", "site"),
        "shop/__init__.py": "",
        "other.py": FLASK,
        "requirements.txt": "flask\nflask-migrate\ncelery\n",
        "migrations/env.py": "",
    }
    found = written(detect(lay(tmp_path, files)))
    assert found["server"] == {"module": "shop.main:site", "kind": "gunicorn"}
    assert found["hooks"]["release"] == "flask --app shop.main:site db upgrade"
    commands = {item["name"]: item["command"] for item in found["process"]}
    assert commands["worker"] == "celery -A shop.jobs worker -l info"
    assert commands["beat"] == "celery -A shop.jobs beat --schedule /tmp/celerybeat-schedule"
    assert [item["name"] for item in found["process"] if item.get("handover") == "exclusive"] == ["beat"]
    assert len(commands) == 2


def test_what_was_found_says_where_it_stands(tmp_path: Path) -> None:
    text = annotated_manifest.text(
        detect(lay(tmp_path, {"Procfile": "web: gunicorn app:app\n", "app.py": FLASK}))
    )
    assert "# From Procfile.\nmodule = " in text


def test_a_factory_that_needs_an_argument_is_not_chosen_over_the_module_that_calls_it(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {"blog/__init__.py": FACTORY, "run_blog.py": "from blog import create_app\napp = create_app('x')\n"},
    )
    web = detect(tmp_path).web
    assert web
    assert web.module == "run_blog:app"


@pytest.mark.parametrize(
    "files",
    [
        {
            "main.py": (
                "from fastapi import FastAPI\ndef get_application() -> FastAPI: ...\n"
                "app = get_application()\n"
            )
        },
        {
            "app/setup.py": "",
            "app/made.py": "from fastapi import FastAPI\ndef create_application():\n    return FastAPI()\n",
            "main.py": "from app.made import create_application\napp = create_application()\n",
        },
        {"main.py": "from fastapi import FastAPI as F\nif True:\n    app = F()\n"},
        {"main.py": "from fastapi import FastAPI\nclass My(FastAPI): ...\napp = My()\n"},
    ],
)
def test_applications_are_recognised_however_they_are_made(tmp_path: Path, files: dict[str, str]) -> None:
    web = detect(lay(tmp_path, files)).web
    assert web
    assert (web.framework, web.module) == ("FastAPI", "main:app")


def test_tests_and_scripts_are_no_applications(tmp_path: Path) -> None:
    files = {"test_app.py": FLASK, "scripts/app.py": FLASK, "shop/web.py": FLASK}
    web = detect(lay(tmp_path, files)).web
    assert web
    assert web.module == "shop.web:app"


def test_a_project_in_a_folder_below_is_named(tmp_path: Path) -> None:
    manage = MANAGE.replace("c.settings", "s")
    assert detect(lay(tmp_path / "a", {"app/manage.py": manage})).elsewhere == ("app",)
    api = {"backend/app/main.py": "from fastapi import FastAPI\nfrom app.api import x\napp = FastAPI()\n"}
    api |= {"backend/app/api.py": "x = 1\n", "requirements.txt": "fastapi\n"}
    assert detect(lay(tmp_path / "b", api)).elsewhere == ("backend",)


def test_a_source_folder_is_on_the_path(tmp_path: Path) -> None:
    web = detect(lay(tmp_path, {"src/shop/main.py": "from fastapi import FastAPI\napp = FastAPI()\n"})).web
    assert web
    assert web.module == "shop.main:app"


@pytest.mark.parametrize(
    ("files", "python"),
    [
        ({".python-version": "# which Python\n3.12\n"}, "3.12"),
        ({"runtime.txt": "python-3.11.4\n"}, "3.11"),
        ({"Dockerfile": "ARG V=3.12\nFROM python:${V}-slim\n"}, "3.12"),
        ({".tool-versions": "nodejs 20\npython 3.11.9\n"}, "3.11"),
        ({"Pipfile": '[requires]\npython_version = "3.12"\n'}, "3.12"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "~3.12"\n'}, "3.12"),
        ({"runtime.txt": "python-3.6.1\n"}, "3.11"),
    ],
)
def test_python_is_what_the_project_pins_or_the_nearest(
    tmp_path: Path, files: dict[str, str], python: str
) -> None:
    assert detect(lay(tmp_path, files), ("3.13", "3.12", "3.11")).python == python


COMPOSE = """
services:
  db: {image: "postgres:16"}
  cache: {image: "redis:7"}
  web:
    build: .
    command: uvicorn main:app --host 0.0.0.0
    environment: {REGION: eu, SECRET: "${SECRET}"}
    volumes: [".:/code", "uploads:/code/uploads", "./data:/data"]
    healthcheck: {test: ["CMD", "curl", "-f", "http://localhost:8000/healthz"]}
  worker:
    build: .
    command: ["celery", "-A", "main", "worker"]
  e2e: {build: ./tests, command: pytest, volumes: ["out:/out"]}
"""


def test_compose_names_database_processes_volumes_and_health(tmp_path: Path) -> None:
    files = {
        "compose.yaml": COMPOSE,
        "Dockerfile": (
            "FROM python:3.13\nWORKDIR /code\n"
            "RUN apt-get update && apt-get install -y gettext gcc libmagic1\n"
        ),
        "main.py": (
            "import os\nfrom fastapi import FastAPI\napp = FastAPI()\n"
            "URL = os.environ['DATABASE_URL']\nR = os.environ['REGION']\n"
        ),
        "requirements.txt": "fastapi\nasyncpg\ncelery\n",
    }
    project = detect(lay(tmp_path, files), ("3.13",))
    found = written(project)
    assert found["database"] == {"engine": "postgresql"}
    assert [item["command"] for item in found["process"]] == ["celery -A main worker"]
    assert {item["path"] for item in found["volume"]} == {"/srv/app/uploads", "/data"}
    assert found["health"]["path"] == "/healthz"
    assert found["image"]["packages"] == ["gettext", "libmagic1"]
    assert found["env"]["clear"] == {"REGION": "eu"}
    assert any("redis" in sentence for sentence in project.check)


def test_settings_in_branches_are_seen_and_nothing_untrue_is_said(tmp_path: Path) -> None:
    settings = (
        "import os\nfrom pathlib import Path\nBASE_DIR = Path(__file__).parent.parent\n"
        "if os.getenv('HOSTS'):\n    ALLOWED_HOSTS = os.environ['HOSTS'].split()\n"
        "else:\n    ALLOWED_HOSTS = []\n"
        "if 'SECRET_KEY' in os.environ:\n    SECRET_KEY = os.environ['SECRET_KEY']\n"
        "else:\n    SECRET_KEY = 'x'\n"
        "if os.getenv('PROD'):\n    STATIC_ROOT = BASE_DIR / 'collected'\n    MEDIA_ROOT = BASE_DIR / 'up'\n"
    )
    project = detect(lay(tmp_path, {"manage.py": MANAGE, "c/settings.py": settings, "c/wsgi.py": ""}))
    found = written(project)
    assert found["static"]["directory"] == "collected"
    assert [item["path"] for item in found["volume"]] == ["/srv/app/up"]
    assert found["env"]["generated"] == ["SECRET_KEY"]
    said = " ".join(project.check)
    assert "ALLOWED_HOSTS" not in said
    assert "SECRET_KEY" not in said


@pytest.mark.parametrize(
    ("static", "media"), [("B/'files'/'static'", "B/'files'"), ("B/'static'", "B/'static'/'media'")]
)
def test_media_and_static_files_that_touch_are_told_and_a_manifest_is_written(
    tmp_path: Path, static: str, media: str
) -> None:
    head = "from pathlib import Path\nB = Path(__file__).parent.parent\n"
    settings = f"{head}STATIC_ROOT = {static}\nMEDIA_ROOT = {media}\n"
    project = detect(lay(tmp_path, {"manage.py": MANAGE, "c/settings.py": settings, "c/wsgi.py": ""}))
    assert "volume" not in written(project)
    assert any("touch" in sentence for sentence in project.check)


def test_a_name_that_says_nothing_gives_way_to_the_folder_above(tmp_path: Path) -> None:
    assert detect(lay(tmp_path / "bookshop" / "backend", {"app.py": FLASK})).name == "bookshop"
    assert detect(lay(tmp_path / "x" / "site1", {"pyproject.toml": '[project]\nname = ""\n'})).name == "site1"


def test_broken_files_of_any_kind_are_passed_over(tmp_path: Path) -> None:
    broken = {
        "compose.yaml": "a: [",
        "fly.toml": "x = ",
        "app.json": "{",
        "Procfile": "web",
        "Dockerfile": 'CMD ["a"',
        "uwsgi.ini": "[",
        "supervisord.conf": "x",
        "config/deploy.yml": ": :",
        ".env.example": "=\n==",
        "app.py": FLASK,
    }
    web = detect(lay(tmp_path, broken)).web
    assert web
    assert web.module == "app:app"


MOUNTS = """
services:
  web:
    build: .
    command: gunicorn shop:app
    volumes: ["./shop:/code/shop", "./nginx:/etc/x", "uploads:/code/uploads", "conf:/code/nginx/conf.d"]
  backup:
    build: backup
    volumes: ["backups:/backups"]
  store:
    build: postgres
    volumes: ["data:/data"]
"""


def test_volumes_are_data_and_neither_code_nor_configuration_nor_another_services(tmp_path: Path) -> None:
    files = {
        "shop/__init__.py": FLASK,
        "requirements.txt": "flask\npsycopg2\n",
        "nginx/site.conf": "server {}\n",
        "compose.yml": MOUNTS,
        "compose.override.yml": "services:\n  web:\n    build: .\n    volumes: ['./cov:/code/cov']\n",
        "Dockerfile": "FROM python:3.13\nENV HERE=/code\nWORKDIR $HERE\n",
        "backup/Dockerfile": "FROM alpine\n",
        "postgres/Dockerfile": "FROM postgres\n",
    }
    found = detect(lay(tmp_path, files))
    assert [volume.path for volume in found.volumes] == ["/srv/app/uploads"]


def test_the_first_dockerfile_says_where_the_project_lies(tmp_path: Path) -> None:
    files = {
        "shop.py": FLASK,
        "Dockerfile": "FROM python:3.13\nWORKDIR /usr/src/app\n",
        "Dockerfile.prod": "FROM python:3.13\nENV APP_HOME=/home/app/web\nWORKDIR $APP_HOME\n",
        "compose.yml": "services:\n  web:\n    build: .\n    volumes: ['m:/home/app/web/media']\n",
    }
    assert [volume.path for volume in detect(lay(tmp_path, files)).volumes] == ["/srv/app/media"]


def test_packages_of_a_stage_that_is_thrown_away_are_not_needed(tmp_path: Path) -> None:
    dockerfile = (
        "FROM python:3.11 AS base\nRUN apt-get install -y libmagic1\n"
        "FROM python:3.12 AS builder\nRUN apt-get install -y libheif1\n"
        "FROM base\nRUN apt-get install -y gettext libapache2-mod-wsgi-py3\n"
    )
    found = detect(lay(tmp_path, {"shop.py": FLASK, "Dockerfile": dockerfile}))
    assert set(found.packages) == {"libmagic1", "gettext"}
    assert found.python == "3.11"


def test_the_compose_file_of_the_repository_tells_of_a_project_two_folders_below(tmp_path: Path) -> None:
    compose = (
        "services:\n"
        "  web:\n    build: ./services/web\n    command: gunicorn main:app\n"
        "    volumes: ['media:/app/media']\n"
        "  other:\n    build: ./services/other\n    command: python other.py\n    volumes: ['o:/app/other']\n"
        "  db:\n    image: postgres:16\n"
    )
    root = lay(
        tmp_path,
        {
            "compose.yml": compose,
            "services/web/main.py": FLASK + "import os\nURL = os.environ['DATABASE_URL']\n",
            "services/web/requirements.txt": "flask\n",
        },
    )
    (root / ".git").mkdir()
    found = detect(root / "services/web")
    assert [volume.path for volume in found.volumes] == ["/srv/app/media"]
    assert found.database is not None
    assert found.database.engine == "postgresql"
    assert detect(root).elsewhere == ("services/web",)


UNIT = r"""
[Service]
Environment="VENV=/srv/shop/.venv/bin"
Environment="OPTIONS=--pidfile=/run/%n.pid --loglevel=INFO" NAMES=first
ExecStart=/bin/sh -c '${VENV}/newrelic-admin run-program ${VENV}/celery -A s multi start ${NAMES} ${OPTIONS}'
"""


def test_workers_of_systemd_units_run_in_the_foreground(tmp_path: Path) -> None:
    scheduler = (
        "[Service]\nExecStart=/srv/.venv/bin/newrelic-admin run-program /srv/.venv/bin/python jobs.py\n"
    )
    server = "[Service]\nExecStart=/srv/.venv/bin/granian --uds x.sock --interface wsgi shop:app\n"
    files = {
        "shop.py": FLASK,
        "deploy/worker.service": UNIT,
        "deploy/jobs.service": scheduler,
        "deploy/web.service": server,
    }
    found = detect(lay(tmp_path, files))
    commands = {process.name: process.command for process in found.processes}
    assert commands == {"worker": "celery -A s worker --loglevel=INFO", "jobs": "python jobs.py"}
    assert found.web is not None
    assert (found.web.module, found.web.kind) == ("shop:app", "gunicorn")


def test_one_worker_that_two_files_start_is_one_process(tmp_path: Path) -> None:
    compose = (
        "services:\n  worker:\n    build: .\n    command: celery -A s worker -P threads -l info -Q a,b\n"
    )
    unit = "[Service]\nExecStart=/srv/venv/bin/celery -A s worker -l info -Q a,b\n"
    files = {"shop.py": FLASK, "compose.yml": compose, "shop-worker.service": unit}
    assert [process.name for process in detect(lay(tmp_path, files)).processes] == ["worker"]


def test_an_application_that_no_framework_is_known_of_is_not_called_flask(tmp_path: Path) -> None:
    files = {
        "site1.py": "from wsgi_tools import make\napp = make()\n",
        "Procfile": "web: gunicorn site1:app\n",
    }
    web = detect(lay(tmp_path, files)).web
    assert web is not None
    assert (web.framework, web.module, web.found) == (
        "",
        "site1:app",
        "application site1:app",
    )


def test_what_else_runs_before_the_server_is_told(tmp_path: Path) -> None:
    script = (
        "#!/bin/sh\npython manage.py make_key\npython manage.py migrate\npython manage.py collectstatic\n"
        "gunicorn shop:app\n"
    )
    files = {"shop.py": FLASK, "start.sh": script, "Dockerfile": "FROM python:3.13\nCMD ./start.sh\n"}
    told = [line for line in detect(lay(tmp_path, files)).check if "before the server starts" in line]
    assert told == [
        "before the server starts, Dockerfile also runs python manage.py make_key: "
        "what each release needs of it goes into [hooks] release"
    ]


def test_a_variable_that_names_a_volumes_folder_is_handed_over(tmp_path: Path) -> None:
    compose = (
        "services:\n  web:\n    build: .\n    volumes: ['u:/var/uploads']\n"
        "    environment: {UPLOAD_FOLDER: /var/uploads, LEVEL: info}\n"
    )
    found = detect(lay(tmp_path, {"shop.py": FLASK, "compose.yml": compose}))
    assert found.environment.clear == {"UPLOAD_FOLDER": "/var/uploads"}


def test_an_example_gives_values_that_are_the_same_everywhere(tmp_path: Path) -> None:
    code = FLASK + "import os\nA = os.environ['JWT_ALGORITHM']\nB = os.environ['MAIL_HOST']\n"
    files = {"main.py": code, ".env.example": "JWT_ALGORITHM=HS256\nMAIL_HOST=mail\n"}
    found = detect(lay(tmp_path, files)).environment
    assert found.clear == {"JWT_ALGORITHM": "HS256"}
    assert [variable.name for variable in found.open] == ["MAIL_HOST"]


@pytest.mark.parametrize(
    ("file", "recipe"),
    [
        ("justfile", "@cron:\n    just run tidy\n    # python manage.py no\n"),
        ("Makefile", "web-cron: build\n\t@just run tidy\n"),
    ],
)
def test_a_recipe_of_scheduled_jobs_is_told_as_it_does_not_say_when(
    tmp_path: Path, file: str, recipe: str
) -> None:
    found = detect(lay(tmp_path, {"main.py": FLASK, file: f"run *ARGS:\n    x\n\n{recipe}\nother:\n    y\n"}))
    assert f"{file} has a recipe of scheduled jobs (just run tidy)" in "\n".join(found.check)
    assert found.jobs == ()
