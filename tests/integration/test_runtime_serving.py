"""What runs inside the container: checked on one container for each kind of WSGI server, as a host runs it.

The tests share that container with those of the logs, so each leaves it serving. The last one here stops it.
"""

from __future__ import annotations

import ipaddress
import json
import re
import threading
import urllib.parse

import pytest
from running import Container, assert_replaced, wait_until
from runtime_manifest import CLEAR, SECRET, SLASHES

from nuwa.names import APP_ID

# PID 1


def test_pid_1_is_s6_svscan_with_nothing_but_a_path(container: Container) -> None:
    assert container.sh("cat /proc/1/comm") == "s6-svscan"
    assert re.fullmatch(r"PATH=[^\n]*", container.sh(r"tr '\0' '\n' </proc/1/environ"))


def test_orphans_leave_no_zombies(container: Container) -> None:
    container.sh("for i in 1 2 3 4 5 6 7 8; do (setsid sleep 0.1 &); done")
    count = "grep -l 'State:.*Z' /proc/[0-9]*/status 2>/dev/null | wc -l"
    wait_until(lambda: container.sh(count) == "0", "no zombie is left", 10)


# Environment and privileges


@pytest.mark.parametrize("name", CLEAR)
def test_clear_values_reach_the_app_byte_for_byte(container: Container, name: str) -> None:
    assert container.get("/env").json[name] == CLEAR[name]


def test_variables_of_the_container_reach_the_app_byte_for_byte(container: Container) -> None:
    environment = container.get("/env").json
    assert environment["FROM_PODMAN"] == "a\nb  "
    assert (environment["name"], environment["value"]) == ("kept", "kept")


def test_a_mounted_secret_wins_and_shows_nowhere_outside(container: Container) -> None:
    assert container.get("/env").json["TOKEN"] == SECRET
    assert "s3cr3t" not in container.engine.podman("inspect", container.name).stdout
    assert "not-a-variable" not in container.get("/env").json


def test_podman_exec_gives_the_app_s_environment(container: Container) -> None:
    served = container.get("/env").json
    printed = container.exec(
        "/usr/lib/nuwa/app-env", "python", "-c", "import json, os; print(json.dumps(dict(os.environ)))"
    )
    executed = json.loads(printed.stdout)
    own = {"LD_PRELOAD", "MALLOC_CONF", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS", "TERM", "SERVER_SOFTWARE"}
    own |= {name for name in served if name.startswith("NUWA_") or name == "PORT"}
    assert {k: v for k, v in executed.items() if k not in own} == {
        k: v for k, v in served.items() if k not in own
    }
    assert executed["HOME"] == "/srv/app"
    # Shells on the way leave no trace: bash, which is sh on Rocky Linux, counts them and makes up a terminal.
    for environment in (served, executed):
        assert "SHLVL" not in environment
        assert environment.get("TERM") != "dumb"


def test_the_server_runs_as_the_app_without_capabilities(container: Container) -> None:
    for pid in container.text("/pid").split():
        status = container.sh(f"cat /proc/{pid}/status")
        assert re.search(rf"^Uid:\s+{APP_ID}\s+{APP_ID}\s", status, re.MULTILINE)
        assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)


def test_the_app_writes_to_tmp_and_not_to_its_own_code(container: Container) -> None:
    assert container.get("/write?/tmp/x").status == 200
    refused = container.get("/write?/srv/app/x")
    assert refused is None or refused.status == 500


def test_jemalloc_is_in_the_server_and_nowhere_else(container: Container) -> None:
    assert "libjemalloc" in container.text("/maps")
    maps = f"/proc/{container.pid('process-worker')}/maps"
    process = container.engine.exec(container.name, "cat", maps, options=["--user=app"]).stdout
    assert "python" in process
    assert "libjemalloc" not in process


def test_no_systemd_and_no_compiler_came_along(container: Container) -> None:
    assert container.exec("sh", "-c", "command -v systemctl gcc cc make").stdout == ""
    packages = container.sh("dpkg-query --show --showformat '${Package}\\n'").split()
    assert "rsyslog" in packages
    assert not {"systemd", "systemd-sysv", "gcc", "make"} & set(packages)


# The proxy in front


def test_a_trusted_proxy_decides_client_and_scheme(container: Container) -> None:
    said = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9", "X-Forwarded-Proto": "https", "Host": "a.example"}
    request = container.get("/request", said).json
    assert (request["wsgi.url_scheme"], request["HTTP_HOST"]) == ("https", "a.example")
    assert request["REMOTE_ADDR"] == "203.0.113.9"
    wait_until(
        lambda: 'server: 203.0.113.9 "GET /request' in container.log(), "the client's address is logged"
    )


def test_a_client_without_a_proxy_has_an_address_too(container: Container) -> None:
    assert ipaddress.ip_address(container.get("/request").json["REMOTE_ADDR"])


@pytest.mark.parametrize(
    "path", ["/path//a///b", "/path/https://x.example/y", "/path/a/./b/../c", "/path/%C3%A9%20%2Fx"]
)
def test_the_path_reaches_the_app_as_it_was_sent(container: Container, path: str) -> None:
    assert container.text(path) == urllib.parse.unquote(path)


def test_what_nginx_lets_through_is_not_refused(container: Container) -> None:
    assert container.get("/?" + "x" * 8000).status == 200
    fields = {f"X-Field-{number}": "x" for number in range(400)}
    assert container.get("/", {**fields, "Cookie": "x" * 7900}).status == 200
    assert container.get("/large?30000").status == 200


def test_an_app_that_sends_early_hints_is_answered_once(container: Container) -> None:
    """nginx before 1.29 takes a 103 for the whole answer, and so does the health check."""
    assert (container.get("/hint").status, container.get("/hint").text) == (200, "hinted")


# Memory


def test_an_idle_worker_gives_memory_back(container: Container) -> None:
    def resident(pid: str) -> int:
        status = container.engine.exec(
            container.name, "cat", f"/proc/{pid}/status", options=["--user=app"]
        ).stdout
        return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)[1]) // 1024

    def workers() -> list[str]:
        return sorted({container.text("/pid").split()[1] for _ in range(8)})

    pids = workers()
    before = {pid: resident(pid) for pid in pids}
    container.text("/hoard?200")
    # Nothing is asked of it from here on: a request would have the allocator tidy up.
    wait_until(
        lambda: all(resident(pid) < before[pid] + 60 for pid in pids), "200 MB are back with the kernel", 30
    )


# Supervision


@pytest.mark.parametrize("service", ["cron", "process-worker"])
def test_a_killed_service_is_back(container: Container, service: str) -> None:
    assert_replaced(container, service, container.pid(service))


def test_a_killed_worker_is_replaced(container: Container) -> None:
    master, worker = container.text("/pid").split()
    container.sh(f"kill -s KILL {worker}")
    wait_until(lambda: not container.exec("test", "-d", f"/proc/{worker}").ok, "the worker is gone")
    answers = {container.text("/pid") for _ in range(6)}
    assert {answer.split()[0] for answer in answers} == {master}
    assert worker not in {answer.split()[1] for answer in answers}


def test_a_killed_master_takes_its_workers_along_and_is_back_without_traffic(container: Container) -> None:
    master, worker = container.text("/pid").split()
    container.sh(f"kill -s KILL {master}")
    # Orphaned workers would hold the port for 13 seconds (gunicorn) or forever (Apache).
    listening = "grep -q ':1F40 .* 0A ' /proc/net/tcp"
    taken = wait_until(
        lambda: (
            container.pid("server") not in (0, int(master))
            and container.exec("sh", "-c", f"{listening} && ! [ -d /proc/{worker} ]").ok
        ),
        "a new master listens",
        10,
    )
    assert taken < 10
    wait_until(container.serves, "the new master serves")
    assert "in use" not in container.log()


def test_the_container_survives_a_restart_and_a_kill(container: Container) -> None:
    container.restart("restart")
    container.restart("kill", "start")
    assert container.pid("server") > 0


# Health


def health(container: Container) -> tuple[bool, str]:
    result = container.engine.podman("healthcheck", "run", container.name, check=False)
    said = container.exec("/usr/lib/nuwa/healthcheck").stdout.strip()
    return result.ok, said


def test_health_is_the_server_s_and_other_services_have_states_of_their_own(container: Container) -> None:
    wait_until(lambda: health(container) == (True, ""), "the container is healthy", 90)
    container.sh("s6-svc -wd -d /run/service/cron")
    assert health(container) == (True, "")
    assert container.exec("/usr/lib/nuwa/service_states.py", "--faults").stdout.startswith("cron: down for")
    container.sh("s6-svc -wu -u /run/service/cron")
    assert container.exec("/usr/lib/nuwa/service_states.py", "--faults").stdout == ""
    container.sh("s6-svc -wd -d /run/service/server")
    assert health(container)[0] is False
    container.sh("s6-svc -wu -u /run/service/server")
    wait_until(lambda: health(container) == (True, ""), "the container is healthy again", 90)


def test_health_says_what_the_server_answered(container: Container) -> None:
    probe = ("/usr/lib/nuwa/http-probe", "8000")
    refused = container.exec(*probe, "/status?503", "a.example")
    assert (refused.code, refused.stdout.strip()) == (1, "503 Service Unavailable (Host: a.example)")
    assert container.exec(*probe, "/status?302", "a.example").ok
    interim = """if 1:
        import socket
        server = socket.create_server(("127.0.0.1", 8999))
        connection, _ = server.accept()
        request = connection.makefile("rb")
        while request.readline().strip():
            pass
        connection.sendall(
            b"HTTP/1.1 103 Early Hints\\r\\nLink: </a.css>; rel=preload\\r\\n\\r\\n"
            b"HTTP/1.1 102 Processing\\r\\n\\r\\nHTTP/1.1 204 No Content\\r\\n\\r\\n"
        )
    """
    container.engine.exec(container.name, "/usr/lib/nuwa/python", "-c", interim, options=["--detach"])
    asked = ("/usr/lib/nuwa/http-probe", "8999", "/", "a.example")
    wait_until(lambda: container.sh("grep -c ':2327 .* 0A ' /proc/net/tcp || :") == "1", "somebody listens")
    assert container.exec(*asked).stdout.strip() == "204 No Content (Host: a.example)"
    unreachable = container.exec("/usr/lib/nuwa/http-probe", "9", "/", "a.example")
    assert unreachable.code == 1
    hasty = """if 1:
        import socket, struct
        server = socket.create_server(("127.0.0.1", 8998))
        connection, _ = server.accept()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    """
    container.engine.exec(container.name, "/usr/lib/nuwa/python", "-c", hasty, options=["--detach"])
    wait_until(lambda: container.sh("grep -c ':2326 .* 0A ' /proc/net/tcp || :") == "1", "somebody listens")
    cut = container.exec("/usr/lib/nuwa/http-probe", "8998", "/", "a.example")
    assert (cut.code, cut.stdout.strip()) == (1, "the connection was closed without an answer")
    assert "refused" in unreachable.stderr


def test_health_asks_as_the_proxy_does(container: Container) -> None:
    assert container.exec("/usr/lib/nuwa/http-probe", "8000", "/secure", "a.example").ok


# Service files


def test_every_service_file_is_as_both_inits_want_it(container: Container) -> None:
    script = """
      cd /etc/s6-overlay/s6-rc.d
      for folder in *; do
        [ "$(cat "$folder/type")" = longrun ] || continue
        [ -s "$folder/timeout-kill" ] || echo "$folder has no timeout-kill"
        for script in run finish; do
          [ -e "$folder/$script" ] || continue
          [ -x "$folder/$script" ] || echo "$folder/$script cannot be run"
          # run-server reads the container's environment by itself.
          head -n 1 "$folder/$script" | grep -q '^#!/command/' ||
            grep -qx '. /usr/lib/nuwa/run-server' "$folder/$script" ||
            echo "$folder/$script has another shebang"
        done
      done"""
    assert container.sh(script) == ""


# Last, because it takes up to a minute: cron itself.


def test_cron_runs_the_manifest_s_jobs_as_the_app(container: Container) -> None:
    line = "cron-beat: beat of app 100% in /srv/app"
    wait_until(lambda: line in container.log().splitlines(), "cron runs a job of every minute", 150)
    wait_until(lambda: line in container.logged("cron.log"), "the job's line in cron.log")
    wait_until(lambda: f"cron-slashes: {SLASHES}" in container.log().splitlines(), "each word unharmed", 150)


def test_a_stop_drains_requests_and_takes_services_down_in_reverse(container: Container) -> None:
    answers: list[object] = []
    client = threading.Thread(target=lambda: answers.append(container.get("/slow?1.5", timeout=30)))
    began = "a request that takes a while has begun"
    client.start()
    wait_until(lambda: slow_requests(container) > 0, began)
    taken = container.stop()
    client.join()
    assert [getattr(answer, "text", answer) for answer in answers] == ["slept"]
    assert container.exit_code() == 0
    # s6 kills after 8 s; an idle server takes less than three.
    assert taken < 7
    stopped = re.findall(r"service (\S+) successfully stopped", container.log())
    assert stopped.index("server") < stopped.index("log-server") < stopped.index("rsyslogd")
    assert "GET /slow" in container.logged("server.log"), "last words reach the file"


def slow_requests(container: Container) -> int:
    return int(container.sh("ls /tmp | grep -c '^slow' || :"))
