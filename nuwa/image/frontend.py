"""A frontend that Node builds in a stage of its own: its package manager, its files, its layer.

Its inputs are only the frontend's files, so a change to Python code does not rebuild it. The image holds
the output, at the paths that it has in the project; the app layer copies all of it.
"""

from __future__ import annotations

import fnmatch
import os
import shlex
from pathlib import Path

from nuwa import names
from nuwa.image import context, git, layer_tree, node_registries, pins
from nuwa.image.build_spec import Recipe
from nuwa.image.files import Files, script
from nuwa.image.layers import Layer, containerfile, shared_labels
from nuwa.manifest.image import Image, Node
from nuwa.quoting import comment
from nuwa.requirements import kinds
from nuwa.requirements.node import Manager, manager

_ENVIRONMENTS = (".env", ".env.*")
_NEVER = tuple(pattern for pattern in context.NEVER if pattern not in _ENVIRONMENTS)
_NO_PART = ("*.py", "/nuwa.toml", *(f"/{name}" for name in kinds.KINDS))
"""Files that are not part of a frontend without a folder of its own."""


def _package(chosen: Manager) -> str:
    """The npm package that provides a package manager; empty: it is included in Node."""
    pinned: str = pins.pins()["node"][chosen.format]
    return f"{pinned.rpartition('@')[0]}@{chosen.version}" if pinned and chosen.version else pinned


def layer(recipe: Recipe, project: Path) -> Layer:
    """The frontend's image: the output of its commands, and nothing else.

    Raises:
        BuildError: the folder does not contain a frontend, or one of its files cannot go into a build.
    """
    app, node = recipe.app, recipe.app.build.node
    assert node
    where = "the project" if node.directory == "." else f"{node.directory}/"
    chosen = manager(project / node.directory, where)
    tool = _package(chosen)
    commands = node.commands or (chosen.build,)
    parent = recipe.platform.node_image
    values = {
        "folder": f"{names.PROJECT}/{node.directory}".removesuffix("/."),
        "packages": node.packages,
        "manager": ["npm", "install", "--global", "--prefix", "/opt/node", tool] if tool else [],
        "install": chosen.install,
        "commands": [comment(shlex.join(command)) for command in commands],
        "output": node.output,
    }
    scripts: Files = {
        names.Names.command(f"frontend-{number}"): script([command])
        for number, command in enumerate(commands, 1)
    }
    return Layer(
        name="frontend",
        tag=app.names.frontend_image(recipe.version),
        parents=(parent,),
        containerfile=containerfile(recipe, "frontend", parent, values),
        entries=layer_tree.merge(entries(project, node), layer_tree.generated(scripts)),
        labels=shared_labels(recipe, "frontend"),
        variables=variables(project / node.directory),
        time=pins.source_date_epoch(),
        from_scratch=True,
    )


def entries(project: Path, node: Node) -> list[layer_tree.Entry]:
    """The frontend's files. Those like .env, which may hold secrets, are included only if git tracks them.

    Raises:
        BuildError: a symbolic link points outside the project, or a file cannot be read.
    """
    everything = ("*", *(f"!{pattern}" for pattern in _NO_PART))
    own = everything if node.directory == "." else (f"/{node.directory}/",)
    found = context.entries(project, Image(include=(*own, *node.files)), _NEVER)
    tracked = {f"{names.PROJECT}/{path}" for path in git.tracked(project) or ()}
    made = tuple(f"{names.PROJECT}/{path}/" for path in node.output)
    found = [entry for entry in found if not f"{entry.path}/".startswith(made)]
    return [entry for entry in found if entry.path in tracked or not _is_environment(entry.path)]


def _is_environment(path: str) -> bool:
    name = path.rpartition("/")[2]
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in _ENVIRONMENTS)


def variables(folder: Path) -> tuple[str, ...]:
    """Names of the variables that the frontend's settings refer to, and of those that Yarn reads.

    Args:
        folder: the frontend's folder.
    """
    files = [folder / name for name in (".npmrc", ".yarnrc.yml") if (folder / name).is_file()]
    texts = (file.read_text(errors="replace") for file in files)
    named = {name for text in texts for name in node_registries.named_variables(text)}
    named |= {name for name in os.environ if node_registries.YARN_VARIABLES.fullmatch(name)}
    return tuple(sorted(named.intersection(os.environ)))
