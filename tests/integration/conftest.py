"""Images that tests of this folder share: built once, and at the next run only where something changed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from running import Container
from runtime_manifest import INITS, PROJECT, SECRET, Init, Kind, runtime_app

from nuwa.console import Quiet
from nuwa.engine import Engine
from nuwa.image.build import Options, build
from tests.standin.s6_overlay.image import archives, given_archives, with_s6_overlay


def pytest_report_header() -> str:
    given = given_archives()
    return f"s6-overlay: {f'the archives in {given}' if given else 'its stand-in'}"


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.detect()


@pytest.fixture(scope="session")
def s6_overlay(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """s6-overlay's archives: what NUWA_DOWNLOADS has, else the stand-in's."""
    return archives(tmp_path_factory.mktemp("s6-overlay"))


@pytest.fixture(scope="session")
def runtime_image(engine: Engine, request: pytest.FixtureRequest) -> Callable[..., str]:
    """The id of the image of the runtime tests' app, by the kind of its server and what makes PID 1."""

    @cache
    def image(kind: Kind, init: Init = "nuwa-init") -> str:
        app = runtime_app(kind)
        if init == "nuwa-init":
            return build(app, PROJECT, Options(), engine, Quiet()).id
        return with_s6_overlay(engine, image(kind), app, request.getfixturevalue("s6_overlay"))

    return image


@pytest.fixture(
    scope="session",
    params=[(kind, init) for init in INITS for kind in ("gunicorn", "mod_wsgi")],
    ids="-".join,
)
def container(
    request: pytest.FixtureRequest,
    engine: Engine,
    runtime_image: Callable[..., str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Container]:
    """A container for each kind of WSGI server and each init, as a host runs it.

    Tests of two modules share it, so each leaves it serving, except for the last.
    """
    made = Container(
        engine,
        runtime_image(*request.param),
        f"nuwa-test-runtime-{'-'.join(request.param)}-{uuid.uuid4().hex[:8]}",
        tmp_path_factory.mktemp("container"),
        secrets={"TOKEN": SECRET + "\n", "not-a-variable": "x"},
        options=[
            "--env=TOKEN=from podman",
            "--env=FROM_PODMAN=a\nb  ",
            "--env=name=kept",
            "--env=value=kept",
        ],
    )
    try:
        yield made.start().wait_served()
    finally:
        made.remove()
