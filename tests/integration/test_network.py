"""The networks of two apps in this machine's own podman; Debian 12 has 4.3, the oldest that isolates them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from nuwa.engine import Engine
from nuwa.names import NETWORK_OPTIONS
from nuwa.process import Result

NAMES = ("nuwa-test-network-one", "nuwa-test-network-two")
SERVE = "import http.server; http.server.test(port=8000)"
ASK = "import socket, sys; socket.create_connection((sys.argv[1], 8000), 5)"
ADDRESS = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"


@pytest.fixture
def networks(engine: Engine) -> Iterator[tuple[str, str]]:
    for name in NAMES:
        engine.podman("network", "create", *NETWORK_OPTIONS, name)
    yield NAMES
    engine.podman("network", "rm", "--force", "--time=0", *NAMES)


def test_an_app_reaches_its_own_containers_and_none_of_another_app(
    engine: Engine, runtime_image: Callable[..., str], networks: tuple[str, str]
) -> None:
    image = runtime_image("gunicorn")

    def python(network: str, *words: str, check: bool = True) -> Result:
        options = ("--rm", "--no-healthcheck", f"--network={network}", "--entrypoint=/usr/bin/python3")
        return engine.podman("run", *options, *words, check=check)

    served = python(networks[0], "--detach", image, "-c", SERVE).stdout.strip()
    address = engine.podman("inspect", "--format", ADDRESS, served).stdout.strip()
    asked = {name: python(name, image, "-c", ASK, address, check=False) for name in networks}
    assert asked[networks[0]].code == 0, asked[networks[0]].stderr
    assert "TimeoutError" in asked[networks[1]].stderr
