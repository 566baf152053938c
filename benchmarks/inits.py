"""s6-overlay against nuwa-init, on the same image: time to serve, and time to react to a stop."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.containers import Start, free_port_or_fail, milliseconds_to_answer, running, wait_for_line
from benchmarks.figure import Figure
from benchmarks.measure import interleaved, seconds
from benchmarks.world import World
from tests.standin.s6_overlay.image import archives, given_archives

NAME = "hello"
LOADING = "import time\ntime.sleep(600)\n"
"""An app that is still being imported when it is asked to stop."""


def inits(world: World) -> Iterator[Figure]:
    """s6-overlay (from NUWA_DOWNLOADS, else a stand-in) against nuwa-init."""
    free_port_or_fail()
    ours = "s6-overlay" if given_archives() else "a stand-in for s6-overlay"
    folder = world.folder / "s6-overlay"
    folder.mkdir()
    sides = {
        "ours": Start(world.s6_overlay_image(NAME, archives(folder))),
        "theirs": Start(world.app_image(NAME)),
    }
    world.say(f"{ours} against nuwa-init, {world.rounds} rounds")
    actions = {side: partial(milliseconds_to_answer, world, how, "/") for side, how in sides.items()}
    yield Figure.of(
        f"start of {NAME} under {ours}, to the first 200",
        interleaved(world.rounds, **actions),
        opponent="nuwa-init",
        unit="ms",
        target=1.15,
    )
    module = world.folder / "loading.py"
    module.write_text(LOADING)
    actions = {side: partial(_seconds_to_stop, world, _loading(how, module)) for side, how in sides.items()}
    yield Figure.of(
        f"stop under {ours} while the app loads",
        interleaved(world.rounds, **actions),
        opponent="nuwa-init",
        unit="s",
        target=1.2,
        decimals=2,
    )


def _loading(start: Start, module: Path) -> Start:
    options = (f"--volume={module}:/srv/app/wsgi.py:ro", "--env=GUNICORN_CMD_ARGS=--graceful-timeout=2")
    return Start(start.image, (*start.options, *options))


def _seconds_to_stop(world: World, start: Start) -> float:
    """From the request to stop to the container's end, with a worker in the middle of its import."""
    with running(world, start) as name:
        wait_for_line(world, name, "Booting worker")
        return seconds(lambda: world.engine.podman("stop", "--time=60", name))
