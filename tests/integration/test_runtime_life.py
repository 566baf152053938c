"""How a container starts, fails and ends: each test has a container of its own."""

from __future__ import annotations

import http.client
import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running import ISOLATION, Container, wait_until
from runtime_manifest import INITS, Init

from nuwa.engine import Engine

KILL_TIMEOUT = 6
"""Seconds after which s6 kills the server of the tests' app; what stops as it should is faster."""
AS_SHIPPED = "--env=S6_VERBOSITY=1"
"""How much an init says, as the image has it; the tests ask for more."""
KILLED = 137
"""What podman says of a container that it had to kill."""

Images = Callable[..., str]
Starter = Callable[..., Container]
Script = Callable[[str, str], str]


@pytest.fixture(params=INITS)
def init(request: pytest.FixtureRequest) -> Init:
    """What makes PID 1: each test holds for both."""
    made: Init = request.param
    return made


@pytest.fixture
def start(engine: Engine, runtime_image: Images, init: Init, tmp_path: Path) -> Iterator[Starter]:
    """Start a container of a kind: `start("gunicorn", "--env=A=1", command=("true",))`."""
    made: list[Container] = []

    def make(kind: str, *options: str, **settings: object) -> Container:
        name = f"nuwa-test-life-{uuid.uuid4().hex[:8]}"
        container = Container(
            engine, runtime_image(kind, init), name, tmp_path / name, options=options, **settings
        )  # type: ignore[arg-type]
        made.append(container)
        return container.start()

    yield make
    for container in made:
        container.remove()


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """An option that puts a script into the container: `script("/etc/cont-init.d/50-x", "exit 7")`."""

    def make(path: str, text: str) -> str:
        file = tmp_path / path.replace("/", "_")
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return f"--volume={file}:{path}:ro"

    return make


# Start


def test_a_failing_init_script_ends_the_container_before_any_service(start: Starter, script: Script) -> None:
    container = start("gunicorn", script("/etc/cont-init.d/50-fail", "echo refused >&2; exit 7"))
    assert container.wait_ended() == 1
    assert "refused" in container.log()
    assert "Starting gunicorn" not in container.log()


def test_all_init_scripts_run_in_order_even_after_one_failed(start: Starter, script: Script) -> None:
    container = start(
        "gunicorn",
        script("/etc/cont-init.d/60-b", "echo second >&2"),
        script("/etc/cont-init.d/50-a", "echo first >&2; false"),
        "--env=S6_BEHAVIOUR_IF_STAGE2_FAILS=1",
    ).wait_served()
    assert re.findall("^(first|second)$", container.log(), re.MULTILINE) == ["first", "second"]


def test_every_process_may_keep_the_container_s_environment(start: Starter) -> None:
    container = start("gunicorn", "--env=S6_KEEP_ENV=1", "--env=EMPTY=kept").wait_served()
    environment = container.sh("/usr/lib/nuwa/app-env env").splitlines()
    assert {"EMPTY=kept", "GREETING=hello world", "TRAILING=abc  ", "USER=app"} <= set(environment)


def test_a_failing_oneshot_ends_the_container(start: Starter, tmp_path: Path) -> None:
    oneshot = tmp_path / "oneshot"
    (oneshot / "dependencies.d").mkdir(parents=True)
    (oneshot / "type").write_text("oneshot\n")
    (oneshot / "up").write_text("false\n")
    enabled = tmp_path / "enabled"
    enabled.touch()
    container = start(
        "gunicorn",
        f"--volume={oneshot}:/etc/s6-overlay/s6-rc.d/prepare:ro",
        f"--volume={enabled}:/etc/s6-overlay/user-bundles.d/user/contents.d/prepare:ro",
        AS_SHIPPED,
    )
    assert container.wait_ended() not in (0, KILLED)
    assert "prepare" in container.log()


def test_services_that_depend_on_each_other_in_a_circle_are_refused(
    start: Starter, engine: Engine, runtime_image: Images, init: Init, tmp_path: Path
) -> None:
    circle = tmp_path / "circle"
    circle.touch()
    option = f"--volume={circle}:/etc/s6-overlay/s6-rc.d/rsyslogd/dependencies.d/server:ro"
    container = start("gunicorn", option)
    assert container.wait_ended() == 100
    assert "cyclic" in container.log()
    # As a build finds out, without a start.
    options = ["--rm", "--pull=never", "--entrypoint=/usr/lib/nuwa/check-services", option]
    refused = engine.run(runtime_image("gunicorn", init), options=options, check=False)
    assert refused.code == 100
    assert "cyclic" in refused.stderr
    assert "cannot be started" in refused.stderr


@pytest.mark.parametrize("kind", ["gunicorn", "mod_wsgi", "uvicorn"])
def test_an_app_that_cannot_be_loaded_ends_the_container_after_five_starts(start: Starter, kind: str) -> None:
    container = start(kind, "--env=BREAK_APP=1")
    assert container.wait_ended() == 1
    starts = len(re.findall(r"^server: (exited with|ended by signal) \d+$", container.log(), re.MULTILINE))
    assert 1 <= starts <= 5
    assert "asked to break" in container.log()
    assert "asked to break" in container.logged("server.log")


def states(container: Container) -> dict[str, dict[str, Any]]:
    """What the container says of each of its services."""
    found = container.exec("/usr/lib/nuwa/service_states.py", "--json")
    assert found.ok, found.stderr
    return {state["name"]: state for state in json.loads(found.stdout)}


@pytest.mark.parametrize("lasts", ["0", "6"])
def test_a_process_that_keeps_failing_is_slowed_down_and_the_site_stays_healthy(
    start: Starter, lasts: str
) -> None:
    container = start("gunicorn", "--env=WORKER_FAILS=1", f"--env=WORKER_LASTS={lasts}").wait_served()
    slowed = "process-worker: ended 3 times in a row: starting again in 2 s"
    wait_until(lambda: slowed in container.log(), "the process is slowed down")
    for _ in range(5):
        assert states(container)["worker"]["state"] == "failing", "at any moment between two deaths"
        assert container.exec("/usr/lib/nuwa/healthcheck").ok
        time.sleep(1)
    assert "exited with 9" in states(container)["worker"]["text"]
    faults = container.exec("/usr/lib/nuwa/service_states.py", "--faults")
    assert (faults.code, faults.stdout.startswith("worker: keeps failing for")) == (1, True)
    assert {states(container)[name]["state"] for name in ("server", "cron", "rsyslogd")} == {"up"}
    assert container.serves()


def test_restarts_by_an_operator_make_nothing_fail(start: Starter) -> None:
    container = start("gunicorn").wait_served()
    for service in ("process-worker", "cron", "server"):
        for _ in range(5):
            container.sh(f"s6-svc -wr -T 20000 -r /run/service/{service}")
    wait_until(container.serves, "the server is back")
    assert {state["state"] for state in states(container).values()} == {"up"}
    assert states(container)["worker"]["deaths"] == 0
    assert "starting again in" not in container.log()


def test_restart_ends_what_ignores_the_request(start: Starter) -> None:
    container = start("gunicorn", "--env=WORKER_IGNORES_TERM=1").wait_served()
    wait_until(lambda: "process-worker: worker of app" in container.log(), "the process ignores it")
    before = container.pid("process-worker")
    # s6's own command asks and leaves it at that.
    assert not container.exec("/command/s6-svc", "-wr", "-T", "4000", "-r", "/run/service/process-worker").ok
    assert container.pid("process-worker") == before
    assert "is killed" in container.sh("/usr/lib/nuwa/restart process-worker")
    wait_until(lambda: container.pid("process-worker") not in (0, before), "another process")
    assert states(container)["worker"]["state"] == "up"
    assert states(container)["worker"]["deaths"] == 0
    unknown = container.exec("/usr/lib/nuwa/restart", "nobody")
    assert (unknown.code, "process-worker" in unknown.stderr) == (1, True)


def test_restart_ends_a_server_that_hangs(start: Starter) -> None:
    container = start("gunicorn").wait_served()
    before = container.pid("server")
    container.sh(f"kill -s STOP {before}")
    container.sh("/usr/lib/nuwa/restart server")
    wait_until(lambda: container.pid("server") not in (0, before) and container.serves(), "another server")


def test_everybody_may_write_to_run_lock_however_it_was_made(start: Starter) -> None:
    tmpfs = "/run:rw,exec,nosuid,nodev,mode=0755"
    for isolation in (ISOLATION, ("--read-only", f"--tmpfs={tmpfs},notmpcopyup", "--tmpfs=/tmp:mode=1777")):
        container = start("gunicorn", isolation=isolation).wait_served()
        assert container.sh("stat -c '%a %u' /run/lock") == "1777 0"


def test_a_secret_that_the_app_cannot_read_is_named(start: Starter) -> None:
    container = start("gunicorn", secrets={"DATABASE_URL": "x"}, secrets_owner=0)
    wait_until(
        lambda: "DATABASE_URL cannot be read by the user app" in container.log(), "the secret is named"
    )
    assert container.wait_ended() == 1


FEW_PROCESSES = """for limit in {3..20}; do
  said=$( (ulimit -u $limit; exec /usr/lib/nuwa/as-app true) 2>&1) && break
  echo "$said"
  [[ $said != *reading* ]] || break
done"""
"""Each limit, from that of these shells on, until one suffices or the shell may start a subshell and that no
program. A bash that may start no process tries for 15 s."""


def test_when_no_process_can_be_started_nothing_is_said_of_permissions(start: Starter) -> None:
    # A user of its own: the kernel counts a user's processes over all containers of the machine.
    user = 1_000_000_000 + os.getpid()
    container = start("gunicorn", secrets={"DATABASE_URL": "x"}).wait_served()
    secret = container.folder / "secrets" / "DATABASE_URL"
    secret.parent.chmod(0o755)
    secret.chmod(0o444)
    said = container.exec("bash", "-c", FEW_PROCESSES, options=[f"--user={user}"]).stdout
    assert re.search(r"^(?!app-env: ).*(Cannot fork|fork: retry)", said, re.MULTILINE)
    assert "chown" not in said
    assert "reading /run/secrets/DATABASE_URL failed" in said


# End


@pytest.mark.parametrize("kind", ["gunicorn", "mod_wsgi"])
def test_an_idle_container_stops_at_once(start: Starter, kind: str) -> None:
    container = start(kind).wait_served()
    assert container.stop() < KILL_TIMEOUT
    assert container.exit_code() == 0


@pytest.mark.parametrize("kind", ["gunicorn", "mod_wsgi"])
def test_a_server_that_still_loads_its_app_is_asked_to_stop(start: Starter, kind: str) -> None:
    container = start(kind, "--env=LOAD_SECONDS=120")
    wait_until(lambda: "loading" in container.log(), "the app is being loaded")
    assert container.stop() < 2 * KILL_TIMEOUT
    assert container.exit_code() == 0


def test_an_init_script_that_runs_at_a_stop_is_ended_by_nuwa_init_and_waited_for_by_s6_overlay(
    start: Starter, script: Script, init: Init
) -> None:
    # Before it is done: podman itself may take seconds to pass the request on.
    seconds = 60 if init == "nuwa-init" else 8
    slow = script("/etc/cont-init.d/50-slow", f"echo waiting >&2; sleep {seconds}; echo done >&2")
    container = start("gunicorn", slow)
    wait_until(lambda: "waiting" in container.log(), "the init script runs")
    container.stop()
    assert container.exit_code() != KILLED
    assert ("done" in container.log().splitlines()) == (init == "s6-overlay")


def test_a_normal_stop_leaves_nothing_in_the_log_but_the_services_last_words(start: Starter) -> None:
    container = start("gunicorn", AS_SHIPPED).wait_served()
    container.stop()
    marked = re.compile(r"(server|process-[a-z]+|cron-[a-z]+): ")
    assert [line for line in container.log().splitlines() if not marked.match(line)] == []


@pytest.mark.parametrize("kind", ["gunicorn", "mod_wsgi"])
def test_what_ignores_the_request_to_stop_is_killed_in_time(start: Starter, kind: str) -> None:
    container = start(kind, "--env=WORKER_IGNORES_TERM=1").wait_served()
    # The process has two seconds, the server three for a request that takes a minute.
    connection = http.client.HTTPConnection("127.0.0.1", container.port)
    connection.request("GET", "/slow?60")
    wait_until(lambda: container.sh("ls /tmp | grep -c '^slow' || :") == "1", "the request has begun")
    assert container.stop() < 3 * KILL_TIMEOUT
    assert "process-worker: ended by signal 9" in container.log()
    assert container.exit_code() == 0


def test_the_command_s_exit_code_is_the_container_s(start: Starter) -> None:
    container = start("gunicorn", command=("sh", "-c", 'echo "$GREETING"; exit 5'))
    assert container.wait_ended() == 5
    assert "hello world" in container.log()


def test_a_stop_from_inside_keeps_the_exit_code_that_it_chose(start: Starter) -> None:
    container = start("gunicorn").wait_served()
    container.sh("echo 42 >/run/s6-linux-init-container-results/exitcode; /run/s6/basedir/bin/halt")
    assert container.wait_ended() == 42


def test_an_init_script_may_end_the_container_with_an_exit_code_of_its_own(
    start: Starter, script: Script
) -> None:
    ending = "echo 43 >/run/s6-linux-init-container-results/exitcode; exec /run/s6/basedir/bin/halt"
    container = start("gunicorn", script("/etc/cont-init.d/10-end", ending))
    assert container.wait_ended() == 43


def test_a_cron_job_that_runs_at_a_stop_is_asked_to_end(start: Starter) -> None:
    container = start("gunicorn").wait_served()
    container.engine.exec(
        container.name, "/usr/lib/nuwa/cron-job", "long", "sleep", "60", options=["--detach"]
    )
    wait_until(lambda: "long.pid" in container.sh("ls /run/nuwa/cron"), "the job runs")
    again = container.exec("/usr/lib/nuwa/cron-job", "long", "echo", "twice")
    assert again.ok
    wait_until(lambda: "cron-long: still running since its last time; skipped" in container.log(), "skipped")
    assert container.stop() < 8
    assert "cron-long: exited with 143" in container.log()
    assert "twice" not in container.log()


# Other ways to run it


@pytest.mark.parametrize(
    "isolation",
    [
        pytest.param((), id="as podman runs by default"),
        pytest.param(("--read-only",), id="podman's own tmpfs"),
        pytest.param(
            (*ISOLATION, "--read-only-tmpfs=false", "--cpus=1", "--memory=512m"),
            id="nothing else is writable",
        ),
    ],
)
def test_it_serves_however_it_is_mounted(start: Starter, isolation: tuple[str, ...]) -> None:
    container = start("gunicorn", isolation=isolation).wait_served()
    container.restart("restart")
    assert container.stop() < KILL_TIMEOUT
    assert container.exit_code() == 0


def test_run_may_be_noexec_under_nuwa_init_alone(start: Starter, init: Init) -> None:
    mounts = ("--read-only", "--tmpfs=/run:rw,noexec,nosuid,nodev,mode=0755", "--tmpfs=/tmp:rw,mode=1777")
    container = start("gunicorn", "--env=S6_READ_ONLY_ROOT=1", isolation=mounts)
    if init == "nuwa-init":
        container.wait_served()
        return
    assert container.wait_ended() != 0
    assert "noexec" in container.log()


def test_the_host_s_socket_answers_and_its_proxy_is_believed(start: Starter) -> None:
    container = start("gunicorn", socket=True).wait_served()
    said = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}
    request = container.get("/request", said, by_socket=True).json
    assert (request["wsgi.url_scheme"], request["REMOTE_ADDR"]) == ("https", "198.51.100.7")
    assert container.get("/request", by_socket=True).json["REMOTE_ADDR"] == "127.0.0.1"
    wait_until(
        lambda: 'server: 198.51.100.7 "GET /request' in container.log(), "the client's address is logged"
    )


def test_workers_follow_the_container_s_limits(start: Starter) -> None:
    container = start("gunicorn", "--cpus=1.5", "--memory=300m").wait_served()
    settings = "sed 's/^NUWA_WORKERS=.*/NUWA_WORKERS=auto/' /usr/lib/nuwa/settings >/tmp/settings"
    probe = "sed 's,/usr/lib/nuwa/settings,/tmp/settings,' /usr/lib/nuwa/serve >/tmp/serve"
    container.sh(f"{settings}; {probe}")
    # Two CPUs would do for five workers, 300 MiB for two.
    assert container.sh("sh /tmp/serve printenv WEB_CONCURRENCY") == "2"
    assert container.sh("WEB_CONCURRENCY=7 sh /tmp/serve printenv WEB_CONCURRENCY") == "7"


def test_a_command_runs_as_the_app_without_the_init(
    engine: Engine, runtime_image: Images, init: Init
) -> None:
    """As the release hook and the steps of a build do."""
    options = ["--rm", "--pull=never", "--entrypoint=/usr/lib/nuwa/app-env", "--env=GREETING=own"]
    code = "import os; print(os.getuid(), os.getcwd(), os.environ['GREETING'], repr(os.environ['MULTI']))"
    result = engine.run(runtime_image("gunicorn", init), "python", "-c", code, options=options)
    assert result.stdout.strip() == "10001 /srv/app own " + repr("line 1\nline 2 ' \" $x `y` \n")
