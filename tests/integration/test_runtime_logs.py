"""Logs of a container: every line reaches podman and the log volume, whatever dies or floods them."""

from __future__ import annotations

import re
import shlex
import time

from running import Container, assert_replaced, marker, wait_until


def say_everywhere(container: Container) -> dict[str, str]:
    """One marker for each way to the log: which file it has to reach."""
    printed, logged, job = (marker(what) for what in ("print", "logger", "cron"))
    container.text(f"/say?{printed}")
    container.sh(f"logger -t elsewhere {logged}")
    container.sh(f"/usr/lib/nuwa/cron-job note echo {job}")
    return {
        f"server: {printed}": "server.log",
        f"elsewhere: {logged}": "syslog",
        f"cron-note: {job}": "cron.log",
    }


def assert_logged(container: Container, markers: dict[str, str]) -> None:
    for line, file in markers.items():
        mark, _, text = line.partition(": ")
        wait_until(lambda text=text: text in container.log(), f"{text} in podman logs")
        assert re.search(rf"^{mark}: .*{text}", container.log(), re.MULTILINE)
        wait_until(lambda text=text, file=file: text in container.logged(file), f"{text} in {file}")


def test_every_line_reaches_podman_and_the_log_volume_marked_by_service(container: Container) -> None:
    assert_logged(container, say_everywhere(container))
    assert_logged(
        container,
        {"server: GET /say": "server.log"} | {"process-worker: worker of app": "process-worker.log"},
    )


def test_lines_are_logged_again_after_rsyslog_was_killed(container: Container) -> None:
    assert_replaced(container, "rsyslogd", container.pid("rsyslogd"))
    container.sh("until [ -S /run/nuwa/log/services.sock ]; do sleep 0.05; done")
    assert_logged(container, say_everywhere(container))


def test_podman_logs_miss_no_line_while_rsyslog_is_away(container: Container) -> None:
    container.sh("s6-svc -wd -d /run/service/rsyslogd")
    line = marker("away")
    container.text(f"/say?{line}")
    wait_until(lambda: line in container.log(), "the line of a server without rsyslog")
    container.sh("s6-svc -u -wU /run/service/rsyslogd")


def test_lines_are_logged_again_after_the_logger_was_killed(container: Container) -> None:
    assert_replaced(container, "log-server", container.pid("log-server"))
    line = marker("relogged")
    container.text(f"/say?{line}")
    assert_logged(container, {f"server: {line}": "server.log"})


def test_log_rotation_moves_the_file_on_and_loses_nothing(container: Container) -> None:
    before, after = marker("before"), marker("after")
    container.text(f"/say?{before}")
    assert_logged(container, {f"server: {before}": "server.log"})
    container.sh("/usr/lib/nuwa/rotate-logs --force")
    # rsyslog is asked to open its files again, and on a busy machine writes a line more to the old one.
    wait_until(
        lambda: container.text(f"/say?{after}") and after in container.logged("server.log"),
        "the new file is written",
    )
    assert before in container.logged("server.log.1")
    assert before not in container.logged("server.log")


def test_a_long_line_is_one_line(container: Container) -> None:
    line = marker("long") + "y" * 100_000
    script = f"printf '%s\\n' {line[:20]}; head -c 100000 /dev/zero | tr '\\0' y"
    container.sh(f"/usr/lib/nuwa/cron-job long sh -c {shlex.quote(script)}")
    wait_until(lambda: "cron-long: " + "y" * 100_000 in container.logged("cron.log"), "the whole line", 30)


def log_sizes(container: Container) -> dict[str, int]:
    folder = container.folder / "log"
    return {file.name: file.stat().st_size for file in folder.glob("cron.log*")}


def test_a_flood_of_lines_does_not_fill_the_disk(container: Container) -> None:
    """What is written much faster than cron's rotation comes round."""
    sizes: list[dict[str, int]] = []
    container.engine.exec(
        container.name,
        *("/usr/lib/nuwa/cron-job", "flood", "sh", "-c"),
        "yes $(head -c 1000 /dev/zero | tr '\\0' x) | head -c 150000000",
        options=["--detach"],
    )
    wait_until(lambda: "flood.pid" in container.sh("ls /run/nuwa/cron"), "it has begun")
    while "flood.pid" in container.sh("ls /run/nuwa/cron"):
        sizes.append(log_sizes(container))
        time.sleep(0.3)
    sizes.append(log_sizes(container))
    assert any("cron.log.1" in found for found in sizes), "the file was moved on meanwhile"
    assert max(max(found.values()) for found in sizes) < 12_000_000
    assert max(sum(found.values()) for found in sizes) < 40_000_000
    last = marker("last")
    container.sh(f"/usr/lib/nuwa/cron-job note echo {last}")
    wait_until(lambda: last in container.logged("cron.log"), "lines are written as before")


def test_a_successful_health_check_leaves_no_line_in_the_log(container: Container) -> None:
    before = container.log().count("nuwa-healthcheck")
    assert container.exec("/usr/lib/nuwa/healthcheck").ok
    last = marker("last")
    container.text(f"/say?{last}")
    wait_until(lambda: last in container.log(), "a line after the check")
    assert container.log().count("nuwa-healthcheck") == before
