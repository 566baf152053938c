"""What a site outlives: a killed server, a killed container, a stopped unit, a restart of its host."""

from __future__ import annotations

from e2e.conftest import Deployment, LabHost, eventually
from nuwa.lab import hosts


def started(deployment: Deployment) -> str:
    return deployment.host.out(f"podman inspect --format '{{{{.State.StartedAt}}}}' {deployment.container}")


def serves_again(deployment: Deployment, before: str) -> bool:
    return started(deployment) != before and deployment.is_healthy()


def server_pid(deployment: Deployment) -> str:
    """The server's first process, as the host numbers it."""
    top = f"podman top {deployment.container} hpid args"
    return deployment.host.out(f"{top} | awk '/gunicorn/ {{print $1; exit}}'")


def test_a_killed_server_comes_back_inside_its_container(postcards: Deployment, host: LabHost) -> None:
    before, killed = started(postcards), server_pid(postcards)
    host.sh(f"kill -KILL {killed}")
    eventually(lambda: server_pid(postcards) not in ("", killed), "there is a new server")
    eventually(postcards.is_healthy, "the new server serves")
    assert started(postcards) == before, "the container was not to be restarted"


def test_systemd_starts_a_killed_container_again(postcards: Deployment, host: LabHost) -> None:
    before = started(postcards)
    host.sh(f"podman kill --signal KILL {postcards.container}")
    eventually(lambda: serves_again(postcards, before), "systemd starts the container again")


def test_a_container_whose_conmon_was_killed_serves_until_the_next_one_starts(
    postcards: Deployment, host: LabHost
) -> None:
    before, since = started(postcards), host.out("date +%s.%N")
    host.sh(f"kill -KILL $(podman inspect --format '{{{{.State.ConmonPid}}}}' {postcards.container})")
    eventually(lambda: serves_again(postcards, before), "systemd starts the container again")
    said = host.out(f"journalctl --since @{since} --output cat")
    assert said.index(f"Starting {postcards.unit}") < said.index("container died")
    assert host.out(f"podman ps --all --format '{{{{.Names}}}}' | grep -c '^{postcards.container}'") == "1"


def test_a_hung_server_is_replaced(postcards: Deployment, host: LabHost) -> None:
    before = started(postcards)
    servers = f"podman top {postcards.container} hpid args | awk '/gunicorn/ {{print $1}}'"
    host.sh(f"{servers} | xargs kill -STOP")
    eventually(lambda: serves_again(postcards, before), "a new container serves", seconds=180)


def test_monit_starts_a_stopped_unit_again(postcards: Deployment, host: LabHost) -> None:
    host.sh(f"systemctl stop {postcards.unit}")
    eventually(postcards.is_healthy, "monit starts the unit again", seconds=90)


def test_everything_is_back_after_a_restart_of_the_host(
    postcards: Deployment, links: Deployment, pixels: Deployment, host: LabHost
) -> None:
    cards = postcards.site.get("/").text.count('<article class="card"')
    host.reboot()
    for deployment in (postcards, links, pixels):
        eventually(deployment.is_healthy, f"{deployment.app} serves after the restart", seconds=90)
    assert postcards.site.get("/").text.count('<article class="card"') == cards
    assert hosts.failed_units(host.engine, host.state.host) == []
