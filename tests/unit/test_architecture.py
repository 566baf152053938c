"""docs/architecture.md, enforced: which room may import which, and who alone touches what."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = [f"nuwa.manifest.{name}" for name in ("model", "marks", "site", "image", "data", "deploy")]
"""The dataclasses of `nuwa.toml`."""

CHECKS = [f"nuwa.manifest.{name}" for name in ("checks", "quantities", "site_checks", "commands", "cdn")]
"""Which single values it takes."""

PURE = [*MODEL, *CHECKS, "nuwa.names"]
"""What runs on both sides, on the standard library alone."""

BASE = ["nuwa.errors", "nuwa.resources"]
"""What nearly every room uses."""

AGENT = ["nuwa.agent.paths", "nuwa.agent.schemas", "nuwa.agent.naming"]
"""What the rooms of the agent share."""

ROOMS = {
    "nuwa": [],
    "nuwa.__main__": ["nuwa.cli"],
    "nuwa.errors": [],
    "nuwa.resources": [],
    "nuwa.names": [],
    "nuwa.architecture": [],
    "nuwa.quoting": [],
    "nuwa.console": [],
    "nuwa.humanize": [],
    "nuwa.templating": ["nuwa.quoting"],
    "nuwa.lock": ["nuwa.errors"],
    "nuwa.files": ["nuwa.errors"],
    "nuwa.process": ["nuwa.errors"],
    "nuwa.process_async": ["nuwa.errors", "nuwa.process"],
    "nuwa.journal": ["nuwa.process"],
    "nuwa.podman_probe": [*BASE, "nuwa.process"],
    "nuwa.engine": ["nuwa.errors", "nuwa.process", "nuwa.podman_probe"],
    **dict.fromkeys(MODEL, PURE),
    "nuwa.manifest.checks": [],
    "nuwa.manifest.quantities": ["nuwa.manifest.checks"],
    "nuwa.manifest.site_checks": ["nuwa.manifest.checks", "nuwa.manifest.cdn"],
    "nuwa.manifest.commands": [],
    "nuwa.manifest.cdn": [],
    "nuwa.manifest": [*BASE, "nuwa.names", "nuwa.templating"],
    "nuwa.requirements": ["nuwa.manifest.checks", "nuwa.errors", "nuwa.process"],
    "nuwa.detect": [
        *(*BASE, "nuwa.manifest.checks", *MODEL, "nuwa.requirements", "nuwa.names", "nuwa.render.own_lines"),
        "nuwa.templating",
    ],
    "nuwa.render": [*PURE, "nuwa.quoting", "nuwa.templating"],
    "nuwa.render.zipapp": [*BASE, *MODEL, "nuwa.kubernetes", "nuwa.templating"],
    "nuwa.kubernetes": [*PURE, "nuwa.render"],
    "nuwa.setup_label": [*BASE, *PURE, "nuwa.render", "nuwa.templating"],
    "nuwa.image": [
        *(*BASE, *PURE, "nuwa.manifest.resolve", "nuwa.requirements", "nuwa.setup_label", "nuwa.render"),
        *(
            "nuwa.architecture",
            "nuwa.engine",
            "nuwa.files",
            "nuwa.process",
            "nuwa.console",
            "nuwa.lock",
            "nuwa.quoting",
        ),
        "nuwa.templating",
    ],
    "nuwa.installation": [*BASE, "nuwa.image.indexes", "nuwa.process"],
    "nuwa.lab": [
        *(*BASE, "nuwa.image", "nuwa.installation", "nuwa.engine", "nuwa.process"),
        *("nuwa.console", "nuwa.lock", "nuwa.names", "nuwa.remote"),
    ],
    "nuwa.remote": [
        *("nuwa.errors", "nuwa.process", "nuwa.engine", "nuwa.console", "nuwa.humanize"),
        *("nuwa.architecture", *MODEL, "nuwa.manifest.checks", "nuwa.render.distributions"),
    ],
    "nuwa.remote.build_on": [
        *("nuwa.remote", "nuwa.errors", "nuwa.process", "nuwa.engine", "nuwa.console", "nuwa.installation"),
        *("nuwa.image", "nuwa.manifest", "nuwa.names", "nuwa.requirements"),
    ],
    "nuwa.remote.build_settings": ["nuwa.remote.ssh", *MODEL, "nuwa.image"],
    "nuwa.access": ["nuwa.errors", "nuwa.files", "nuwa.lock"],
    "nuwa.web": ["nuwa.errors"],
    "nuwa.web.limits": [],
    "nuwa.agent": [],
    "nuwa.agent.__main__": ["nuwa.agent.paths", "nuwa.agent.server"],
    "nuwa.agent.paths": [],
    "nuwa.agent.schemas": [],
    "nuwa.agent.naming": ["nuwa.names"],
    "nuwa.agent.regular_files": [],
    "nuwa.agent.sqlite_files": [],
    "nuwa.agent.database": ["nuwa.agent.sqlite_files", "nuwa.errors"],
    "nuwa.agent.audit": ["nuwa.agent.database", "nuwa.agent.schemas", "nuwa.errors"],
    "nuwa.agent.client": ["nuwa.errors"],
    "nuwa.agent.worker": ["nuwa.agent.paths", "nuwa.errors", "nuwa.process_async"],
    "nuwa.agent.config": [
        *(*AGENT, *BASE, "nuwa.agent.database", "nuwa.agent.regular_files", "nuwa.files", "nuwa.manifest"),
        *("nuwa.names", "nuwa.web.limits"),
    ],
    "nuwa.agent.host": [
        *(*AGENT, "nuwa.agent.config", "nuwa.errors", "nuwa.manifest", "nuwa.names", "nuwa.process"),
        *("nuwa.agent.regular_files", "nuwa.process_async"),
    ],
    "nuwa.agent.containers": [
        "nuwa.agent.schemas",
        "nuwa.errors",
        "nuwa.names",
        "nuwa.process",
        "nuwa.process_async",
    ],
    "nuwa.agent.plan": [
        *(*AGENT, "nuwa.agent.config", "nuwa.agent.host", "nuwa.errors", "nuwa.manifest", "nuwa.names"),
        *("nuwa.process", "nuwa.quoting", "nuwa.render", "nuwa.templating", "nuwa.web.limits"),
    ],
    "nuwa.agent.apply": [
        *(*AGENT, *BASE, "nuwa.agent.config", "nuwa.agent.host", "nuwa.agent.plan", "nuwa.files"),
        *("nuwa.journal", "nuwa.lock", "nuwa.names", "nuwa.process", "nuwa.render"),
    ],
    "nuwa.agent.webhooks": [
        *(*AGENT, "nuwa.agent.config", "nuwa.agent.database", "nuwa.agent.regular_files", "nuwa.errors"),
        *("nuwa.files", "nuwa.process", "nuwa.process_async", "nuwa.quoting", "nuwa.web"),
    ],
    "nuwa.agent.stats": [
        *("nuwa.agent.paths", "nuwa.agent.schemas", "nuwa.agent.naming", "nuwa.agent.host", "nuwa.errors"),
        "nuwa.agent.sqlite_files",
    ],
    "nuwa.agent.monitor": [
        *(*AGENT, "nuwa.agent.audit", "nuwa.agent.config", "nuwa.agent.database", "nuwa.agent.host"),
        "nuwa.agent.regular_files",
        *("nuwa.errors", "nuwa.files", "nuwa.names", "nuwa.process", "nuwa.process_async", "nuwa.web.sse"),
    ],
    "nuwa.agent.rows": ["nuwa.agent.host", "nuwa.agent.schemas", "nuwa.web"],
    "nuwa.agent.inventory": [
        *(*AGENT, "nuwa.agent.config", "nuwa.agent.containers", "nuwa.agent.host", "nuwa.agent.rows"),
        "nuwa.errors",
    ],
    "nuwa.agent.agent": [
        *(*AGENT, "nuwa.agent.config", "nuwa.agent.database", "nuwa.agent.host"),
        *("nuwa.agent.inventory", "nuwa.agent.monitor", "nuwa.agent.rows"),
        *("nuwa.agent.audit", "nuwa.agent.stats", "nuwa.agent.webhooks", "nuwa.agent.worker", "nuwa.errors"),
        "nuwa.web",
    ],
    "nuwa.agent.api": [
        *(*AGENT, *BASE, "nuwa.agent.agent", "nuwa.agent.config", "nuwa.agent.host", "nuwa.agent.webhooks"),
        *("nuwa.access", "nuwa.agent.audit", "nuwa.agent.stats", "nuwa.agent.worker", "nuwa.manifest"),
        "nuwa.web",
    ],
    "nuwa.agent.server": ["nuwa.agent.agent", "nuwa.agent.api", "nuwa.agent.paths", "nuwa.web"],
    "nuwa.agent.install": [
        *(*AGENT, *BASE, "nuwa.agent.apply", "nuwa.agent.host", "nuwa.console", "nuwa.files"),
        *("nuwa.process", "nuwa.render", "nuwa.templating"),
    ],
    "nuwa.dashboard": [
        *(*BASE, "nuwa.access", "nuwa.agent.client", "nuwa.agent.paths", "nuwa.agent.schemas", "nuwa.files"),
        *("nuwa.humanize", "nuwa.templating", "nuwa.web"),
    ],
    "nuwa.cli": ["nuwa"],
    "nuwa.reference": [
        *("nuwa.agent.api", "nuwa.agent.config", "nuwa.cli", "nuwa.detect", "nuwa.manifest"),
    ],
}
"""What each room may import from nuwa besides itself; the longest name that fits a module is its room."""

ALONE = {
    "subprocess": ["nuwa.process"],
    "jinja2": ["nuwa.templating"],
    "rich": ["nuwa.console"],
    "apprise": ["nuwa.agent.monitor.send"],
    "pyotp": ["nuwa.access.second_factor"],
    "segno": ["nuwa.cli.token"],
    "yaml": ["nuwa.detect.documents", "nuwa.kubernetes.yaml_text"],
    "podman": ["nuwa.agent.containers.reader"],
    "typer": ["nuwa.cli", "nuwa.reference"],
    "pydantic": ["nuwa.manifest.validation", "nuwa.agent"],
    "pydantic_core": ["nuwa.manifest.marks", "nuwa.agent"],
}
"""Who alone may import what."""


@dataclass
class Module:
    name: str
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text())

    def imports(self, *, at_once: bool = False) -> Iterator[str]:
        """Modules and names that it imports; `at_once`: only what happens when it is imported itself."""
        for node in _run_at_import(self.tree) if at_once else ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}: imports are absolute"
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _run_at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """What stands outside functions and outside `if TYPE_CHECKING:`."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


@cache
def modules() -> dict[str, Module]:
    found = {}
    for path in sorted((ROOT / "nuwa").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path)
    return found


def module_of(name: str) -> str:
    """The module of an imported name: `nuwa.names` for `nuwa.names.Names`."""
    while name not in modules():
        name = name.rpartition(".")[0]
        assert name, "an import of nuwa leads nowhere"
    return name


def room_of(name: str) -> str:
    fitting = [room for room in ROOMS if name == room or (room != "nuwa" and name.startswith(f"{room}."))]
    assert fitting, f"{name} is in no room: give it one here and in docs/architecture.md"
    return max(fitting, key=len)


def is_in(name: str, rooms: list[str]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


@pytest.mark.parametrize("name", modules())
def test_imports_point_the_way_that_the_architecture_draws(name):
    room = room_of(name)
    allowed = [*ROOMS[room], *([room] if room != "nuwa" else [])]
    for imported in {module_of(item) for item in modules()[name].imports() if item.split(".")[0] == "nuwa"}:
        assert imported == "nuwa" or is_in(imported, [*allowed, name]), f"{name} imports {imported}"


@pytest.mark.parametrize("package", ALONE)
def test_only_one_room_imports(package):
    users = {
        name
        for name, module in modules().items()
        for item in module.imports()
        if item.split(".")[0] == package
    }
    assert users
    assert all(is_in(name, ALONE[package]) for name in users), users


STARTERS = {"system", "popen", "fork", "forkpty", "posix_spawn", "execv", "execvp", "execve"}
STARTERS |= {"create_subprocess_exec", "create_subprocess_shell", "spawn"}


def test_nothing_starts_a_program_past_the_process_modules():
    for name in modules().keys() - {"nuwa.process", "nuwa.process_async"}:
        for node in ast.walk(modules()[name].tree):
            if isinstance(node, ast.Attribute) and node.attr in STARTERS:
                assert ast.unparse(node.value) not in ("os", "asyncio", "pty"), name


def test_only_programs_and_what_they_show_through_print():
    rooms = ["nuwa.cli", "nuwa.console"]
    printers = {
        name
        for name, module in modules().items()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    }
    assert {name for name in printers if not is_in(name, rooms) and not name.endswith(".__main__")} == set()


def renderer() -> list[Module]:
    """The modules that the renderer inside an image is made of."""
    found: dict[str, Module] = {}
    in_pods = [name for name in modules() if name.startswith("nuwa.kubernetes.")]
    commands = [
        name for name in modules() if name.startswith("nuwa.render.") and name != "nuwa.render.zipapp"
    ]
    waiting = [*commands, *in_pods, *PURE]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = modules()[name]
            waiting += [
                module_of(item) for item in found[name].imports(at_once=True) if item.startswith("nuwa.")
            ]
    return list(found.values())


def test_the_renderer_needs_the_standard_library_jinja_and_yaml_alone():
    for module in renderer():
        for imported in module.imports(at_once=True):
            package = imported.split(".")[0]
            assert package in {*sys.stdlib_module_names, "nuwa", "jinja2", "yaml"}, (
                f"{module.name} imports {imported}"
            )


def test_the_renderer_runs_on_python_3_9():
    paths = [str(module.path) for module in renderer()]
    vermin = Path(sys.executable).with_name("vermin")
    done = subprocess.run(
        [vermin, "--target=3.9-", "--no-tips", "--violations", *paths], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode()


def test_every_module_says_what_it_is():
    for name, module in modules().items():
        if len(module.tree.body) > 2:
            assert ast.get_docstring(module.tree), f"{name} has no docstring"


def test_the_architecture_shows_every_room_by_its_path():
    """The first column of the table "Rooms" is the list of rooms; none is missing, and none is made up."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    table = page.partition("\n## Rooms\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    shown = {path for cell in cells for path in cell.split("`")[1::2]}
    rooms = {modules()[room].path.relative_to(ROOT) for room in ROOMS}
    assert shown == {f"{path.parent}/" if path.name == "__init__.py" else str(path) for path in rooms}


def test_no_import_goes_round_in_a_circle():
    """Imports inside functions and for type checkers count too: a circle that is only postponed is one."""
    arrows = {
        name: {module_of(item) for item in module.imports() if item.split(".")[0] == "nuwa"} - {name, "nuwa"}
        for name, module in modules().items()
    }
    graphlib.TopologicalSorter(arrows).prepare()
    rooms: dict[str, set[str]] = {}
    for name, targets in arrows.items():
        rooms.setdefault(room_of(name), set()).update(map(room_of, targets))
    graphlib.TopologicalSorter({room: found - {room} for room, found in rooms.items()}).prepare()
