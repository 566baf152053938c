"""A site that names its release, installed on a lab host of its own; and more releases of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load.target import Target
from benchmarks.world import HERE, World
from nuwa.console import Plain
from nuwa.lab import access, lifecycle
from nuwa.lab.model import HTTPS, HostState, Lab
from nuwa.process import Result

PROJECT = HERE.parent / "tests" / "e2e" / "tiny"
FOLDER, DOMAIN = "/srv/tiny", "tiny.localhost"
INSTALL = f"""set -e; mkdir -p {FOLDER}; cd {FOLDER}
export BID=localhost/app/tiny:latest; podman image inspect -f '{{{{.Config.Labels.Setup}}}}' $BID | bash
bin/run --quiet; bin/install --quiet {DOMAIN}"""
# The base of all releases is not a release itself; otherwise it would be removed as an old one.
RELEASE = """set -e; folder=$(mktemp -d); cd $folder; printf '%s\\n' {name} >release.txt
podman image exists {app}:base || printf 'FROM {first}\\nLABEL base=1\\n' |
podman build --quiet --format docker --pull=never --tag {app}:base --file - .
printf 'FROM {app}:base\\nCOPY release.txt /srv/app/release.txt\\n' |
podman build --quiet --format docker --pull=never --tag {app}:{name} --file - .
rm -r $folder"""
"""Builds an image that differs only in the name of its release, based on `{first}`, which is on the host."""


@dataclass
class Site:
    """The tiny site on its host."""

    world: World
    state: HostState
    domain: str = DOMAIN

    def sh(self, script: str, *, check: bool = True) -> Result:
        container = self.state.host.container
        return self.world.engine.exec(container, "bash", "-c", script, check=check, timeout=600)

    def write(self, path: str, text: str) -> None:
        """Write a file on the host."""
        words = ("bash", "-c", f"cat >{path}")
        self.world.engine.exec(self.state.host.container, *words, options=["--interactive"], input=text)

    def bin(self, command: str, *, check: bool = True) -> Result:
        """Run one of the scripts in the deployment's folder."""
        return self.sh(f"cd {FOLDER} && bin/{command}", check=check)

    def release(self, name: str) -> str:
        """A new image whose pages contain `name`."""
        self.sh(RELEASE.format(name=name, app="localhost/app/tiny", first="localhost/app/tiny:latest"))
        return f"localhost/app/tiny:{name}"

    def target(self, body: bytes = b"", *, http2: bool = False) -> Target:
        """The front page, requested from outside the host: GET, or POST with a body."""
        port = self.state.ports[HTTPS]
        return Target(
            f"https://{self.domain}:{port}/",
            address=("127.0.0.1", port),
            method="POST" if body else "GET",
            body=body,
            http2=http2,
        )


@contextmanager
def installed(world: World, lab: Lab, project: Path = PROJECT) -> Iterator[Site]:
    """The site on a fresh host, which is removed afterwards; `project` is its own or a changed copy."""
    (state,) = lifecycle.reset(world.engine, Plain(), lab, 1)
    try:
        world.nuwa("build", "--family", "debian", "--quiet", cwd=project)
        access.copy(world.engine, Plain(), "localhost/app/tiny:latest", state.host)
        site = Site(world, state)
        site.sh(INSTALL)
        yield site
    finally:
        lifecycle.down(world.engine, Plain(), lab)
