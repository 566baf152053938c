"""The wheel and the sdist: `nuwa` works outside the checkout, with everything that it carries."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CARRIED = ("images", "templates", "bin-templates")
UV = Path(sys.executable).with_name("uv")


def run(*words, cwd, **env):
    """Run a program that must succeed, outside the checkout and without its environment."""
    clean = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(
        words, cwd=cwd, env={**clean, **env}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    keep_out = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "dist")
    shutil.copytree(ROOT, source, ignore=keep_out, symlinks=True)
    run(UV, "build", "--quiet", "--python", sys.executable, "--out-dir", folder, source, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (found,) = built.glob("nuwa-*.whl")
    return found


@pytest.fixture(scope="module")
def nuwa(wheel, tmp_path_factory):
    """The `nuwa` of an environment that holds the wheel, and nothing else but what it asks for."""
    environment = tmp_path_factory.mktemp("environment")
    run(UV, "venv", "--quiet", "--python", sys.executable, environment, cwd=environment)
    run(UV, "pip", "install", "--quiet", "--python", environment, wheel, cwd=environment)
    return environment / "bin" / "nuwa"


def carried():
    """The data files of the checkout, by their path in the package."""
    return {
        f"nuwa/_data/{path.relative_to(ROOT)}": path
        for folder in CARRIED
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_carries_all_data_and_all_modules(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "nuwa").rglob("*.py")}
    assert names >= set(carried()) | modules | {"nuwa/py.typed"}
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests/", "docs/"))]


def test_no_data_file_is_a_symbolic_link_which_a_wheel_cannot_hold():
    assert not [path for folder in CARRIED for path in (ROOT / folder).rglob("*") if path.is_symlink()]


def test_the_sdist_holds_what_a_build_needs_and_the_licence(built):
    (sdist,) = built.glob("nuwa-*.tar.gz")
    names = run("tar", "-tzf", sdist, cwd=built).split()
    inside = {name.partition("/")[2] for name in names}
    assert inside >= {"pyproject.toml", "LICENSE", "README.md", "nuwa/cli/main.py", "images/pins.toml"}


def test_scripts_stay_executable_once_installed(nuwa):
    code = "from nuwa import resources; print(resources.IMAGES.parent)"
    data = Path(run(nuwa.with_name("python"), "-c", code, cwd="/").strip())
    assert data.name == "_data"
    for name, path in carried().items():
        installed = data.parent.parent / name
        assert os.access(installed, os.X_OK) == os.access(path, os.X_OK), name


def test_nuwa_works_outside_the_checkout(nuwa, tmp_path):
    (tmp_path / "app.py").write_text("from flask import Flask\napp = Flask('x')\n")
    (tmp_path / "requirements.txt").write_text("flask\n")
    assert "Flask: application app:app" in run(nuwa, "init", cwd=tmp_path)
    assert "is valid" in run(nuwa, "check", cwd=tmp_path)
    shown = run(nuwa, "build", "--print", "--family", "debian", cwd=tmp_path)
    assert shown.count("\nFROM ") >= 4
    assert json.loads(run(nuwa, "schema", cwd=tmp_path))["title"] == "nuwa.toml"
    assert run(nuwa, "--help", cwd=tmp_path).startswith("Usage: nuwa")


def test_the_installed_nuwa_gives_the_same_setup_label(nuwa, tmp_path):
    """The scripts come from the data folders: the label shows whether all of them arrived unchanged."""
    code = (
        "import hashlib; from nuwa import payload; from nuwa.manifest.model import App, AppSection, Server;"
        "app = App(AppSection('x'), Server('a:b'));"
        "print(hashlib.sha256(payload.setup_script(app).encode()).hexdigest())"
    )
    assert run(nuwa.with_name("python"), "-c", code, cwd=tmp_path) == run(
        sys.executable, "-c", code, cwd=ROOT
    )
