"""podman command lines of a lab, as lists; nothing here runs one."""

from __future__ import annotations

from collections.abc import Mapping

from nuwa.lab.model import LABEL_HOST, LABEL_LAB, Host, Lab

STOP_SIGNAL = "SIGRTMIN+3"
"""The signal that makes systemd halt."""

CGROUP1_OPTIONS = (
    # podman's setup for systemd makes two hosts share one hierarchy on cgroup v1, and they break each other;
    # so it is disabled and systemd is told to use what it finds.
    "--systemd=false",
    "--env=SYSTEMD_PROC_CMDLINE=systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1",
    "--env=PODMAN_IGNORE_CGROUPSV1_WARNING=1",
)
CGROUP2_OPTIONS = ("--systemd=always",)


def create_host(host: Host, image: str, ports: Mapping[int, int], *, cgroup2: bool) -> list[str]:
    """Start a new host.

    Args:
        ports: ports of the host, each with the port of 127.0.0.1 that is forwarded to it.
        cgroup2: whether the machine has the unified hierarchy.
    """
    return [
        *("run", "--detach", "--pull=never", "--name", host.container, "--hostname", host.name),
        *("--label", f"{LABEL_LAB}={host.lab.label}", "--label", f"{LABEL_HOST}={host.number}"),
        *("--network", host.lab.network),
        *(word for alias in host.aliases for word in ("--network-alias", alias)),
        *("--privileged", "--cgroupns=private", "--stop-signal", STOP_SIGNAL),
        # podman's default limit of 2048 processes would apply to all containers of the host together.
        "--pids-limit=-1",
        *("--tmpfs", "/run:mode=755,exec", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:mode=1777,exec"),  # noqa: S108 - mounts inside the host
        *(CGROUP2_OPTIONS if cgroup2 else CGROUP1_OPTIONS),
        *("--volume", f"{host.volume}:/var/lib/containers"),
        *(word for inner, outer in ports.items() for word in ("--publish", f"127.0.0.1:{outer}:{inner}")),
        image,
    ]


def create_network(lab: Lab) -> list[str]:
    return ["network", "create", "--label", f"{LABEL_LAB}={lab.label}", lab.network]


def create_volume(host: Host) -> list[str]:
    return ["volume", "create", "--label", f"{LABEL_LAB}={host.lab.label}", host.volume]


def list_volumes(lab: Lab) -> list[str]:
    return ["volume", "ls", "--quiet", "--filter", f"label={LABEL_LAB}={lab.label}"]


def wait_for_systemd(host: Host) -> list[str]:
    """Prints systemd's state once it has started everything; fails until systemd can be reached."""
    return ["exec", host.container, "systemctl", "is-system-running", "--wait"]
