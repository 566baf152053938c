"""`python -m benchmarks.load URL`: puts load on a site until the time is up, or until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from dataclasses import astuple
from pathlib import Path

from benchmarks.load.report import Sample, summary
from benchmarks.load.run import Plan, run
from benchmarks.load.target import Target


def main() -> None:
    options = _options()
    samples = asyncio.run(_until_stopped(_plan(options), options.seconds))
    if options.samples:
        lines = (json.dumps(astuple(sample)) + "\n" for sample in samples)
        options.samples.write_text("".join(lines))
    found = summary(samples)
    print(json.dumps(found) if options.json else _text(found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--connect", metavar="HOST:PORT", help="connect there instead of where the URL says")
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--seconds", type=float, help="how long; without it, until it is told to stop")
    parser.add_argument(
        "--pause", type=float, default=0, help="milliseconds between two requests of a connection"
    )
    parser.add_argument("--post", type=int, metavar="BYTES", help="POST a body of this size instead of GET")
    parser.add_argument("--http2", action="store_true")
    parser.add_argument("--no-keep-alive", action="store_true", help="a new connection for each request")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--samples", type=Path, metavar="FILE", help="write every request to it, one per line"
    )
    return parser.parse_args()


def _plan(options: argparse.Namespace) -> Plan:
    host, _, port = (options.connect or "").rpartition(":")
    target = Target(
        options.url,
        address=(host, int(port)) if port else None,
        method="GET" if options.post is None else "POST",
        body=b"x" * (options.post or 0),
        http2=options.http2,
        keep_alive=not options.no_keep_alive,
    )
    return Plan(target, options.connections, options.pause / 1000)


async def _until_stopped(plan: Plan, seconds: float | None) -> list[Sample]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    return await run(plan, stop)


def _text(found: dict[str, object]) -> str:
    words = ("requests", "failed", "unprocessed", "p50", "p99", "max", "outcomes", "answers")
    return "\n".join(f"{word:12} {found[word]}" for word in words)


if __name__ == "__main__":
    main()
