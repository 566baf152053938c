"""How long builds take, and how large the results are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from benchmarks.figure import Figure
from benchmarks.measure import interleaved, seconds
from benchmarks.world import World
from nuwa.names import LABEL_SETUP

MIB = 1024**2


def size(world: World) -> Iterator[Figure]:
    """Images with gunicorn and with Apache, against the same plain image."""
    plain = [world.inspect(world.plain_image()).size / MIB]
    for name, server, target in (("django", "gunicorn", 0.3), ("apache", "Apache", 0.7)):
        ours = [world.inspect(world.app_image(name)).size / MIB]
        title = f"image with {server}"
        yield Figure(title=title, ours=ours, theirs=plain, opponent="plain", unit="MiB", target=target)


def label(world: World) -> Iterator[Figure]:
    """The size of the installer that an image carries."""
    text = world.inspect(world.app_image("django")).labels[LABEL_SETUP]
    yield Figure(title="Setup label", ours=[len(text.encode()) / 1024], unit="KiB", target=46.5, decimals=1)


def unchanged(world: World) -> Iterator[Figure]:
    """Nothing changed: one inspection of labels, against podman's walk through the cache of each layer."""
    world.app_image("django")
    stages = world.podman_stages("django")

    def theirs() -> float:
        return seconds(lambda: world.build_stages(stages))

    values = interleaved(world.rounds, ours=lambda: seconds(lambda: world.build("django")), theirs=theirs)
    yield Figure.of(
        "build, nothing changed", values, opponent="podman build", unit="s", target=0.08, decimals=2
    )


def code(world: World) -> Iterator[Figure]:
    """One changed line in the app's code, a different one each time."""
    world.app_image("django")
    world.plain_image()
    file = world.project("django") / "postcards" / "views.py"
    number = count()

    def change() -> None:
        file.write_text(f"{file.read_text()}# change {next(number)}\n")

    def ours() -> float:
        change()
        return seconds(lambda: world.build("django"))

    def theirs() -> float:
        change()
        return seconds(world.build_plain)

    values = interleaved(world.rounds, ours=ours, theirs=theirs)
    yield Figure.of("build, code changed", values, opponent="plain", unit="s", target=0.45, decimals=1)


def cold(world: World) -> Iterator[Figure]:
    """Everything above the bare distribution; the images must be identical."""
    tag, ids = world.app_image("django"), []
    world.plain_image()

    def ours() -> float:
        with world.no_downloads() as env:
            took = seconds(lambda: world.build("django", "--no-cache", env=env))
        ids.append(world.inspect(tag).id)
        return took

    rounds = max(2, world.rounds // 2)
    world.say(f"cold builds, {rounds} rounds")
    values = interleaved(rounds, ours=ours, theirs=lambda: seconds(lambda: world.build_plain("--no-cache")))
    yield Figure.of("build, cold", values, opponent="plain", unit="s", target=0.55, decimals=1)
    yield Figure(
        title=f"image ids of {len(ids)} cold builds of the same inputs",
        ours=[len(set(ids))],
        unit="",
        target=1,
    )
