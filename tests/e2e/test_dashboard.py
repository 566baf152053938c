"""The dashboard as it is installed: behind the router, at a name of its own, as its own user."""

from __future__ import annotations

import re

import pytest

from e2e.agent_site import configure
from e2e.conftest import LabHost, eventually

AT = "https://dash.test"
CURL = "curl -sk --max-time 20 --resolve dash.test:443:127.0.0.1"


@pytest.fixture(scope="module")
def served(agent: LabHost) -> LabHost:
    configure(agent, {"routes": {"dash.test/": "dashboard", "*/ci": "ci"}})
    return agent


@pytest.fixture(scope="module")
def token(served: LabHost) -> str:
    return served.out("cat /etc/nuwa/token")


def test_it_runs_without_privileges(served: LabHost) -> None:
    pid = served.out("systemctl show -p MainPID --value nuwa-dashboard")
    assert served.out(f"stat -c %U /proc/{pid}") == "nuwa-dashboard"
    assert "NoNewPrivs:\t1" in served.out(f"cat /proc/{pid}/status")
    assert "CapEff:\t0000000000000000" in served.out(f"cat /proc/{pid}/status")


def test_a_browser_logs_in(served: LabHost, token: str) -> None:
    page = "-H 'Accept: text/html' -c /tmp/jar -b /tmp/jar"
    served.sh("rm -f /tmp/jar")
    stranger = served.out(f"{CURL} -i {page} {AT}/hooks")
    assert "location: /login?next=%2Fhooks" in stranger
    answer = served.out(f"{CURL} -i {page} --data-urlencode token={token} '{AT}/login?next=%2Fhooks'")
    assert "location: /hooks" in answer
    cookie = re.search(r"set-cookie: __Host-nuwa_session=(.*)", answer)
    assert cookie
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=strict"} <= set(cookie[1].strip().split("; "))
    eventually(lambda: 'id="s-dashboard"' in served.out(f"{CURL} {page} {AT}/"), "the page shows services")
    text = served.out(f"{CURL} {page} {AT}/")
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', text):
        assert served.out(f"{CURL} -o /dev/null -w '%{{http_code}}' https://dash.test{address}") == "200"


def test_the_token_stands_in_no_log_of_the_router(served: LabHost, token: str) -> None:
    for path in ("/ls", "/nothing", "/proc/ci", "/"):
        served.sh(f"{CURL} -o /dev/null '{AT}{path}?token={token}'")
    served.sh(f"{CURL} -o /dev/null -H 'Accept: text/html' '{AT}/?token={token}'")
    found = f"grep -rlF {token} /var/log/nginx /var/log/nuwa; journalctl -q --grep={token}; :"
    assert served.out(found) == ""


def test_events_come_through_the_router_at_once(served: LabHost, token: str) -> None:
    first = served.out(f"{CURL} -N -H 'Authorization: Bearer {token}' {AT}/events 2>/dev/null | head -c 12")
    assert first.startswith(("id:", "event:"))


def test_no_request_fails_while_it_restarts_and_sessions_go_on(served: LabHost) -> None:
    script = f"""for i in $(seq 40); do
      {CURL} -o /dev/null -w '%{{http_code}}\\n' -b /tmp/jar -H 'Accept: text/html' {AT}/hooks
    done & systemctl restart nuwa-dashboard; systemctl kill -s KILL nuwa-dashboard; wait"""
    answers = served.out(script).split()
    assert len(answers) == 40
    # What was on its way when it was killed is lost; all others wait at the socket for the next one.
    assert answers.count("200") >= 38
    eventually(
        lambda: served.out(f"{CURL} -o /dev/null -w '%{{http_code}}' -b /tmp/jar {AT}/ls") == "200",
        "it is back",
    )


def test_the_command_line_shows_it(served: LabHost) -> None:
    assert re.search(r"dashboard\s+● running", served.out("nuwa ls"))
