"""`nuwa init` finds Valkey or Redis, and the variables that get its address."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from nuwa.detect import annotated_manifest
from nuwa.detect.detect import detect
from nuwa.manifest import load, positions

APP = "import os\nfrom flask import Flask\napp = Flask(__name__)\n"
COMPOSE = "services:\n  web:\n    build: .\n  cache:\n    image: {}\n"


@pytest.mark.parametrize(
    ("code", "requirements", "files", "env", "persist"),
    [
        ('u = os.environ["REDIS_URL"]\n', "redis\n", {}, {"REDIS_URL": "url"}, False),
        (
            'b = os.environ["CELERY_BROKER_URL"]\nr = os.getenv("CELERY_RESULT_BACKEND")\n',
            "celery[redis]\n",
            {},
            {"CELERY_BROKER_URL": "url", "CELERY_RESULT_BACKEND": "url"},
            True,
        ),
        (
            'c = os.getenv("CACHE", "redis://localhost:6379/1")\n',
            "django-redis\n",
            {},
            {"CACHE": "redis://:{password}@{host}:{port}/1"},
            False,
        ),
        (
            'h = os.environ["REDIS_HOST"]\np = os.environ["REDIS_PORT"]\nw = os.environ["REDIS_PASSWORD"]\n',
            "rq\n",
            {},
            {"REDIS_HOST": "host", "REDIS_PASSWORD": "password", "REDIS_PORT": "port"},
            True,
        ),
        (
            'b = os.environ["BROKER_URL"]\n',
            "celery\n",
            {"compose.yml": COMPOSE.format("valkey/valkey:8")},
            {"BROKER_URL": "url"},
            True,
        ),
    ],
)
def test_the_variables_get_the_address(
    tmp_path: Path, code: str, requirements: str, files: dict[str, str], env: dict[str, str], persist: bool
) -> None:
    for name, text in {"app.py": APP + code, "requirements.txt": f"flask\n{requirements}", **files}.items():
        (tmp_path / name).write_text(text)
    found = detect(tmp_path)
    assert found.service is not None
    assert found.service.env == env
    assert not set(env) & {*found.environment.secrets, *found.environment.generated}
    text = annotated_manifest.text(found)
    (service,) = load.validate(tomllib.loads(text), "nuwa.toml", positions.scan(text)).service
    assert (service.env, service.persist) == (env, persist)


@pytest.mark.parametrize(
    ("code", "requirements", "compose", "told"),
    [
        ("", "flask\n", "", ""),
        ('b = os.environ["CELERY_BROKER_URL"]\n', "celery\n", "rabbitmq:3", "rabbitmq"),
        ('b = os.getenv("CELERY_BROKER_URL", "amqp://guest@mq//")\n', "celery[redis]\n", "", ""),
        ("", "flask\n", "redis:7", "have the code read its address"),
        ('h = os.environ["REDIS_HOST"]\n', "redis\n", "", "have no password"),
        ('u = "redis://localhost:6379/1"\n', "celery[redis]\n", "", "have the code read REDIS_URL"),
        (
            'h = os.getenv("REDIS_HOST")\nw = os.getenv("REDIS_PASSWORD")\n',
            "redis\n",
            "",
            "REDIS_HOST and REDIS_PASSWORD are optional",
        ),
    ],
)
def test_what_is_no_valkey_or_cannot_be_served_gets_none(
    tmp_path: Path, code: str, requirements: str, compose: str, told: str
) -> None:
    (tmp_path / "app.py").write_text(APP + code)
    (tmp_path / "requirements.txt").write_text(f"flask\n{requirements}")
    if compose:
        (tmp_path / "compose.yml").write_text(COMPOSE.format(compose))
    found = detect(tmp_path)
    assert found.service is None
    assert not told or any(told in line for line in found.check)
