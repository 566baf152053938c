"""New releases under load: no request is lost, whatever becomes of the release."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.site import RELEASE
from e2e.client import WebSocket
from e2e.conftest import ROOT, Deployment, build, eventually
from e2e.releases import load, lost, release, serving


def test_deploys_and_rollbacks_lose_no_request(tiny: Deployment) -> None:
    second = release(tiny, "second")
    with load(tiny) as samples:
        tiny.bin(f"deploy {second}")
        assert serving(tiny) == "second"
        assert "serves again" in tiny.bin("deploy --rollback").stdout
        assert serving(tiny) == "1"
        assert "starting nuwa-tiny-" in tiny.bin("deploy --rollback").stdout
        assert serving(tiny) == "second"
    assert lost(samples) == []
    assert {sample.body for sample in samples} == {"1", "second"}


def test_a_release_that_stands_by_is_paused_and_whole_again_once_it_is_woken(tiny: Deployment) -> None:
    former, before = tiny.container, serving(tiny)
    container = tiny.host.out(f"podman inspect --format '{{{{.Id}}}}' {former}")
    checks = f"systemctl list-units --plain --no-legend --type timer '{container}*'"
    assert tiny.host.out(checks)
    tiny.bin(f"deploy {release(tiny, 'bad')}")
    assert tiny.host.out(f"podman inspect --format '{{{{.State.Status}}}}' {former}") == "paused"
    assert tiny.host.out(checks) == ""
    standby = json.loads(tiny.bin("status --json").stdout)["standby"]
    assert standby["slot"] == former.rpartition("-")[2]
    assert standby["memory"] > 2**20
    tiny.bin("deploy --rollback")
    assert (tiny.container, serving(tiny)) == (former, before)
    assert tiny.host.out(checks)
    eventually(lambda: "idle-1: up" in tiny.bin("status").stdout, "its processes run again")
    assert tiny.host.out("ls /run/systemd/system | grep -c tiny || true") == "0"
    assert tiny.host.out(f"cat /etc/systemd/system/{tiny.unit} | grep ^Restart=") == "Restart=always"
    assert "tiny" not in tiny.host.out("systemctl --failed --plain --no-legend")


def test_a_standby_ends_with_its_time_or_when_its_environment_changes(tiny: Deployment) -> None:
    former = tiny.container
    tiny.bin(f"deploy {release(tiny, 'next')}")
    timer = json.loads(tiny.host.out("systemctl list-timers --all --output json nuwa-tiny_standby.timer"))
    assert len(timer) == 1
    # As the timer does when it has elapsed; the unit thaws what it stops.
    tiny.host.sh("systemctl start nuwa-tiny_standby.service")
    eventually(lambda: json.loads(tiny.bin("status --json").stdout)["standby"] is None, "it has ended")
    assert former not in tiny.host.out("podman ps --all --format '{{.Names}}'")
    assert tiny.host.out(f"systemctl is-active {former} || true") == "inactive"


def test_a_release_that_does_not_start_is_explained_and_nobody_notices(tiny: Deployment) -> None:
    broken, before = release(tiny, "broken"), serving(tiny)
    with load(tiny) as samples:
        done = tiny.bin(f"deploy {broken}", check=False)
    assert done.code == 1
    assert "nuwa-tiny-" in done.stderr
    assert "has ended" in done.stderr
    assert "was not kept" in done.stderr
    assert lost(samples) == []
    assert {sample.body for sample in samples} == {before} == {serving(tiny)}
    assert tiny.host.out("ls /etc/systemd/system | grep -c nuwa-tiny") == "1"


def test_a_release_that_answers_with_errors_is_taken_back_by_itself(tiny: Deployment) -> None:
    faulty, before = release(tiny, "faulty"), serving(tiny)
    with load(tiny):
        done = tiny.bin(f"deploy --watch 40 {faulty}", check=False)
    assert done.code == 1
    assert "answers were errors (5xx)" in done.stderr
    assert serving(tiny) == before
    assert tiny.site.get("/").status == 200


def test_a_slow_request_is_answered_by_the_release_that_began_it(tiny: Deployment) -> None:
    before, answers = serving(tiny), []
    asking = threading.Thread(target=lambda: answers.append(tiny.site.get("/slow/?6").text))
    asking.start()
    tiny.bin(f"deploy {release(tiny, 'later')}")
    asking.join()
    assert answers == [before]
    assert serving(tiny) == "later"


def test_each_replica_of_a_process_runs_and_is_shown_by_itself(tiny: Deployment) -> None:
    shown = tiny.bin("status").stdout
    assert "idle-1: up" in shown
    assert "idle-2: up" in shown
    assert {"process-idle-1: replica 1", "process-idle-2: replica 2"} <= {
        line.partition("]: ")[2] for line in tiny.bin("logs --lines 300").stdout.splitlines()
    }


def test_a_variable_of_the_host_reaches_all_that_runs_as_the_app(tiny: Deployment) -> None:
    tiny.bin("config set 'GREETING=Guten Tag, \"Welt\" 100% $HOME'")
    expected = 'Guten Tag, "Welt" 100% $HOME'
    assert tiny.bin("shell printenv GREETING").stdout.strip() == expected
    assert tiny.bin("run-once printenv GREETING").stdout.strip() == expected
    assert tiny.bin("config list").stdout.strip() == f"GREETING={expected}"
    tiny.bin("config unset GREETING")
    assert tiny.bin("shell printenv GREETING", check=False).code == 1
    assert tiny.site.get("/").status == 200


def test_a_one_off_command_outlives_a_deploy_and_is_stopped_by_a_signal(tiny: Deployment) -> None:
    once = "bin/run-once --detach python -c 'import time; print(\"one-off\", flush=True); time.sleep(600)'"
    name = tiny.bin(once.removeprefix("bin/")).stdout.split()[0]
    eventually(lambda: "one-off" in tiny.bin("logs").stdout, "its line is in the log")
    tiny.bin(f"deploy {release(tiny, 'while')}")
    assert name in tiny.bin("status").stdout
    began = time.monotonic()
    tiny.host.sh(f"podman stop {name}")
    assert time.monotonic() - began < 8
    eventually(lambda: name not in tiny.bin("status").stdout, "it is gone")


def test_a_one_off_command_has_the_apps_environment_its_input_and_its_own_exit_code(tiny: Deployment) -> None:
    lines = "import os, sys; print(os.getuid(), os.environ['NUWA_HOST'], sys.stdin.read()); sys.exit(7)"
    done = tiny.host.sh(f'cd {tiny.directory} && echo given | bin/run-once python -c "{lines}"', check=False)
    assert (done.code, done.stdout.split()) == (7, ["10001", tiny.domain, "given"])
    done = tiny.bin(
        'run-once python -c "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"', check=False
    )
    assert done.code == 128 + 15


def test_a_deploy_that_is_killed_is_finished_or_undone_by_the_next(tiny: Deployment) -> None:
    name = release(tiny, "killed")
    with load(tiny) as samples:
        tiny.host.sh(
            f"cd {tiny.directory}; timeout --signal KILL 4 bin/deploy {name}; "
            "until flock -n volumes/.nuwa/lock true; do sleep 0.1; done",
            check=False,
        )
        tiny.bin(f"deploy {name}")
    assert lost(samples) == []
    assert serving(tiny) == "killed"


def test_images_of_old_releases_are_gone(tiny: Deployment) -> None:
    kept = tiny.host.out(
        f"cut -f 2 {tiny.directory}/volumes/.nuwa/releases.tsv | tac | awk '!seen[$0]++' | head -3"
    )
    gone = tiny.host.out(
        f"cut -f 2 {tiny.directory}/volumes/.nuwa/releases.tsv | tac | awk '!seen[$0]++' | tail -n +4"
    )
    here = tiny.host.out("podman images --no-trunc --quiet --filter label=io.nuwa.app=tiny").replace(
        "sha256:", ""
    )
    assert set(kept.split()) <= set(here.split())
    assert gone
    assert not set(gone.split()) & set(here.split())


def test_an_app_that_takes_too_much_memory_is_ended_alone_and_the_log_says_so(tiny: Deployment) -> None:
    started = tiny.host.out(f"systemctl show --property ActiveEnterTimestamp --value {tiny.unit}")
    assert tiny.site.get("/hoard/?600").status == 502
    eventually(lambda: tiny.site.get("/health/").status == 200, "another worker serves")
    eventually(lambda: "out of memory" in tiny.bin("logs").stdout, "the log says so")
    assert tiny.host.out(f"systemctl show --property ActiveEnterTimestamp --value {tiny.unit}") == started


def test_replicas_of_the_server_answer_in_turn_and_stand_in_for_each_other(
    tiny: Deployment, tmp_path: Path
) -> None:
    before = serving(tiny)
    project = shutil.copytree(ROOT / "tests/e2e/tiny", tmp_path / "tiny")
    manifest = (project / "nuwa.toml").read_text().replace("[server]\n", "[server]\nreplicas = 2\n")
    manifest = manifest.replace('name = "tiny"\n', 'name = "tiny"\nversion = "two"\n', 1)
    (project / "nuwa.toml").write_text(manifest.replace("[deploy]\n", '[deploy]\nstandby = "5m"\n'))
    (project / "release.txt").write_text("two\n")
    image = build(str(project))
    tiny.host.copy(image)
    former = tiny.host.out(f"cat {tiny.directory}/volumes/.nuwa/release.{tiny.container.rpartition('-')[2]}")
    tiny.bin(f"deploy {image}")
    assert serving(tiny) == "two"
    assert len(both := {tiny.site.get("/host/").text for _ in range(12)}) == 2

    with load(tiny, post=False) as samples:
        tiny.host.sh(f"podman kill --signal KILL {tiny.container}_2")
        eventually(
            lambda: (found := status(tiny))["replicas"][1]["restarts"] and not found["degraded"], "both"
        )
        tiny.host.sh(f"systemctl stop {tiny.container}_2")
        assert "DEGRADED: 1 of 2 replicas" in tiny.bin("status").stdout
        tiny.host.sh(f"systemctl start {tiny.container}_2")
    assert lost(samples) == []
    assert "DEGRADED" not in tiny.bin("status").stdout

    with load(tiny) as samples:
        tiny.bin("restart")
    assert lost(samples) == []
    assert both.isdisjoint({tiny.site.get("/host/").text for _ in range(12)})
    second = f"podman exec {tiny.container}_2"
    assert "waits: it runs" in tiny.host.out(f"{second} /usr/lib/nuwa/service_states.py")
    tiny.host.sh(f"{second} /usr/lib/nuwa/cron-job probe touch /tmp/ran && ! {second} test -e /tmp/ran")

    tiny.host.sh(RELEASE.format(name="again", app="localhost/app/tiny-two", first=image))
    with load(tiny) as samples:
        tiny.bin("deploy localhost/app/tiny-two:again")
        assert serving(tiny) == "again"
        assert "serves again" in tiny.bin("deploy --rollback").stdout
    assert lost(samples) == []
    assert serving(tiny) == "two"
    with load(tiny) as samples:
        tiny.bin(f"deploy {former}")
    assert lost(samples) == []
    assert serving(tiny) == before
    tiny.bin("deploy --end-standby")
    assert tiny.host.out("podman ps --format '{{.Names}}' | grep -c nuwa-tiny") == "1"


def test_websockets_of_the_former_release_are_let_go_only_after_the_drain(pixels: Deployment) -> None:
    image = "localhost/app/pixels:next"
    pixels.host.sh(
        f"printf 'FROM {pixels.image}\nLABEL again=1\n' | "
        f"podman build --quiet --format docker --pull=never --tag {image} --file - ."
    )
    painter, seen = pixels.site.websocket("/paint"), list[tuple[str, bytes]]()
    assert painter.receive()[0] == "binary"
    listening = threading.Thread(target=lambda: seen.extend(messages(painter)))
    listening.start()
    deploying = threading.Thread(target=lambda: pixels.bin(f"deploy --watch 0 {image}"))
    deploying.start()
    # Its volume is exclusive: the previous release has to end before the new one starts.
    eventually(lambda: state(pixels, "deploy").startswith("starting"), "the deploy has begun", seconds=120)
    painter.send(bytes([3, 2, 7]))
    time.sleep(3)
    assert state(pixels, "deploy").startswith("starting")
    assert pixels.host.out(f"systemctl is-active {pixels.unit}") == "active", "it has a painter still"
    painter.send(b"", 8)
    listening.join()
    deploying.join()
    assert ("binary", bytes([3, 2, 7])) in seen
    assert pixels.site.websocket("/paint").status == 101


def status(deployment: Deployment) -> dict[str, Any]:
    return dict(json.loads(deployment.bin("status --json").stdout))


def messages(websocket: WebSocket) -> Iterator[tuple[str, bytes]]:
    """What a visitor's browser gets until the connection ends; pings are answered."""
    while (message := websocket.receive())[0] != "close":
        yield message


def state(deployment: Deployment, name: str) -> str:
    return deployment.host.sh(f"cat {deployment.directory}/volumes/.nuwa/{name}", check=False).stdout.strip()


def test_apache_gives_way_without_a_lost_request(links: Deployment) -> None:
    image = "localhost/app/links:next"
    links.host.sh(
        f"printf 'FROM {links.image}\nLABEL again=1\n' | "
        f"podman build --quiet --format docker --pull=never --tag {image} --file - ."
    )
    with load(links, post=False) as samples:
        links.bin(f"deploy --watch 0 {image}")
    assert lost(samples) == []
    assert len(samples) > 20
