"""What the files that run inside images are written in."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from nuwa.process import run
from nuwa.resources import IMAGES

RUN_BY_THE_APP_S_PYTHON = sorted((IMAGES / "nuwa_python").glob("rootfs*/**/*.py"))
NEWER_THAN_2_7 = (
    ast.AnnAssign,
    ast.AsyncFor,
    ast.AsyncFunctionDef,
    ast.AsyncWith,
    ast.Await,
    ast.JoinedStr,
    ast.MatMult,
    ast.Match,
    ast.NamedExpr,
    ast.Nonlocal,
    ast.Starred,
    ast.TryStar,
    ast.YieldFrom,
)


def newer_than_2_7(node: ast.AST) -> bool:
    if isinstance(node, ast.arguments):
        annotated = any(argument.annotation for argument in [*node.args, *node.kwonlyargs])
        return annotated or bool(node.kwonlyargs or node.posonlyargs)
    if isinstance(node, ast.FunctionDef):
        return node.returns is not None
    if isinstance(node, ast.Raise):
        return node.cause is not None
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args
    return isinstance(node, NEWER_THAN_2_7)


@pytest.mark.parametrize("file", RUN_BY_THE_APP_S_PYTHON, ids=lambda file: file.name)
def test_files_that_the_app_s_python_runs_keep_to_python_2_7(file: Path) -> None:
    text = file.read_text()
    assert text.isascii(), "Python 2.7 takes nothing else without a declaration"
    found = [node for node in ast.walk(ast.parse(text)) if newer_than_2_7(node)]
    assert [ast.dump(node) for node in found] == []


def test_there_are_such_files() -> None:
    assert {file.name for file in RUN_BY_THE_APP_S_PYTHON} == {"gunicorn.conf.py", "wsgi.py"}


def test_every_script_is_executable() -> None:
    scripts = [
        file
        for file in IMAGES.glob("*/rootfs*/**/*")
        if file.is_file() and file.read_bytes().startswith(b"#!")
    ]
    assert len(scripts) > 20
    assert [str(file) for file in scripts if file.stat().st_mode & 0o111 != 0o111] == []


S6_OVERLAY_S_OWN = (
    "s6rc-fdholder",
    "s6rc-oneshot-runner",
    "s6-linux-init-shutdownd",
    "s6-linux-init-runleveld",
)
SERVICES = IMAGES / "base/rootfs/usr/lib/nuwa/services"


def test_what_s6_overlay_supervises_for_itself_is_no_service_of_the_container(tmp_path: Path) -> None:
    for name in (*S6_OVERLAY_S_OWN, ".s6-svscan", "server", "process-s6", "s6-notes"):
        (tmp_path / name).mkdir()
    assert run([SERVICES, tmp_path]).stdout.split() == ["process-s6", "s6-notes", "server"]


def test_a_container_without_services_has_none(tmp_path: Path) -> None:
    assert run([SERVICES, tmp_path]).stdout == ""


def test_no_other_script_lists_the_folder_of_services() -> None:
    """nuwa-init itself laid it out, and knows what is there."""
    lists = re.compile(r"/run/service\"?/\*|(find|ls) /run/service")
    found = [
        file.name
        for file in IMAGES.glob("*/rootfs*/**/*")
        if file.is_file() and "nuwa-init" not in str(file) and lists.search(file.read_text())
    ]
    assert found == []
