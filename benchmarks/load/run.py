"""Many connections at once, each sending requests repeatedly."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from benchmarks.load.http1 import Http1
from benchmarks.load.report import FAILED, UNPROCESSED, Sample
from benchmarks.load.target import Answer, Connection, DroppedError, Target, UnprocessedError

ANSWER_SECONDS = 60
BODY = 40
"""Maximum characters of an answer that are kept."""


@dataclass(frozen=True)
class Plan:
    """A load.

    Args:
        target: the request to send.
        connections: how many send requests at once.
        pause: seconds between two requests of each connection.
    """

    target: Target
    connections: int = 10
    pause: float = 0.0


async def run(plan: Plan, stop: asyncio.Event) -> list[Sample]:
    """Keep up the load until `stop`, wait for requests in flight, and return the samples sorted by start."""
    workers = [_worker(plan, stop) for _ in range(plan.connections)]
    found = await asyncio.gather(*workers)
    return sorted((sample for samples in found for sample in samples), key=lambda sample: sample.start)


async def _worker(plan: Plan, stop: asyncio.Event) -> list[Sample]:
    samples: list[Sample] = []
    connection: Connection | None = None
    while not stop.is_set():
        connection, sample = await _request(plan.target, connection)
        samples.append(sample)
        await asyncio.sleep(plan.pause)
    if connection:
        connection.close()
    return samples


async def _request(target: Target, connection: Connection | None) -> tuple[Connection | None, Sample]:
    """One request, over the given connection if it is still usable. Failures are not retried."""
    started, clock = time.time(), time.perf_counter()
    outcome, body = "", ""
    try:
        if connection is None or not connection.usable:
            connection = await _open(target)
        answer = await asyncio.wait_for(connection.ask(target), ANSWER_SECONDS)
        outcome, body = _judge(answer)
    except UnprocessedError as error:
        outcome = f"{UNPROCESSED}: {error}"
    except (DroppedError, TimeoutError) as error:
        outcome = f"{FAILED}: {error or 'no answer'}"
    sample = Sample(started, time.perf_counter() - clock, outcome, body)
    if connection and (outcome or not target.keep_alive):
        connection.close()
        connection = None
    return connection, sample


async def _open(target: Target) -> Connection:
    if not target.http2:
        return await Http1.open(target)
    from benchmarks.load.http2 import Http2

    return await Http2.open(target)


def _judge(answer: Answer) -> tuple[str, str]:
    body = answer.body.decode("utf-8", "replace").strip()[:BODY]
    return (f"{FAILED}: status {answer.status}" if answer.status >= 400 else ""), body
