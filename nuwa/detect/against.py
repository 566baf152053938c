"""Compares a manifest with its project: what it names must exist, and what the code needs must be named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nuwa.detect import django, packages, variables
from nuwa.detect.databases import DRIVERS
from nuwa.detect.environment import FRAMEWORK_KEYS, belongs_to_the_app, is_secret
from nuwa.detect.tree import SCRIPTS, Tree
from nuwa.errors import BuildError
from nuwa.manifest.model import App
from nuwa.render import own_lines
from nuwa.requirements import kinds
from nuwa.requirements.node import manager, package, scripts

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Difference:
    """A mismatch between a manifest and its project.

    Args:
        path: the place in the manifest; empty if something is missing from it.
        certain: the image cannot be built or run like this; otherwise, it may be intended.
    """

    path: Path
    message: str
    hint: str = ""
    certain: bool = True


def differences(app: App, tree: Tree) -> Iterator[Difference]:
    """All mismatches between a manifest and its project's files."""
    requirements = app.image.requirements or kinds.find(tree.root)
    required = packages.required_names(tree, requirements)
    yield from _requirements(app, tree, requirements)
    yield from _module(app, tree, set(required))
    yield from _static(app, tree)
    yield from _node(app, tree)
    yield from _include(app, tree)
    yield from _commands(app, tree)
    yield from _variables(app, tree)
    yield from _driver(app, set(required))


def _requirements(app: App, tree: Tree, requirements: str) -> Iterator[Difference]:
    if app.image.requirements and not tree.has(app.image.requirements):
        found = ", ".join(kinds.every(tree.root)) or "none"
        yield Difference(
            ("image", "requirements"),
            f"{app.image.requirements} is not in the project",
            f"There are: {found}.",
        )
    elif not requirements:
        yield Difference((), "no file lists requirements, so none are installed", certain=False)


def _include(app: App, tree: Tree) -> Iterator[Difference]:
    path = ("site", "include")
    if not app.site.include:
        return
    file = tree.root / app.site.include
    if not file.is_file():
        yield Difference(path, f"{app.site.include} is not a file of the project")
        return
    try:
        own_lines.checked(file.read_text(encoding="utf-8"), app.names.upstream)
    except (OSError, ValueError) as error:
        yield Difference(path, f"{app.site.include}: {error}")


def _module(app: App, tree: Tree, required: set[str]) -> Iterator[Difference]:
    name, _, attribute = app.server.module.partition(":")
    source = tree.module(name)
    if source is None:
        top = name.split(".")[0].replace("_", "-").lower()
        own = (tree.root / name.split(".")[0]).exists() or (tree.root / "src" / name.split(".")[0]).exists()
        if own or not any(top in package for package in required):
            yield Difference(
                ("server", "module"),
                f"the project has no module {name}",
                "nuwa init shows what it recognises.",
            )
        return
    bound = {*source.assignments(), *source.functions, *source.imports}
    wanted = attribute.removesuffix("()").split(".")[0]
    if wanted not in bound and "*" not in bound and "__getattr__" not in bound:
        candidates = (
            ", ".join(sorted(other for other in bound if re.search(r"app|api|server", other))) or "none"
        )
        yield Difference(
            ("server", "module"),
            f"{source.path} has no {wanted}",
            f"Possible applications there: {candidates}.",
        )


def _static(app: App, tree: Tree) -> Iterator[Difference]:
    if app.static and not app.static.collect and not (tree.root / app.static.directory).is_dir():
        made = "in [static] collect, in [build] commands or in [build.node]"
        if not (app.build.commands or app.build.node):
            yield Difference(
                ("static", "directory"),
                f"{app.static.directory} is not in the project",
                f"If a command creates it, add that command {made}.",
            )


def _node(app: App, tree: Tree) -> Iterator[Difference]:
    """The frontend's folder lacks what its build needs, or holds Python code, which the image would lack."""
    node, path = app.build.node, ("build", "node", "directory")
    if node is None:
        return
    folder = tree.root / node.directory
    where = "the project" if node.directory == "." else f"{node.directory}/"
    try:
        chosen = manager(folder, where)
        named = scripts(package(folder))
    except BuildError as error:
        yield Difference(path, error.message, error.hint)
        return
    if not node.commands and "build" not in named:
        listed = ", ".join(named) or "none"
        yield Difference(
            path,
            f"package.json in {where} has no script called build",
            f'Name what builds it: commands = "{chosen.name} run …" in [build.node]; its scripts: {listed}.',
        )
    code = next((item for item in tree.python if item.startswith(f"{node.directory}/")), "")
    if node.directory != "." and code:
        yield Difference(
            path,
            f"{code} is Python code in the frontend's folder, of which only output goes into the image",
            'Keep the code outside of it, or set directory = "." and commands that change to the folder.',
        )


_SCRIPT = re.compile(r"(?:\./)?(?:[\w-]+/)*[\w-]+\.(?:py|sh)$")


def _commands(app: App, tree: Tree) -> Iterator[Difference]:
    """Commands that run a script that does not exist; other programs may come from a package."""
    listed: list[tuple[Path, tuple[str, ...]]] = [
        (("process", at, "command"), item.command) for at, item in enumerate(app.process)
    ]
    listed += [(("cron", at, "command"), job.command) for at, job in enumerate(app.cron)]
    listed += [(("hooks", "checks", at), command) for at, command in enumerate(app.hooks.checks)]
    listed += [(("hooks", "release"), app.hooks.release)] if app.hooks.release else []
    listed += [(("static", "collect"), command) for command in (app.static.collect if app.static else ())]
    for path, words in listed:
        script = (
            words[1] if len(words) > 1 and re.fullmatch(r"python[\d.]*|(?:ba)?sh", words[0]) else words[0]
        )
        if _SCRIPT.match(script) and not (tree.root / script).is_file() and not app.build.commands:
            yield Difference(
                path,
                f"{script} is not in the project",
                "Paths in commands are relative to the project's folder.",
            )


def _of_the_app(tree: Tree) -> list[str]:
    return [path for path in tree.python if not SCRIPTS.intersection(path.split("/")[:-1])]


def _variables(app: App, tree: Tree) -> Iterator[Difference]:
    """Variables that the code needs to start, and that the manifest does not name."""
    given = {*app.env.clear, *app.env.secrets, *app.env.generated}
    given |= {"DATABASE_URL", *app.database.env} if app.database else set()
    given |= {name for service in app.service for name in service.env}
    given |= {name for host_port in app.host_port for name in host_port.variables}
    name = app.env.clear.get("DJANGO_SETTINGS_MODULE", "")
    modules = django.settings_modules(tree, name) if name else _of_the_app(tree)
    for variable in variables.read(tree, modules):
        if variable.required and variable.name not in given and belongs_to_the_app(variable.name):
            kind = (
                "generated"
                if variable.name in FRAMEWORK_KEYS
                else "secrets"
                if is_secret(variable.name)
                else "clear"
            )
            yield Difference(
                ("env",),
                f"{variable.where} needs {variable.name}, which [env] does not name",
                f"Add it to [env.clear] or to {'secrets' if kind == 'clear' else kind} in [env].",
                certain=False,
            )


def _driver(app: App, required: set[str]) -> Iterator[Difference]:
    wanted = dict(DRIVERS).get(app.database.engine if app.database else "", ())
    if wanted and required and not required.intersection(wanted):
        yield Difference(
            ("database", "engine"),
            f"the requirements include no driver for it: {', '.join(wanted)}",
            certain=False,
        )
