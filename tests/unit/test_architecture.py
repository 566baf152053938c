"""docs/architecture.md, enforced: which room may import which, and who alone touches what."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = ["nuwa.manifest.model", "nuwa.manifest.checks", "nuwa.manifest.commands", "nuwa.names"]
"""What runs on both sides, on the standard library alone."""

ROOMS = {
    "nuwa": [],
    "nuwa.__main__": ["nuwa.cli"],
    "nuwa.errors": [],
    "nuwa.names": [],
    "nuwa.quoting": [],
    "nuwa.console": [],
    "nuwa.readable": [],
    "nuwa.resources": [],
    "nuwa.templating": ["nuwa.quoting"],
    "nuwa.lock": ["nuwa.errors"],
    "nuwa.files": ["nuwa.errors"],
    "nuwa.process": ["nuwa.errors"],
    "nuwa.process_async": ["nuwa.errors", "nuwa.process"],
    "nuwa.journal": ["nuwa.process"],
    "nuwa.podman_probe": ["nuwa.errors", "nuwa.process", "nuwa.resources"],
    "nuwa.engine": ["nuwa.errors", "nuwa.process", "nuwa.podman_probe"],
    "nuwa.manifest.checks": [],
    "nuwa.manifest.commands": [],
    "nuwa.manifest.model": PURE,
    "nuwa.detect.against": ["nuwa.detect", "nuwa.manifest.model", "nuwa.requirements"],
    "nuwa.detect": ["nuwa.detect", "nuwa.manifest.checks", "nuwa.requirements", "nuwa.names", "nuwa.errors"],
    "nuwa.detect.model": [],
    "nuwa.manifest.example": ["nuwa.detect.model", "nuwa.resources", "nuwa.templating"],
    "nuwa.manifest": ["nuwa.manifest", "nuwa.names", "nuwa.errors", "nuwa.resources", "nuwa.templating"],
    "nuwa.requirements": ["nuwa.requirements", "nuwa.manifest.checks", "nuwa.errors", "nuwa.process"],
    "nuwa.host": ["nuwa.host", *PURE, "nuwa.quoting", "nuwa.templating"],
    "nuwa.host.zipapp": ["nuwa.manifest.model", "nuwa.resources", "nuwa.errors"],
    "nuwa.payload": ["nuwa.errors", "nuwa.host", *PURE, "nuwa.resources", "nuwa.templating"],
    "nuwa.image": [
        *("nuwa.image", *PURE, "nuwa.engine", "nuwa.process", "nuwa.console", "nuwa.lock", "nuwa.errors"),
        *("nuwa.payload", "nuwa.host", "nuwa.quoting", "nuwa.templating", "nuwa.resources"),
        *("nuwa.manifest.resolve", "nuwa.requirements"),
    ],
    "nuwa.installation": ["nuwa.errors", "nuwa.image.indexes", "nuwa.process", "nuwa.resources"],
    "nuwa.lab.agent": ["nuwa.lab", "nuwa.installation", "nuwa.process", "nuwa.engine", "nuwa.console"],
    "nuwa.lab": [
        *("nuwa.lab", "nuwa.image", "nuwa.engine", "nuwa.console", "nuwa.lock", "nuwa.errors", "nuwa.names"),
        "nuwa.resources",
    ],
    "nuwa.agent": [
        *("nuwa.agent", "nuwa.manifest", "nuwa.host", "nuwa.names", "nuwa.quoting", "nuwa.templating"),
        *(
            "nuwa.process",
            "nuwa.process_async",
            "nuwa.journal",
            "nuwa.lock",
            "nuwa.files",
            "nuwa.errors",
            "nuwa.resources",
            "nuwa.console",
        ),
    ],
    "nuwa.dashboard": [
        *(
            "nuwa.dashboard",
            "nuwa.agent.client",
            "nuwa.agent.shapes",
            "nuwa.agent.paths",
            "nuwa.agent.notify",
            "nuwa.agent.serving",
        ),
        *(
            "nuwa.agent.limiter",
            "nuwa.agent.bodies",
            "nuwa.agent.events",
            "nuwa.templating",
            "nuwa.resources",
        ),
        *("nuwa.files", "nuwa.errors", "nuwa.readable"),
    ],
    "nuwa.cli": ["nuwa"],
}
"""What each room may import from nuwa; the longest name that fits a module is its room."""

ALONE = {
    "subprocess": ["nuwa.process"],
    "jinja2": ["nuwa.templating"],
    "rich": ["nuwa.console"],
    "typer": ["nuwa.cli"],
    "pydantic": ["nuwa.manifest.validation", "nuwa.agent"],
    "pydantic_core": ["nuwa.manifest.model", "nuwa.agent"],
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
    assert fitting, f"{name} lies in no room: give it one here and in docs/architecture.md"
    return max(fitting, key=len)


def is_in(name: str, rooms: list[str]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


@pytest.mark.parametrize("name", modules())
def test_imports_point_the_way_that_the_architecture_draws(name):
    allowed = ROOMS[room_of(name)]
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
    waiting = ["nuwa.host.__main__", *PURE]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = modules()[name]
            waiting += [
                module_of(item) for item in found[name].imports(at_once=True) if item.startswith("nuwa.")
            ]
    return list(found.values())


def test_the_renderer_needs_the_standard_library_and_jinja_alone():
    for module in renderer():
        for imported in module.imports(at_once=True):
            package = imported.split(".")[0]
            assert package in {*sys.stdlib_module_names, "nuwa", "jinja2"}, (
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


def test_the_architecture_names_every_room():
    text = (ROOT / "docs" / "architecture.md").read_text()
    for room in ROOMS:
        last = room.removeprefix("nuwa.")
        assert room in ("nuwa", "nuwa.__main__") or last.split(".")[0] in text, (
            f"{room} is not in docs/architecture.md"
        )
