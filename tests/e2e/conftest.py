"""One real lab host for the whole session, and the three examples installed on it as the README says."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.client import Site
from nuwa.console import Plain
from nuwa.engine import Engine
from nuwa.lab import lifecycle, use
from nuwa.lab.model import HTTPS, HostState, Lab
from nuwa.process import Result, run

ROOT = Path(__file__).resolve().parents[2]
LAB = Lab("e2e")


def eventually(check: Callable[[], object], what: str, *, seconds: float = 60) -> object:
    """Ask again and again until `check` returns something true; errors on the way count as not yet."""
    end = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < end:
        try:
            if last := check():
                return last
        except (OSError, AssertionError) as error:
            last = error
        time.sleep(0.3)
    pytest.fail(f"{what}: not within {seconds:g} s (last: {last!r})")


@dataclass(frozen=True)
class LabHost:
    """The host that everything is installed on."""

    engine: Engine
    state: HostState

    @property
    def https(self) -> int:
        return self.state.ports[HTTPS]

    def sh(self, script: str, *, check: bool = True, timeout: float = 300) -> Result:
        """Run a bash script on the host as root."""
        return self.engine.exec(self.state.host.container, "bash", "-c", script, check=check, timeout=timeout)

    def out(self, script: str) -> str:
        return self.sh(script).stdout.strip()

    def reboot(self) -> None:
        self.engine.podman("restart", self.state.host.container)

    def copy(self, image: str) -> bool:
        return use.copy(self.engine, Plain(), image, self.state.host)


@dataclass(frozen=True)
class Deployment:
    """An app that is installed on the host."""

    host: LabHost
    directory: str
    image: str
    app: str
    domain: str

    @property
    def container(self) -> str:
        return f"nuwa-{self.app}-blue"

    @property
    def unit(self) -> str:
        return f"{self.container}.service"

    def bin(self, command: str, *, check: bool = True) -> Result:
        """Run one of the scripts from the deployment's folder."""
        return self.host.sh(f"cd {self.directory} && bin/{command}", check=check)

    def inside(self, command: str) -> str:
        """Run a command in the app's container."""
        return self.host.out(f"podman exec {self.container} {command}")

    @property
    def site(self) -> Site:
        """A new visitor, who trusts the certificate that lies on the host and no other."""
        pem = self.host.out(f"cat {self.directory}/volumes/.nuwa/tls/{self.domain}/fullchain.pem")
        return Site(self.domain, self.host.https, pem)

    def is_healthy(self) -> bool:
        return self.site.get("/health/").status == 200


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.detect()


@pytest.fixture(scope="session")
def host(engine: Engine) -> Iterator[LabHost]:
    """A fresh host: what an earlier, interrupted session left is removed first."""
    (state,) = lifecycle.reset(engine, Plain(), LAB, 1)
    yield LabHost(engine, state)
    if not os.environ.get("NUWA_KEEP_LAB"):
        lifecycle.down(engine, Plain(), LAB)


def build(example: str) -> str:
    """Build an example with the command that the README names, and return the image's name."""
    argv = [
        sys.executable,
        "-m",
        "nuwa",
        "build",
        ROOT / "examples" / example,
        "--family",
        "debian",
        "--json",
    ]
    return str(json.loads(run(argv, cwd=ROOT, timeout=540).stdout)["image"])


def install(host: LabHost, example: str, app: str) -> Deployment:
    image = build(example)
    host.copy(image)
    deployment = Deployment(host, f"/srv/{app}", image, app, f"{app}.localhost")
    setup = host.engine.image(image)
    assert setup is not None
    host.sh(
        f"mkdir -p {deployment.directory} && cd {deployment.directory} && export BID={image}\n"
        + setup.labels["RunSetup"]
    )
    deployment.bin("run")
    deployment.bin(f"install {deployment.domain}")
    return deployment


@pytest.fixture(scope="session")
def postcards(host: LabHost) -> Deployment:
    return install(host, "django", "postcards")


@pytest.fixture(scope="session")
def links(host: LabHost) -> Deployment:
    return install(host, "flask", "links")


@pytest.fixture(scope="session")
def pixels(host: LabHost) -> Deployment:
    return install(host, "fastapi", "pixels")
