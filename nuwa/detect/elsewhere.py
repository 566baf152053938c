"""Projects in subfolders of a folder that is not a project itself."""

from __future__ import annotations

import posixpath

from nuwa.detect import frameworks
from nuwa.detect.model import Web
from nuwa.detect.tree import Tree
from nuwa.requirements import kinds


def folders(tree: Tree, web: Web | None) -> list[str]:
    """Subfolders that are projects of their own, if the top is not one or cannot import what was found."""
    if web is not None and web.framework == "Django":
        return []
    if web is not None:
        folder = _own_root(tree, web.module)
        return [folder] if folder else []
    manages = [
        posixpath.dirname(path)
        for path in tree.named("manage.py")
        if "/" in path and b"django" in tree.content(path).lower()
    ]
    return manages or _others(tree)


def _own_root(tree: Tree, module: str) -> str:
    """The folder that a module's own imports start from; empty if it is the project's."""
    top, _, rest = module.partition(":")[0].partition(".")
    source = tree.module(module.partition(":")[0])
    if source is None:
        return ""
    names = {name.split(".")[0] for name in source.imported_modules() if name}
    for folder in map(str, source.path.parents[:-1]):
        in_root = folder.split("/")[0] in names or (folder == "src" and kinds.find(tree.root))
        if not in_root and not tree.has(f"{folder}/__init__.py") and kinds.every(tree.root / folder):
            return folder
    if not rest or tree.has(f"{top}/__init__.py") or source.path.parts[0] == "src":
        return ""
    inside = {name for name in names if tree.has(f"{top}/{name}.py") or (tree.root / top / name).is_dir()}
    outside = {name for name in names if tree.has(f"{name}.py") or (tree.root / name).is_dir()}
    return top if inside - outside and top not in names else ""


def _others(tree: Tree) -> list[str]:
    """Deeper folders with an application and requirements of their own."""
    found = []
    for path in tree.named("pyproject.toml", "requirements.txt", "setup.py"):
        folder = posixpath.dirname(path)
        if folder and folder.count("/") < 4 and folder not in found and not folder.startswith("docs"):
            below = Tree(tree.root / folder)
            if frameworks.recognise(below, None, set()) is not None:
                found.append(folder)
    return found
