"""The wheel and the sdist: `nuwa` works outside the checkout, with everything that it carries."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from nuwa.resources import DISTRIBUTION

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
    """A folder with the sdist, and the wheel that the build backend makes of it."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    keep_out = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "dist")
    shutil.copytree(ROOT, source, ignore=keep_out, symlinks=True)
    run(UV, "build", "--quiet", "--python", sys.executable, "--out-dir", folder, source, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """What `script/wheel` makes of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    path, digest = run(ROOT / "script/wheel", folder, cwd=folder).split()[-2:]
    assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == digest
    return Path(path)


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
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "nuwa").rglob("*.*") if path.suffix != ".pyc"}
    assert names >= set(carried()) | modules | {"nuwa/py.typed"}
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests/", "docs/"))]


def test_the_build_backend_makes_the_same_of_the_sdist(wheel, built):
    """Whoever installs from a checkout by `pip install .` gets what `script/wheel` packs."""
    (other,) = built.glob("nuwa_images-*.whl")
    ours, theirs = (
        {entry.filename: entry.CRC for entry in zipfile.ZipFile(path).infolist()} for path in (wheel, other)
    )
    differing = {name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)}
    assert {Path(name).name for name in differing} == {"RECORD", "WHEEL"}


def test_an_installed_nuwa_gives_back_the_wheel_that_it_came_from(nuwa, wheel, tmp_path):
    code = "import sys; from pathlib import Path; from nuwa.installation import write_wheel as write; "
    code += "write(Path(sys.argv[1]))"
    run(nuwa.with_name("python"), "-c", code, tmp_path, cwd="/")
    (again,) = tmp_path.iterdir()
    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()


def test_nuwa_brings_itself_to_its_place_on_a_host(nuwa, wheel, tmp_path):
    """As `nuwa host init` does, which says no more than where."""
    place, command = tmp_path / "opt/nuwa", tmp_path / "bin-nuwa"
    code = (
        "import sys; from pathlib import Path; from nuwa import installation as i; "
        "where = [Path(word) for word in sys.argv[1:]]; before = i.is_current(*where); "
        "i.install_here(*where); print(before, i.is_current(*where))"
    )
    assert run(nuwa.with_name("python"), "-c", code, place, command, cwd="/") == "False True\n"
    assert run(command, "--version", cwd="/").startswith("nuwa ")
    assert (place / "share" / wheel.name).read_bytes() == wheel.read_bytes()
    assert not [path for path in place.rglob("*") if path.stat().st_mode & 0o022 and not path.is_symlink()]
    listed = json.loads(run(UV, "pip", "list", "--python", place, "--format", "json", cwd="/"))
    pins = {f"{item['name']}=={item['version']}" for item in listed if item["name"] != "nuwa-images"}
    assert pins <= set((ROOT / "nuwa/requirements.lock").read_text().split())
    # The agent's own parts came along.
    run(place / "bin/python", "-c", "import jeepney, nuwa.agent.server, nuwa.dashboard.server", cwd="/")
    # There, it tells that all is in place by itself, and adds what is missing.
    assert run(place / "bin/python", "-c", code, place, command, cwd="/") == "True True\n"
    run(UV, "pip", "uninstall", "--quiet", "--python", place, "jeepney", cwd="/")
    assert run(place / "bin/python", "-c", code, place, command, cwd="/") == "False True\n"


def test_an_index_that_does_not_have_the_requirements_is_named(nuwa, tmp_path):
    code = "from nuwa.installation import install_requirements; install_requirements(['--target', '.'])"
    env = {
        **os.environ,
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(tmp_path),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [nuwa.with_name("python"), "-c", code],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode
    assert "the packages that nuwa needs cannot be installed" in done.stderr
    assert not list(tmp_path.glob("jinja2*"))


def test_the_index_knows_no_package_of_our_name():
    """Else a mistyped command would install a stranger's."""

    def versions(name):
        return subprocess.run(
            [sys.executable, "-m", "pip", "index", "versions", name],
            capture_output=True,
            text=True,
            check=False,
        )

    assert versions("jinja2").returncode == 0, "the index does not answer"
    free = versions(DISTRIBUTION)
    assert free.returncode
    assert f"No matching distribution found for {DISTRIBUTION}" in free.stderr


def test_no_data_file_is_a_symbolic_link_which_a_wheel_cannot_hold():
    assert not [path for folder in CARRIED for path in (ROOT / folder).rglob("*") if path.is_symlink()]


def test_the_sdist_holds_what_a_build_needs_and_the_licence(built):
    (sdist,) = built.glob("nuwa_images-*.tar.gz")
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
        "import hashlib; from nuwa.setup_label import write; "
        "from nuwa.manifest.model import App, AppSection, Server;"
        "app = App(AppSection('x'), Server('a:b'));"
        "print(hashlib.sha256(write.setup_script(app).encode()).hexdigest())"
    )
    assert run(nuwa.with_name("python"), "-c", code, cwd=tmp_path) == run(
        sys.executable, "-c", code, cwd=ROOT
    )
