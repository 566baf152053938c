"""The image on Kubernetes: the time to print its objects, and to start as a pod."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.figure import Figure
from benchmarks.measure import interleaved, seconds
from benchmarks.site import DOMAIN, FOLDER, installed
from benchmarks.world import World
from nuwa.lab.model import Lab

ENTRY = "/usr/lib/nuwa/kubernetes"
RUN = "podman run --rm --no-healthcheck --network none --entrypoint"
FILE = "/root/tiny.yaml"
ANSWER = (
    f"until curl -so /dev/null --fail -H 'Host: {DOMAIN}' http://127.0.0.1:8000/health/; do sleep 0.02; done"
)


def kubernetes(world: World) -> Iterator[Figure]:
    """Objects printed by the image, against `true` in it; a pod until it answers, against bin/run's unit."""
    with installed(world, Lab("benchkube")) as site:
        image = site.sh("podman image inspect -f '{{.Id}}' localhost/app/tiny:latest").stdout.strip()
        words = f"--image {image} --podman --domain {DOMAIN}"
        site.sh(f"{RUN} {ENTRY} {image} {words} >{FILE}")
        world.say(f"objects and pods, {world.rounds} rounds")
        printed = interleaved(
            4 * world.rounds,
            ours=lambda: 1000 * seconds(partial(site.sh, f"{RUN} {ENTRY} {image} {words} >/dev/null")),
            theirs=lambda: 1000 * seconds(partial(site.sh, f"{RUN} /bin/true {image}")),
        )
        yield Figure.of("objects printed by the image", printed, opponent="true", unit="ms", target=1.5)

        def pod() -> float:
            took = seconds(partial(site.sh, f"podman kube play {FILE} >/dev/null; {ANSWER}"))
            site.sh(f"podman kube down {FILE}")
            return took

        unit = site.sh(f"echo nuwa-tiny-$(cat {FOLDER}/volumes/.nuwa/slot).service").stdout.strip()

        def host() -> float:
            site.sh(f"systemctl stop {unit}")
            # It returns once the app answers, as bin/run does.
            return seconds(partial(site.sh, f"systemctl start {unit}"))

        started = interleaved(world.rounds, ours=pod, theirs=host)
        yield Figure.of(
            "pod under podman, to the first 200",
            started,
            opponent="the unit of bin/run",
            unit="s",
            target=1.2,
            decimals=2,
        )
