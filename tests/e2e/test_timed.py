"""What runs next to the server: once, in the release that serves, and watched like it."""

from __future__ import annotations

import ipaddress
import json
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from e2e.conftest import ROOT, Deployment, LabHost, eventually, install, label_commands
from e2e.releases import release, serving


@pytest.fixture(scope="module")
def timed(host: LabHost) -> Iterator[Deployment]:
    made = install(host, str(ROOT / "tests/e2e/timed"), "timed", label_commands)
    yield made
    made.remove()


def written(timed: Deployment, name: str) -> list[str]:
    done = timed.host.sh(f"cat {timed.directory}/volumes/count/{name}", check=False)
    return done.stdout.splitlines() if done.ok else []


def minutes(timed: Deployment) -> Counter[int]:
    """How often the job of every minute ran in each of them."""
    return Counter(int(line.split()[0]) // 60 for line in written(timed, "minutes"))


def assert_each_minute_ran_once(timed: Deployment, begun: int, ended: int) -> None:
    """In each whole minute between two moments the job ran exactly once."""
    found = minutes(timed)
    wanted = range(begun // 60 + 1, ended // 60)
    wrong = {minute: found[minute] for minute in wanted if found[minute] != 1}
    said = (
        timed.host.out(f"journalctl --since @{begun} | grep -E 'cron-count|nuwa-timed' | tail -n 200")
        if wrong
        else ""
    )
    assert wrong == {}, said


def assert_clock_never_ran_twice(timed: Deployment) -> None:
    """Each start of the exclusive process follows an end, but for one that was killed with its container."""
    lines = written(timed, "clock")
    assert not [line for line in lines if line.startswith("double")], lines


def clock_runs(timed: Deployment) -> bool:
    return written(timed, "clock")[-1] == f"start {timed.container.rpartition('-')[2]}"


def test_each_minute_s_job_runs_once_over_deploys_and_rollbacks(timed: Deployment) -> None:
    eventually(lambda: clock_runs(timed), "the exclusive process runs")
    begun = int(time.time())
    names = [release(timed, name) for name in ("second", "third")]
    number = 0
    while time.time() < begun + 140:
        timed.bin("deploy --rollback" if number % 3 == 2 else f"deploy {names[number % 2]}")
        number += 1
        eventually(lambda: clock_runs(timed), "the exclusive process runs in the slot that serves")
        assert_clock_never_ran_twice(timed)
    # The last job has a moment to be written down.
    ended = int(time.time()) - 5
    assert number >= 3
    assert_each_minute_ran_once(timed, begun, ended)


def test_an_interrupted_deploy_and_a_boot_double_nothing(timed: Deployment) -> None:
    begun = int(time.time())
    for seconds in (3, 6, 9, 12):
        name = release(timed, f"killed{seconds}")
        timed.host.sh(
            f"cd {timed.directory}; timeout --signal KILL {seconds} bin/deploy --watch 5 {name}; "
            "until flock -n volumes/.nuwa/lock true; do sleep 0.1; done",
            check=False,
        )
        timed.bin("deploy --resume --yes")
        eventually(lambda: clock_runs(timed), "the exclusive process runs in the slot that serves")
    assert_each_minute_ran_once(timed, begun, int(time.time()) - 5)
    timed.host.reboot()
    eventually(timed.is_healthy, "it serves after the boot", seconds=120)
    eventually(lambda: clock_runs(timed), "the exclusive process runs after the boot")
    assert max(minutes(timed).values()) == 1
    assert_clock_never_ran_twice(timed)


def test_a_release_whose_worker_fails_is_taken_back_and_the_site_never_notices(timed: Deployment) -> None:
    before = serving(timed)
    failing = release(timed, "failing")
    done = timed.bin(f"deploy --watch 45 {failing}", check=False)
    assert done.code == 1
    assert "in the new release, worker: keeps failing for" in done.stderr
    assert "exited with 1" in done.stderr
    assert serving(timed) == before
    assert timed.host.out(f"systemctl is-active {timed.unit}") == "active"


def test_a_worker_that_fails_is_told_and_does_not_touch_the_site(timed: Deployment) -> None:
    timed.bin(f"deploy --watch 0 {release(timed, 'failing-later')}")
    started = timed.host.out(f"systemctl show --property ActiveEnterTimestamp --value {timed.unit}")
    eventually(lambda: "keeps failing" in timed.bin("status").stdout, "status tells")
    services = json.loads(timed.bin("status --json").stdout)["services"]
    assert {one["name"]: one["state"] for one in services}["worker"] == "failing"
    end = time.monotonic() + 25
    while time.monotonic() < end:
        assert timed.site.get("/health/").status == 200
        assert timed.host.sh(f"bash {timed.directory}/bin/lib/services", check=False).code == 1
        time.sleep(2)
    assert timed.host.out(f"podman inspect -f '{{{{.State.Health.Status}}}}' {timed.container}") == "healthy"
    assert timed.host.out(f"systemctl show --property ActiveEnterTimestamp --value {timed.unit}") == started
    timed.bin("deploy --rollback")
    assert "worker: up" in timed.bin("status").stdout


def test_the_operator_ends_a_server_that_hangs(timed: Deployment) -> None:
    before = timed.inside("/command/s6-svstat -o pid /run/service/server")
    timed.inside(f"sh -c 'kill -STOP {before}'")
    timed.bin("shell -u root /usr/lib/nuwa/restart server")
    assert timed.inside("/command/s6-svstat -o pid /run/service/server") != before
    eventually(timed.is_healthy, "the site answers again")


def test_nginx_is_the_one_that_limits_requests_and_large_answers_pass(timed: Deployment) -> None:
    assert timed.site.get("/?" + "x" * 7900).status == 200
    refused = timed.site.get("/?" + "x" * 8100)
    assert (refused.status, "nginx" in refused.text) == (414, True)
    assert timed.site.get("/", Cookie="a=" + "x" * 7900).status == 200
    refused = timed.site.get("/", Cookie="a=" + "x" * 8100)
    assert (refused.status, "nginx" in refused.text) == (400, True)
    assert timed.site.get("/large/?30000").status == 200


def test_the_app_sees_the_client(timed: Deployment) -> None:
    seen = ipaddress.ip_address(timed.site.get("/client/").text)
    assert str(seen) in timed.host.out("tail -n 5 /var/log/nginx/nuwa-timed.log")
