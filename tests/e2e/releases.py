"""Releases on a host: images that differ in little, and requests while one takes over from another."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.load.report import Sample
from benchmarks.load.run import Plan, run
from benchmarks.load.target import Target
from e2e.conftest import Deployment

MAKE_RELEASE = """set -e; folder=$(mktemp -d); cd $folder; printf '%s\n' {name} >release.txt
podman image exists {app}:base || printf 'FROM {first}\nLABEL base=1\n' |
podman build --quiet --format docker --pull=never --tag {app}:base --file - .
printf 'FROM {app}:base\nCOPY release.txt /srv/app/release.txt\n' |
podman build --quiet --format docker --pull=never --tag {image} --file - ."""


def release(deployment: Deployment, name: str) -> str:
    """An image that differs in the name of its release alone, made from one that is never deployed."""
    image = f"localhost/app/{deployment.app}:{name}"
    app = f"localhost/app/{deployment.app}"
    deployment.host.sh(MAKE_RELEASE.format(name=name, app=app, first=deployment.image, image=image))
    return image


@contextmanager
def load(deployment: Deployment, *, post: bool = True) -> Iterator[list[Sample]]:
    """Requests over kept connections while the block runs, none tried again; the samples afterwards."""
    samples: list[Sample] = []
    url = f"https://{deployment.domain}:{deployment.host.https}/"
    target = Target(
        url,
        address=("127.0.0.1", deployment.host.https),
        method="POST" if post else "GET",
        body=b"x" * 2000 if post else b"",
    )
    ended = threading.Event()

    async def work() -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(run(Plan(target, connections=4, pause=0.02), stop))
        while not ended.is_set():
            await asyncio.sleep(0.05)
        stop.set()
        samples.extend(await task)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    try:
        time.sleep(0.5)
        yield samples
    finally:
        ended.set()
        thread.join()


def lost(samples: list[Sample]) -> list[str]:
    return [sample.outcome for sample in samples if sample.outcome]


def serving(deployment: Deployment) -> str:
    return deployment.site.get("/health/").text
