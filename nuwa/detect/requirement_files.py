"""Chooses, of all files of a project, the one that lists its requirements."""

from __future__ import annotations

from nuwa.detect import packages
from nuwa.detect.notes import Notes
from nuwa.detect.tree import Tree
from nuwa.manifest import checks
from nuwa.requirements import kinds, project_file

_PRODUCTION_GROUPS = ("prod", "production", "deploy", "deployment")
_MAIN_GROUPS = ("main", "default", "base", "app")
_WITH_GROUPS = ("uv.lock", "poetry.lock", "pdm.lock", "pyproject.toml")


def choose(tree: Tree, notes: Notes) -> tuple[str, tuple[str, ...]]:
    """The requirements file, and those of its groups that are for production."""
    every = kinds.every(tree.root)
    offered = project_file.groups(tree.root)
    if not every and any(group in _MAIN_GROUPS for group in offered):
        every = ["pyproject.toml"]
        chosen = tuple(group for group in offered if group in (*_MAIN_GROUPS, *_PRODUCTION_GROUPS))
    else:
        chosen = tuple(group for group in offered if group in _PRODUCTION_GROUPS)
    if not every:
        notes.check.append(
            f"pyproject.toml names requirements in groups alone ({', '.join(offered)}): set requirements = "
            f'"pyproject.toml" in [image], and in groups those that the app needs'
            if offered
            else f"none of {', '.join(kinds.KINDS)} lists requirements, so none are installed"
        )
        return "", ()
    name, *others = every
    chosen = chosen if name.rpartition("/")[2] in _WITH_GROUPS else ()
    notes.found.append(f"requirements: {name}{' with ' if chosen else ''}{', '.join(chosen)}")
    included = packages.included(tree, name)
    others = [other for other in others if other not in included]
    if name.endswith(".lock"):
        others = [other for other in others if other not in checks.PROJECT_FILES]
    if others:
        notes.check.append(f"requirements come from {name}, not from {', '.join(others)}")
    return name, chosen
