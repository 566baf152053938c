"""`nuwa init` on large projects, against the unavoidable: reading the files, and parsing them."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.measure import interleaved
from benchmarks.world import World
from nuwa.detect.detect import detect

APP = """
from flask import Flask
from shop.part_0.module_0 import read_0

def create_app():
    app = Flask(__name__)
    app.config["SECRET_KEY"] = read_0("SECRET_KEY")
    return app
"""
FUNCTION = '''
def read_{number}(name: str, count: int = {number}) -> dict[str, object]:
    """Part {number} of what a shop does, with a text of a usual length."""
    found = {{"name": name, "count": count, "kind": "part {number}"}}
    for index in range(count):
        if index % 3 == 0 and name:
            found[f"line {{index}}"] = [value for value in (name, index, count) if value]
    return found
'''
LINES = FUNCTION.count("\n")
PARSED = 60
"""A twentieth of the large project: parsing all of it would take a minute."""


def init(world: World) -> Iterator[Figure]:
    """`nuwa init` on a Flask project of 350 files, and on one of 1,200 files of 900 lines."""
    small = _project(world.folder / "init-350", files=350, lines=240)
    large = _project(world.folder / "init-1200", files=1200, lines=900)
    world.say(f"init of two projects, {world.rounds} rounds")
    sides = {"ours": partial(_processor_time, partial(detect, small)), "theirs": partial(_reading, small)}
    yield Figure.of(
        "init of a Flask project of 350 files: CPU time",
        interleaved(world.rounds, **sides),
        opponent="reading the files",
        unit="s",
        target=3,
        decimals=3,
    )
    sides = {"ours": partial(_processor_time, partial(detect, large)), "theirs": partial(_parsing, large)}
    yield Figure.of(
        "init of 1,200 files of 900 lines: CPU time",
        interleaved(world.rounds, **sides),
        opponent=f"parsing {PARSED} of them",
        unit="s",
        target=0.5,
        decimals=2,
    )


def _project(root: Path, *, files: int, lines: int) -> Path:
    """A Flask project with modules of equal length; one of them creates the application."""
    body = "import json\n" + "".join(FUNCTION.format(number=number) for number in range(lines // LINES))
    for number in range(files - 1):
        folder = root / "shop" / f"part_{number // 20}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"module_{number}.py").write_text(body)
    (root / "shop" / "__init__.py").write_text(APP)
    (root / "requirements.txt").write_text("flask\nflask-sqlalchemy\npsycopg2-binary\n")
    return root


def _processor_time(action: Callable[[], object]) -> float:
    started = time.process_time()
    action()
    return time.process_time() - started


def _reading(root: Path) -> float:
    return _processor_time(lambda: [path.read_bytes() for path in root.rglob("*.py")])


def _parsing(root: Path) -> float:
    paths = list(islice(root.rglob("module_*.py"), PARSED))
    return _processor_time(lambda: [ast.parse(path.read_bytes()) for path in paths])
