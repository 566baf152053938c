"""One real lab host for the whole session, and the three examples installed on it as the README says."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.client import Site
from nuwa.console import Plain
from nuwa.engine import Engine
from nuwa.errors import NuwaError
from nuwa.lab import access, lifecycle
from nuwa.lab import agent as lab_agent
from nuwa.lab.model import HTTPS, HostState, Lab
from nuwa.process import Result, run

ROOT = Path(__file__).resolve().parents[2]
# With the suffix, several checkouts can test on one machine at once.
SUFFIX = os.environ.get("NUWA_E2E_SUFFIX", "")
LAB = Lab(f"e2e{SUFFIX}")


def eventually(check: Callable[[], object], what: str, *, seconds: float = 60) -> object:
    """Ask again and again until `check` returns something true; errors on the way count as not yet."""
    end = time.monotonic() + seconds
    last: object = None
    while (asked := time.monotonic()) < end:
        try:
            if last := check():
                return last
        except (OSError, AssertionError, NuwaError) as error:
            last = error
        # Most checks start podman, which would take a processor from what is waited for.
        time.sleep(min(max(0.3, 4 * (time.monotonic() - asked)), 1))
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
        return access.copy(self.engine, Plain(), image, self.state.host)


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
        slot = self.host.out(f"cat {self.directory}/volumes/.nuwa/slot")
        return f"nuwa-{self.app}-{slot}"

    @property
    def unit(self) -> str:
        return f"{self.container}.service"

    def bin(self, command: str, *, check: bool = True) -> Result:
        """Run one of the scripts from the deployment's folder."""
        return self.host.sh(f"cd {self.directory} && bin/{command}", check=check)

    def remove(self) -> None:
        """Take it off the host, where it would go on using the processor that other tests need."""
        self.bin("uninstall --yes")
        self.bin("kill --yes")

    def inside(self, command: str) -> str:
        """Run a command in the app's container."""
        return self.host.out(f"podman exec {self.container} {command}")

    @property
    def site(self) -> Site:
        """A new visitor, who trusts the certificate that is on the host and no other."""
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


def readme_commands(deployment: Deployment) -> str:
    """What the README has people type on a host, for this app in place of its own example."""
    readme = (ROOT / "README.md").read_text()
    begin = "mkdir -p /srv/myproject"
    block = begin + readme.partition(begin)[2].partition("```")[0]
    for theirs, ours in {
        "/srv/myproject": deployment.directory,
        "localhost/app/myproject:latest": deployment.image,
        "www.example.com": deployment.domain,
    }.items():
        assert theirs in block, f"the README no longer mentions {theirs}"
        block = block.replace(theirs, ours)
    return block


def label_commands(deployment: Deployment) -> str:
    """The same with the command line that the image itself carries."""
    image = deployment.host.engine.image(deployment.image)
    assert image is not None
    folder, label = deployment.directory, image.labels["RunSetup"]
    begin = f"mkdir -p {folder}; cd {folder}; export BID={deployment.image}"
    return f"{begin}\n{label}\nbin/run; bin/install {deployment.domain}"


def install(host: LabHost, example: str, app: str, commands: Callable[[Deployment], str]) -> Deployment:
    deployment = Deployment(host, f"/srv/{app}", build(example), app, f"{app}.localhost")
    host.copy(deployment.image)
    host.sh(f"set -e\n{commands(deployment)}")
    return deployment


@pytest.fixture(scope="session")
def postcards(host: LabHost) -> Deployment:
    return install(host, "django", "postcards", readme_commands)


@pytest.fixture(scope="session")
def links(host: LabHost) -> Deployment:
    return install(host, "flask", "links", label_commands)


@pytest.fixture(scope="session")
def pixels(host: LabHost) -> Deployment:
    return install(host, "fastapi", "pixels", label_commands)


@pytest.fixture(scope="session")
def tiny(host: LabHost, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Its previous release stands by after a deploy."""
    project = tmp_path_factory.mktemp("standby") / "tiny"
    shutil.copytree(ROOT / "tests/e2e/tiny", project)
    manifest = (project / "nuwa.toml").read_text()
    assert "[deploy]\n" in manifest
    (project / "nuwa.toml").write_text(manifest.replace("[deploy]\n", '[deploy]\nstandby = "5m"\n'))
    return install(host, str(project), "tiny", label_commands)


STATE_OF_HOST = r"""
find /etc /run/nuwa /var/lib/nuwa /var/log/nuwa /var/spool/rsyslog -xdev ! -name '.pwd.lock' \
  -printf '%M %u:%g %p %l\n' 2>/dev/null |
  grep -vE '/etc/(passwd|group|shadow|gshadow|sub[ug]id)-?$' | sort
cut -d: -f1 /etc/passwd /etc/group /etc/shadow /etc/gshadow | sort
systemctl list-unit-files --no-legend --no-pager | awk '{print $1, $2}' | grep -vE '\.(scope|mount)' | sort
ls /etc/nginx/conf.d; ss -Hltn | awk '{print $4}' | sort
systemctl --failed --no-legend --plain | grep -v "^[0-9a-f]\{64\}-"
systemctl show -p DropInPaths systemd-journald nginx rsyslog
"""
"""Everything of a host that the agent might leave something in: folders, users, units, ports."""


@pytest.fixture(scope="session")
def before_agent(host: LabHost) -> str:
    """What the host was like before the agent came."""
    return host.out(STATE_OF_HOST)


@contextmanager
def with_agent(host: LabHost, before: str) -> Iterator[None]:
    """This nuwa's agent on the host while the block runs."""
    assert "/etc/nginx/conf.d" in before
    assert "nuwa-ci" not in before
    if host.sh(f"test -x {lab_agent.COMMAND}", check=False).ok:
        host.sh("nuwa host init")
    else:
        lab_agent.install(host.engine, Plain(), host.state.host)
    yield
    host.sh("nuwa host remove --yes")


@pytest.fixture(scope="module")
def agent(host: LabHost, before_agent: str) -> Iterator[LabHost]:
    """The host with this nuwa's agent on it, until the end of a file: other files find a host without it."""
    with with_agent(host, before_agent):
        yield host
