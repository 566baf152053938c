"""`script/bench [NAME…]`: measures all figures, or the named ones, for docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import (
    agent,
    agent_memory,
    archive,
    builds,
    chaos,
    command,
    dashboard,
    deploys,
    detection,
    dnf,
    inits,
    kubernetes,
    migrate,
    neighbours,
    record,
    remote,
    renewal,
    report,
    router,
    scripts,
    starts,
    storage,
    timed,
)
from benchmarks.figure import Figure, table
from benchmarks.record import Conditions, Record
from benchmarks.world import World
from nuwa.engine import Engine
from nuwa.errors import NuwaError

MEASURES = {
    "start": starts.start,
    "supervision": starts.supervision,
    "inits": inits.inits,
    "unchanged": builds.unchanged,
    "code": builds.code,
    "cold": builds.cold,
    "init": detection.init,
    "dnf": dnf.dnf,
    "size": builds.size,
    "help": command.help_text,
    "label": builds.label,
    "deploys": deploys.deploys,
    "scripts": scripts.scripts,
    "deploy": remote.remote,
    "cron": timed.cron,
    "chaos": chaos.chaos,
    "router": router.router,
    "renewal": renewal.renewal,
    "dashboard": dashboard.dashboard,
    "archive": archive.archive,
    "storage": storage.storage,
    "migrate": migrate.migrate,
    "neighbours": neighbours.neighbours,
    "kubernetes": kubernetes.kubernetes,
    "agent": agent.agent,
    "memory": agent_memory.memory,
    "logs": agent.logs,
}
PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def main() -> int:
    arguments = _arguments()
    if arguments.list:
        print(
            "\n".join(
                f"{name:12} {(measure.__doc__ or '').splitlines()[0]}" for name, measure in MEASURES.items()
            )
        )
        return 0
    chosen = {name: MEASURES[name] for name in arguments.names or MEASURES}
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="nuwabench-") as folder:
        world = World(Engine.detect(), Path(folder), arguments.rounds, _say)
        try:
            for name, measure in chosen.items():
                conditions = Conditions.now()
                found = [_told(figure) for figure in measure(world)]
                record.keep(Record(name=name, conditions=conditions, figures=found))
                PAGE.write_text(report.page(record.kept(MEASURES)), encoding="utf-8")
                figures += found
        finally:
            world.clean()
    print(table(figures))
    return 0 if all(figure.met for figure in figures) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*MEASURES, []], metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--rounds", type=int, default=5, help="how often each side is measured (default: 5)")
    parser.add_argument("--list", action="store_true", help="say what there is")
    return parser.parse_args()


def _told(figure: Figure) -> Figure:
    _say("   ".join(cell for cell in figure.cells() if cell))
    return figure


def _say(text: str) -> None:
    print(f"==> {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NuwaError as error:
        sys.exit(f"script/bench: {error}")
