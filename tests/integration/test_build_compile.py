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
        "base", "python", "nuwa_python", "build", "requirements", "app",
    ]  # fmt: skip
    assert shop.progress.notes == ["A Python package has no wheel, so packages are built, with compilers."]
    assert shop.sh("/opt/nuwa/venv/bin/python -c 'import docopt; print(docopt.__version__)'") == "0.6.2\n"
    assert shop.sh("command -v gcc cc make git; true") == ""

    image = shop.engine.image(shop.app.names.requirements_image("1"))
    assert image is not None
    assert image.labels[names.LABEL_COMPILED] == "yes"

    shop.write("requirements.txt", "docopt==0.6.2\nsix==1.17.0\n")
    again = shop.build()
    assert [layer.name for layer in again.layers if not layer.cached] == ["requirements", "app"]
    assert len(shop.progress.notes) == 1, "what was needed the last time is not found out again"

    source = "\n".join(f"printf '%s\\n' '{line}'" for line in EXTENSION.splitlines())
    script = (
        f"cd /tmp && {{ {source}; }} >nuwa_test_answer.c && "
        "gcc -shared -fPIC $(python3-config --includes) nuwa_test_answer.c -o nuwa_test_answer.so && "
        "python3 -c 'import nuwa_test_answer; print(nuwa_test_answer.answer())'"
    )
    options = ["--rm", "--network=none", "--entrypoint=/bin/sh"]
    assert shop.engine.run(shop.app.platform.build_image, "-c", script, options=options).stdout == "42\n"
