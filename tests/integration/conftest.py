"""Images that tests of this folder share: built once, and at the next run only where something changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from runtime_manifest import PROJECT, Init, Kind, runtime_app

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
