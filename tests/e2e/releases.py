"""Releases on a host: images that differ in little, and requests while one takes over from another."""

from __future__ import annotations

from contextlib import AbstractContextManager

from benchmarks.load import background
from benchmarks.load.report import Sample
from benchmarks.load.run import Plan
from benchmarks.load.target import Target
from benchmarks.site import RELEASE
from e2e.conftest import Deployment


def release(deployment: Deployment, name: str) -> str:
    """An image that differs in the name of its release alone, made from one that is never deployed."""
    app = f"localhost/app/{deployment.app}"
    deployment.host.sh(RELEASE.format(name=name, app=app, first=deployment.image))
    return f"{app}:{name}"


def load(deployment: Deployment, *, post: bool = True) -> AbstractContextManager[list[Sample]]:
    """Requests over kept connections while the block runs, none tried again; the samples afterwards."""
    target = Target(
        f"https://{deployment.domain}:{deployment.host.https}/",
        address=("127.0.0.1", deployment.host.https),
        method="POST" if post else "GET",
        body=b"x" * 2000 if post else b"",
    )
    return background.load(Plan(target, connections=4, pause=0.02))


def lost(samples: list[Sample]) -> list[str]:
    return [sample.outcome for sample in samples if sample.outcome]


def serving(deployment: Deployment) -> str:
    return deployment.site.get("/health/").text
