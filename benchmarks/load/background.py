"""A load that runs in the background."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.load.report import Sample
from benchmarks.load.run import Plan, run


@contextmanager
def load(*plans: Plan, before: float = 0.5, after: float = 0.0) -> Iterator[list[Sample]]:
    """Send requests from `before` seconds before the block starts until `after` seconds after its end.

    Yields a list that contains the samples of all plans once the block has ended.
    """
    samples: list[Sample] = []
    ended = threading.Event()

    async def work() -> None:
        stop = asyncio.Event()
        tasks = [asyncio.create_task(run(plan, stop)) for plan in plans]
        while not ended.is_set():
            await asyncio.sleep(0.05)
        stop.set()
        for task in tasks:
            samples.extend(await task)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    try:
        time.sleep(before)
        yield samples
        time.sleep(after)
    finally:
        ended.set()
        thread.join()
