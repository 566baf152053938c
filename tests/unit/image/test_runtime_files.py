"""What the files that run inside images are written in."""

from __future__ import annotations

import ast
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nuwa import names
from nuwa.image import services
from nuwa.image.build_spec import Recipe
from nuwa.manifest.data import Database
from nuwa.process import run
from nuwa.resources import IMAGES
from unit.image import samples

# Python's bytecode lies there where tests have imported modules of images; it goes into none.
FILES = [
    file
    for file in sorted(IMAGES.glob("*/rootfs*/**/*"))
    if file.is_file() and file.parent.name != "__pycache__"
]
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
    assert {file.name for file in RUN_BY_THE_APP_S_PYTHON} == {
        "gunicorn.conf.py",
        "nuwa_allocator.py",
        "nuwa_front.py",
        "wsgi.py",
    }


def test_every_script_is_executable() -> None:
    scripts = [file for file in FILES if file.read_bytes().startswith(b"#!")]
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
    found = [file.name for file in FILES if "nuwa-init" not in str(file) and lists.search(file.read_text())]
    assert found == []


def as_app(folder: Path, variables: dict[str, str], address: str) -> dict[str, str]:
    """The environment that a command gets, where the manifest maps parts of the database's address."""
    script = (IMAGES / "base/rootfs/usr/lib/nuwa/as-app").read_text()
    for place in ("/usr/lib/nuwa", "/run/secrets", "/srv/app"):
        (folder / place.lstrip("/")).mkdir(parents=True, exist_ok=True)
        script = script.replace(place, f"{folder}{place}")
    (folder / "usr/lib/nuwa/python").symlink_to(sys.executable)
    made = replace(samples.app(), database=Database(engine="postgresql", env=variables))
    file = services.files(made, Recipe.of(made).family)["/usr/lib/nuwa/database-env"]
    (folder / "usr/lib/nuwa/database-env").write_bytes(file.content)
    (folder / "run/secrets/DATABASE_URL").write_text(address)
    (folder / "as-app").write_text(script.replace("PATH=/opt/nuwa/venv/bin:", "PATH=$PATH:"))
    shown = run(["sh", folder / "as-app", "env", "-0"], env={"PATH": os.environ["PATH"]}).stdout
    return dict(item.split("=", 1) for item in shown.split("\0") if item)


PARTS = {f"DB_{name.upper()}": name for name in ("url", "host", "port", "user", "password", "name")}


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("postgresql://blog:s3cret@10.88.0.1:17000/shop", ("10.88.0.1", "17000", "blog", "s3cret", "shop")),
        (
            "postgresql://u%40x:p%2Fw%25%20d@[2001:db8::1]:5/n%C3%A4h?ssl=1",
            ("2001:db8::1", "5", "u@x", "p/w% d", "n\u00e4h"),
        ),
        ("mysql://u@db.example.test/n", ("db.example.test", "", "u", "", "n")),
        ("postgresql://u:a'b\"c$HOME`id`@h:1/n", ("h", "1", "u", "a'b\"c$HOME`id`", "n")),
        ("sqlite:////srv/data/x.sqlite3", ("", "", "", "", "/srv/data/x.sqlite3")),
    ],
)
def test_parts_of_the_databases_address_reach_the_app(
    tmp_path: Path, address: str, parts: tuple[str, ...]
) -> None:
    found = as_app(tmp_path, PARTS, address)
    assert tuple(found[name] for name in ("DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME")) == parts
    assert found["DB_URL"] == address
    assert not [name for name in found if name.startswith("nuwa_")]


def test_an_address_in_another_scheme_keeps_what_is_encoded(tmp_path: Path) -> None:
    wanted = {"DATABASE_URL": "postgresql+asyncpg://{user}:{password}@{host}:{port}/{name}"}
    found = as_app(tmp_path, wanted, "postgresql://u:p%2Fw@h:1/n")
    assert found["DATABASE_URL"] == "postgresql+asyncpg://u:p%2Fw@h:1/n"


def test_a_line_that_log_as_does_not_split_fits_into_a_message_of_rsyslog_with_its_header() -> None:
    files = IMAGES / "base" / "rootfs"
    longest = re.search(r"--size (\d+)KiB", (files / "usr/lib/nuwa/log-as.awk").read_text())
    message = re.search(r'maxMessageSize="(\d+)k"', (files / "etc/rsyslog.conf").read_text())
    assert longest
    assert message
    assert 1024 * int(longest[1]) + 1000 < 1024 * int(message[1])


def test_files_of_images_state_the_default_port_and_the_app_s_id_as_the_names_do() -> None:
    text = "\n".join(path.read_text(errors="replace") for path in FILES)
    ports = re.findall(r"\$\{PORT:-(\d+)\}", text) + re.findall(r'environ\.get\("PORT", "(\d+)"\)', text)
    ids = re.findall(r"s6-applyuidgid -g (\d+)", text) + re.findall(r"chown (\d+)", text)
    assert (len(ports), set(ports)) == (3, {str(names.PORT)})
    assert (len(ids), set(ids)) == (2, {str(names.APP_ID)})
