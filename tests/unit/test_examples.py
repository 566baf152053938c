"""The examples load, are recognised for what they are, and pass their own tests."""

import os
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from nuwa.detect import annotated_manifest
from nuwa.detect.detect import detect
from nuwa.manifest import positions
from nuwa.manifest.load import load, validate
from nuwa.process import run

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
OWN_TESTS = {
    "celery": (["manage.py", "test"], []),
    "django": (["manage.py", "test"], []),
    "flask": (["-m", "unittest"], []),
    "fastapi": (["-m", "unittest"], ["httpx2"]),
}


def test_every_example_is_tested_here() -> None:
    assert {path.parent.name for path in EXAMPLES.glob("*/nuwa.toml")} == set(OWN_TESTS)


@pytest.mark.parametrize("family", ["rockylinux", "debian"])
@pytest.mark.parametrize("name", OWN_TESTS)
def test_its_manifest_loads_for_both_families(name: str, family: str) -> None:
    app = load(EXAMPLES / name / "nuwa.toml", family=family)
    assert app.image.family == family
    assert app.health.path == "/health/"


@pytest.mark.parametrize(
    ("name", "framework", "module", "kind"),
    [
        ("celery", "Django", "config.wsgi:application", "gunicorn"),
        ("django", "Django", "config.wsgi:application", "gunicorn"),
        ("flask", "Flask", "wsgi:application", "gunicorn"),
        ("fastapi", "FastAPI", "pixels.main:app", "uvicorn"),
    ],
)
def test_init_recognises_it_without_its_manifest(
    name: str, framework: str, module: str, kind: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(
        EXAMPLES / name, tmp_path / "shop" / name, ignore=shutil.ignore_patterns("nuwa.toml")
    )
    project = detect(folder, ["3.13"])
    web = project.web
    assert web
    assert (web.framework, web.module, web.kind) == (framework, module, kind)
    assert project.requirements == "requirements.txt"
    text = annotated_manifest.text(project, family="")
    assert validate(tomllib.loads(text), "nuwa.toml", positions.scan(text)).name == "shop", (
        "a folder called after its framework says nothing"
    )


def test_init_finds_what_the_django_site_needs() -> None:
    project = detect(EXAMPLES / "django", ["3.13"])
    web = project.web
    assert web
    assert (web.static_directory, project.environment.generated) == ("staticfiles", ("SECRET_KEY",))
    assert (web.collect, web.release) == (
        "python manage.py collectstatic --noinput",
        "python manage.py migrate --noinput",
    )


def test_init_finds_the_frontend_the_queue_and_the_database_of_the_celery_site() -> None:
    project = detect(EXAMPLES / "celery", ["3.13"])
    assert project.frontend
    assert project.service
    assert project.database
    assert (project.frontend.directory, project.frontend.output) == ("frontend", ("frontend/dist",))
    assert (project.service.env, project.service.queue) == ({"REDIS_URL": "url"}, True)
    assert project.database.engine == "postgresql"


@pytest.mark.parametrize("name", OWN_TESTS)
def test_its_requirements_are_pinned(name: str) -> None:
    lines = (EXAMPLES / name / "requirements.txt").read_text().split()
    assert lines
    assert all("==" in line for line in lines)


@pytest.mark.parametrize("name", OWN_TESTS)
def test_it_passes_its_own_tests(name: str, tmp_path: Path) -> None:
    """In a copy and an environment of its own, as a visitor of the folder would run them."""
    arguments, extra = OWN_TESTS[name]
    left_out = shutil.ignore_patterns("__pycache__", "var")
    folder = shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=left_out)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert uv, "uv is missing: script/bootstrap installs it"
    options = ["--python", sys.executable, "--with-requirements", "requirements.txt"]
    options += [word for package in extra for word in ("--with", package)]
    command = [uv, "run", "--quiet", "--no-project", *options, "python", *arguments]
    run(command, cwd=folder, env={"DEBUG": "1"}, timeout=200)
