"""The names of a lab and its hosts, and the state of a host."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nuwa.errors import LabError

LABEL_LAB = "io.nuwa.lab"
LABEL_HOST = "io.nuwa.lab.host"
DEMO = "/srv/demo"
"""Where the demo's deployment is on the first host."""
HTTPS, HTTP = 443, 80


@dataclass(frozen=True)
class Lab:
    """A set of hosts on one network. The lab with the empty name is the default."""

    name: str = ""

    def __post_init__(self) -> None:
        if self.name and not re.fullmatch(r"[a-z][a-z0-9]{0,19}", self.name):
            raise LabError(
                f"{self.name!r} is not a name for a lab",
                hint="Take up to 20 small letters and digits, a letter first.",
            )

    @property
    def label(self) -> str:
        return f"nuwa-lab-{self.name}" if self.name else "nuwa-lab"

    @property
    def network(self) -> str:
        return self.label

    def host(self, number: int) -> Host:
        return Host(self, number)

    def find(self, name: str) -> Host:
        """The host named by `host2`, `2`, or nothing (the first).

        Raises:
            LabError: no host has that name.
        """
        found = re.fullmatch(r"(?:host)?([1-9]\d?)", name or "1")
        if not found:
            raise LabError(f"{name!r} is not a lab host", hint="Hosts are called host1, host2, …")
        return self.host(int(found.group(1)))


@dataclass(frozen=True)
class Host:
    """One machine of a lab."""

    lab: Lab
    number: int

    @property
    def name(self) -> str:
        return f"host{self.number}"

    @property
    def container(self) -> str:
        return f"{self.lab.label}-{self.number}"

    @property
    def volume(self) -> str:
        """Storage of the inner podman, outside the container: overlay on overlay is refused."""
        return f"{self.container}-containers"

    @property
    def aliases(self) -> tuple[str, str]:
        return (self.name, f"{self.name}.lab.test")


@dataclass(frozen=True)
class HostState:
    """The state of a host when it was inspected."""

    host: Host
    state: str
    """`running`, `stopped`, or `broken` for a container that never started."""
    image: str
    """Id of the image that it was created from."""
    ports: Mapping[int, int] = field(default_factory=dict)
    """Ports of the host, and the ports of 127.0.0.1 that are forwarded to them."""

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.host.name,
            "container": self.host.container,
            "state": self.state,
            "image": self.image,
            "ports": {str(inner): outer for inner, outer in sorted(self.ports.items())},
        }

    def url(self, domain: str = "localhost") -> str:
        """The URL of a site of the host, for a browser on this machine."""
        port = self.ports.get(HTTPS, HTTPS)
        return f"https://{domain}/" if port == HTTPS else f"https://{domain}:{port}/"


def by_number(states: list[HostState]) -> Iterator[HostState]:
    return iter(sorted(states, key=lambda state: state.host.number))
