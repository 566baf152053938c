"""Python packages without a wheel: compiled in an image of their own, once it is known that they need it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from building import Project, project

from nuwa import names
from nuwa.engine import Engine

EXTENSION = """\
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "nuwa_test_answer", "", -1, methods};
PyMODINIT_FUNC PyInit_nuwa_test_answer(void) { return PyModule_Create(&definition); }
"""
"""What needs a compiler and Python's headers; docopt, in the requirements, comes as source alone."""


@pytest.fixture
def shop(engine: Engine, tmp_path: Path) -> Iterator[Project]:
    with project(engine, tmp_path / "shop", "compile") as made:
        made.write("requirements.txt", "docopt==0.6.2\n")
        yield made


def test_a_package_without_a_wheel_is_built_where_compilers_are(shop: Project) -> None:
    built = shop.build()
    assert [layer.name for layer in built.layers] == [
        "base", "python", "nuwa_python", "build", "requirements", "packages", "app",
    ]  # fmt: skip
    assert shop.progress.notes == ["A Python package has no wheel, so packages are built, with compilers."]
    assert shop.sh("/opt/nuwa/venv/bin/python -c 'import docopt; print(docopt.__version__)'") == "0.6.2\n"
    assert shop.sh("command -v gcc cc make git; true") == ""

    image = shop.engine.image(shop.app.names.requirements_image("1"))
    assert image is not None
    assert image.labels[names.LABEL_COMPILED] == "yes"

    shop.write("requirements.txt", "docopt==0.6.2\nsix==1.17.0\n")
    again = shop.build()
    assert [layer.name for layer in again.layers if not layer.cached] == ["requirements", "packages", "app"]
    assert len(shop.progress.notes) == 1, "what was needed the last time is not found out again"

    source = "\n".join(f"printf '%s\\n' '{line}'" for line in EXTENSION.splitlines())
    script = (
        f"cd /tmp && {{ {source}; }} >nuwa_test_answer.c && "
        "gcc -shared -fPIC $(python3-config --includes) nuwa_test_answer.c -o nuwa_test_answer.so && "
        "python3 -c 'import nuwa_test_answer; print(nuwa_test_answer.answer())'"
    )
    options = ["--rm", "--network=none", "--entrypoint=/bin/sh"]
    assert shop.engine.run(shop.app.platform.build_image, "-c", script, options=options).stdout == "42\n"


POETRY = """\
[tool.poetry]
name = "shop"
readme = "README.md"
[tool.poetry.dependencies]
python = "^3.11"
six = "^1.16"
core = {path = "libs/core", develop = true}
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""
LOCK = """\
[[package]]
name = "core"
version = "1"
[package.source]
type = "directory"
url = "libs/core"

[[package]]
name = "six"
version = "1.16.0"
[[package.files]]
file = "six-1.16.0-py2.py3-none-any.whl"
hash = "sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"
"""
CORE = """\
[project]
name = "core"
version = "1"
dependencies = ["six"]
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
"""


def test_a_lock_of_poetrys_and_a_package_of_the_project_are_installed(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop.folder / "requirements.txt").unlink()
    shop.write("pyproject.toml", POETRY)
    shop.write("poetry.lock", LOCK)
    shop.write("libs/core/pyproject.toml", CORE)
    shop.write("libs/core/core/__init__.py", "import six\nversion = six.__version__\n")
    shop.build()
    assert (
        shop.sh("/opt/nuwa/venv/bin/python -c 'import core; print(core.version)'", user="app") == "1.16.0\n"
    )
    assert "/srv/app" not in shop.sh("/opt/nuwa/venv/bin/python -c 'import core; print(core.__file__)'")

    monkeypatch.setenv("NUWA_TEST_TOKEN", "token-of-a-private-index")
    (shop.folder / "poetry.lock").unlink()
    (shop.folder / "pyproject.toml").unlink()
    shop.write(
        "requirements.txt", "--extra-index-url file:///mnt/${NUWA_TEST_TOKEN}\n./libs/core\nsix==1.17.0\n"
    )
    shop.build()
    assert shop.sh("/opt/nuwa/venv/bin/python -c 'import core; print(core.version)'") == "1.17.0\n"
    leaked = shop.sh("grep -rlF token-of-a-private-index /opt /srv /etc /usr/lib/nuwa; true")
    assert leaked == ""
    assert "token-of-a-private-index" not in shop.engine.podman("image", "inspect", shop.app.tag).stdout
