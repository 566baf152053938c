"""Folders of a Flask, FastAPI or Starlette application: static files, and folders that it writes to."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from nuwa.detect.model import Obstacle, Volume
from nuwa.detect.source import Source, called, keyword, literal
from nuwa.detect.tree import Tree
from nuwa.names import PROJECT


def static(tree: Tree, sources: Sequence[Source], framework: str) -> tuple[str, str]:
    """The folder of static files and its URL; empty if there is none."""
    marks = (b"Flask(",) if framework == "Flask" else (b"StaticFiles",)
    for item in sources:
        if not any(mark in tree.content(str(item.path)) for mark in marks):
            continue
        for node in ast.walk(item.tree):
            if not isinstance(node, ast.Call):
                continue
            if framework == "Flask" and called(node) == "Flask":
                return _flask_static(tree, item, node)
            if called(node) == "mount" and len(node.args) >= 2 and called(node.args[1]) == "StaticFiles":
                files = node.args[1]
                folder = item.inside(keyword(files, "directory")) if isinstance(files, ast.Call) else ""
                url = literal(node.args[0]).strip("/")
                if folder and url and (tree.root / folder).is_dir():
                    return folder, f"/{url}/"
    return "", ""


def _flask_static(tree: Tree, item: Source, node: ast.Call) -> tuple[str, str]:
    given, url = keyword(node, "static_folder"), keyword(node, "static_url_path")
    if isinstance(url, ast.Constant) and not str(url.value or "").strip("/"):
        return "", ""
    below = item.path.parent.as_posix()
    name = literal(given) or "static"
    folder = _normal(f"{below}/{name}")
    prefix = f"/{literal(url).strip('/')}/" if literal(url) else f"/{name.rpartition('/')[2]}/"
    return (folder, prefix) if folder and (tree.root / folder).is_dir() else ("", "")


def _normal(path: str) -> str:
    import posixpath

    clean = posixpath.normpath(path)
    return "" if clean.startswith("..") or clean == "." else clean


def volumes(tree: Tree, sources: Sequence[Source]) -> Iterator[Volume]:
    """Folders of the project that the code writes to."""
    names = (
        "UPLOAD_FOLDER",
        "UPLOADS_FOLDER",
        "UPLOAD_DIR",
        "UPLOADED_PHOTOS_DEST",
        "MEDIA_ROOT",
        "DATA_DIR",
    )
    seen = set()
    for item in sources:
        for name in names:
            for given in (*item.alternatives(name), *item.in_classes(name)):
                folder = item.inside(given)
                if folder and folder not in seen:
                    seen.add(folder)
                    yield Volume(folder.rpartition("/")[2], f"{PROJECT}/{folder}", "", name)
        if (
            re.search(
                r"makedirs\(\s*app\.instance_path|instance_path\)?\.mkdir|instance_relative_config",
                tree.text(str(item.path)),
            )
            and "instance" not in seen
        ):
            seen.add("instance")
            yield Volume("instance", f"{PROJECT}/instance", "", "app.instance_path")


def made_at_import(tree: Tree, paths: Iterable[str]) -> Iterator[Volume]:
    """Folders of the project that modules create when they are imported, such as one for logs."""
    marked = [path for path in paths if _MAKES.search(tree.content(path))]
    for item in (source for path in marked if (source := tree.source(path)) is not None):
        outer = [node for node in item.tree.body if not isinstance(node, (ast.FunctionDef, ast.ClassDef))]
        for node in (inner for statement in outer for inner in ast.walk(statement)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("os.mkdir", "os.makedirs"):
                folder = item.inside(next(iter(node.args), None))
                if folder and not (tree.root / folder).is_dir():
                    yield Volume(folder.rpartition("/")[2], f"{PROJECT}/{folder}", "", str(item.path))


_MAKES = re.compile(rb"os\.(?:mkdir|makedirs)\(")


def missing(tree: Tree, paths: Iterable[str], made: Collection[str]) -> Iterator[str]:
    """Sentences about missing folders that Starlette or FastAPI serves: without them, the app does not start.

    Args:
        paths: the modules to look at.
        made: folders that the build creates.
    """
    marked = [path for path in paths if any(mark in tree.content(path) for mark in _SERVES)]
    for item in (source for path in marked if (source := tree.source(path)) is not None):
        for node in ast.walk(item.tree):
            given = keyword(node, "directory") if isinstance(node, ast.Call) else None
            folder = item.inside(given) if called(node) in ("StaticFiles", "frontend") else ""
            if folder and not (tree.root / folder).is_dir() and folder not in made:
                yield (
                    f"{item.path} serves {folder}, which is not there, and does not start without it: "
                    f'build it first, and bring it in with include = ["*", "{folder}/"] in [image]'
                )


_SERVES = (b"StaticFiles", b".frontend(")


def writes(tree: Tree, sources: Sequence[Source]) -> Iterator[Obstacle]:
    """Folders of the project that the code creates when it runs."""
    for item in sources:
        for folder in re.findall(
            r"""os\.(?:mkdir|makedirs)\(\s*["']([\w./-]+)["']""", tree.text(str(item.path))
        ):
            sentence = f"{item.path} creates the folder {folder}, but the project is read-only: make it "
            yield Obstacle(folder, f"{sentence}a [[volume]], or log to standard output")
