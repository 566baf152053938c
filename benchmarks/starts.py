"""How soon a container serves, and what its supervision costs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

from benchmarks.containers import Start, free_port_or_fail, milliseconds_to_answer, supervision_mib
from benchmarks.contexts import GUNICORN
from benchmarks.figure import Figure
from benchmarks.measure import interleaved
from benchmarks.world import World
from nuwa.names import APP_ID

PATHS = {"hello": "/", "django": "/health/"}
TARGETS = {
    "hello": {"bare gunicorn": 1.12, "supervisord": 0.4},
    # Most of the time here is the import of Django, which is the same for all.
    "django": {"bare gunicorn": 2.2, "supervisord": 1.0},
}


def start(world: World) -> Iterator[Figure]:
    """From the container's start to its first answer."""
    free_port_or_fail()
    for name, path in PATHS.items():
        sides = _sides(world, name)
        world.say(f"start {name}, {world.rounds} rounds")
        actions = {side: partial(milliseconds_to_answer, world, how, path) for side, how in sides.items()}
        values = interleaved(world.rounds, **actions)
        for opponent, target in TARGETS[name].items():
            yield Figure(
                title=f"start of {name}, to the first 200",
                ours=values["nuwa"],
                theirs=values[opponent],
                opponent=opponent,
                unit="ms",
                target=target,
            )


def supervision(world: World) -> Iterator[Figure]:
    """Memory of PID 1 and its helpers; supervisord's is shown for comparison, without a target."""
    free_port_or_fail()
    sides = _sides(world, "hello")
    values = {
        side: [supervision_mib(world, sides[side], "/", names)]
        for side, names in (("nuwa", ("s6-", "/init")), ("supervisord", ("/usr/local/bin/supervisord",)))
    }
    yield Figure(title="supervision, PSS", ours=values["nuwa"], unit="MB", target=3, decimals=1)
    yield Figure(
        title="supervision, PSS, against supervisord",
        ours=values["nuwa"],
        theirs=values["supervisord"],
        opponent="supervisord",
        unit="MB",
        target=1,
        decimals=1,
    )


def _sides(world: World, name: str) -> dict[str, Start]:
    """The same app three times, with the same data."""
    image = world.app_image(name)
    data = _data(world, name)
    module = world.manifest(name).server.module
    return {
        "nuwa": Start(image, data),
        "bare gunicorn": Start(
            image,
            (
                *data,
                "--user=app",
                "--workdir=/srv/app",
                f"--entrypoint={GUNICORN[0]}",
                *_clear(world, name),
            ),
            (*GUNICORN[1:], module),
        ),
        "supervisord": Start(world.supervisord_image(name), (*data, *_clear(world, name))),
    }


def _clear(world: World, name: str) -> tuple[str, ...]:
    """The manifest's clear environment, which s6's init reads from the image."""
    return tuple(f"--env={key}={value}" for key, value in world.manifest(name).env.clear.items())


def _data(world: World, name: str) -> tuple[str, ...]:
    """The app's volumes, its database, created by the release hook, and its secret."""
    app = world.manifest(name)
    words: tuple[str, ...] = tuple(f"--env={secret}=measured" for secret in app.env.generated)
    for volume in app.volume:
        folder = world.folder / "volumes" / name / volume.name
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, APP_ID, APP_ID)
        words += (f"--volume={folder}:{volume.path}",)
    if app.hooks.release:
        command = ("/usr/lib/nuwa/app-env", "/usr/lib/nuwa/command/release")
        world.engine.run(
            world.app_image(name), *command[1:], options=["--rm", "--entrypoint", command[0], *words]
        )
    return words
