"""The dashboard's door and its paths, as scripts and as browsers without JavaScript use them."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from control_fake import ControlFake
from dashboard_host import TOKEN, DashboardHost, Reply
from demo_host import demo

PAGE = {"Accept": "text/html"}
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
PATHS = [
    "/",
    "/ls",
    "/log",
    "/log/shop",
    "/hooks",
    "/runs/182",
    "/monitor",
    "/config",
    "/proc/shop",
    "/events",
]


@pytest.fixture(scope="module")
def fake_and_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ControlFake, DashboardHost]]:
    host = DashboardHost(tmp_path_factory.mktemp("host"))
    fake = ControlFake(host.paths.socket)
    demo(fake)
    fake.start()
    host.start()
    yield fake, host
    host.close()
    fake.stop()


@pytest.fixture
def fake(fake_and_host: tuple[ControlFake, DashboardHost]) -> ControlFake:
    fake_and_host[0].asked.clear()
    return fake_and_host[0]


@pytest.fixture
def host(fake_and_host: tuple[ControlFake, DashboardHost]) -> DashboardHost:
    return fake_and_host[1]


def log_in(host: DashboardHost, **headers: str) -> Reply:
    return host.ask("/login", "POST", urlencode({"token": TOKEN}), {**FORM, **headers})


def cookie_of(reply: Reply) -> str:
    return reply.headers["set-cookie"].partition(";")[0]


def proof_of(host: DashboardHost, cookie: str) -> str:
    found = re.search(
        r'name="csrf" content="([0-9a-f]{64})"', host.ask("/", headers=PAGE, cookie=cookie).text
    )
    assert found
    return found[1]


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_learns_nothing(host: DashboardHost, path: str) -> None:
    forged = "nuwa_session=a.1.9999999999." + "0" * 64
    for cookie in ("", forged, f"__Host-{forged}", f"{forged}; {forged}; __Secure-{forged}"):
        script = host.ask(path, cookie=cookie)
        assert script.status == 401
        assert script.headers["www-authenticate"] == "Bearer"
        assert json.loads(script.text)["error"]["code"] == "token"
        person = host.ask(path, headers=PAGE, cookie=cookie)
        assert (person.status, person.text) == (303, "")
        assert person.headers["location"].startswith("/login")


@pytest.mark.parametrize("path", ["/login", "/nothing", "/", "/static/0/app.css"])
def test_every_answer_forbids_what_a_page_here_never_does(host: DashboardHost, path: str) -> None:
    reply = host.ask(path)
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "unsafe" not in reply.headers["content-security-policy"]
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "no-store"


def test_the_listing_is_the_one_that_scripts_know(host: DashboardHost) -> None:
    listing = json.loads(host.ask(f"/ls?token={TOKEN}").text)
    assert {"ps", "hooks"} <= listing.keys()
    assert {"name", "status", "pid", "ports"} <= listing["ps"][0].keys()
    assert {"command", "output", "duration", "code"} == listing["hooks"][0]["lines"][0].keys()


@pytest.mark.parametrize("way", ["bearer", "header", "query"])
def test_a_script_shows_the_token_in_one_of_three_ways(host: DashboardHost, way: str) -> None:
    headers = {"bearer": {"Authorization": f"Bearer {TOKEN}"}, "header": {"X-Nuwa-Token": TOKEN}}.get(way, {})
    reply = host.ask("/config" + (f"?token={TOKEN}" if way == "query" else ""), headers=headers)
    assert reply.status == 200
    assert json.loads(reply.text)["env"] == {"domain": "example.org"}
    assert reply.headers["etag"] == '"0123456789abcdef"'
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
def test_a_script_starts_and_stops_with_any_method(
    fake: ControlFake, host: DashboardHost, method: str, verb: str
) -> None:
    reply = host.ask(f"/proc/metrics/{verb}", method, token=TOKEN)
    assert reply.status == 200
    assert json.loads(reply.text)["name"] == "metrics"
    assert fake.asked == [f"/{verb}/metrics"]


def test_a_named_command_is_a_button_and_runs_for_forms_and_scripts_alone(
    fake: ControlFake, host: DashboardHost
) -> None:
    fake.change("shop", commands=[{"name": "import", "help": "Reads <b>data</b>"}])
    cookie = cookie_of(log_in(host))
    page = host.ask("/proc/shop", headers=PAGE, cookie=cookie).text
    assert 'formaction="/proc/shop/run/import"' in page.replace(host.url, "")
    assert "Reads &lt;b&gt;data&lt;/b&gt;" in page
    assert host.ask("/proc/shop/run/import", headers=PAGE, cookie=cookie).status == 405
    assert host.ask("/proc/shop/run/import", "POST", "csrf=", FORM, cookie=cookie).status == 403
    assert fake.asked == []
    assert host.ask("/proc/shop/run/import", "POST", token=TOKEN).status == 200
    right = f"csrf={proof_of(host, cookie)}"
    assert host.ask("/proc/shop/run/import", "POST", right, FORM, cookie=cookie).status == 303
    assert fake.asked == ["/run/shop/import"] * 2


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
def test_a_link_of_another_site_changes_nothing(fake: ControlFake, host: DashboardHost, verb: str) -> None:
    cookie = cookie_of(log_in(host))
    asked = host.ask(f"/proc/shop/{verb}", headers=PAGE, cookie=cookie)
    assert asked.status == 200
    assert f"{verb.capitalize()} shop?" in asked.text
    assert host.ask(f"/proc/shop/{verb}", cookie=cookie).status == 200
    assert host.ask(f"/proc/shop/{verb}", "HEAD", cookie=cookie).status == 200
    assert fake.asked == []


def test_a_form_of_another_site_changes_nothing(fake: ControlFake, host: DashboardHost) -> None:
    cookie = cookie_of(log_in(host))
    other = proof_of(host, cookie_of(log_in(host)))
    for body in ("", "csrf=", f"csrf={other}", "csrf=" + "0" * 64):
        assert host.ask("/proc/shop/stop", "POST", body, FORM, cookie=cookie).status == 403
    foreign = {**FORM, "Sec-Fetch-Site": "cross-site"}
    right = f"csrf={proof_of(host, cookie)}"
    assert host.ask("/proc/shop/stop", "POST", right, foreign, cookie=cookie).status == 403
    assert host.ask("/config", "PUT", "{}", {"If-Match": '"x"'}, cookie=cookie).status == 403
    assert host.ask("/logout", "POST", "", FORM, cookie=cookie).status == 403
    assert fake.asked == []
    assert host.ask("/proc/shop/stop", "POST", right, FORM, cookie=cookie).status == 303
    assert fake.asked == ["/stop/shop"]
    fake.change("shop", status="running", pid=20417)


def test_a_browser_loses_the_token_out_of_its_address(host: DashboardHost) -> None:
    reply = host.ask(f"/log/shop?grep=a%26b&token={TOKEN}&lines=5", headers=PAGE)
    assert (reply.status, reply.headers["location"]) == (303, "/log/shop?grep=a%26b&lines=5")
    assert reply.text == ""
    assert host.ask("/", headers=PAGE, cookie=cookie_of(reply)).status == 200


def test_who_follows_a_link_from_elsewhere_is_asked_again_by_a_page_of_this_site(host: DashboardHost) -> None:
    foreign = host.ask("/log", headers={**PAGE, "Sec-Fetch-Site": "cross-site", "Cookie": "other=1"})
    assert foreign.status == 200
    assert 'http-equiv="refresh"' in foreign.text
    assert host.ask("/log", headers={**PAGE, "Sec-Fetch-Site": "same-origin"}).status == 303


def test_the_cookie_is_for_this_server_alone(host: DashboardHost) -> None:
    def set_by(**headers: str) -> tuple[str, set[str]]:
        cookie, *attributes = log_in(host, **headers).headers["set-cookie"].split(";")
        return cookie.partition("=")[0], {part.strip().lower() for part in attributes}

    name, attributes = set_by()
    assert name == "nuwa_session"
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    assert "secure" not in attributes
    # Nobody but this very host can set or shadow it.
    name, attributes = set_by(**{"X-Forwarded-Proto": "https"})
    assert name == "__Host-nuwa_session"
    assert {"httponly", "samesite=strict", "path=/", "secure"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)
    # What else is served on that name does not get it.
    name, attributes = set_by(**{"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/admin"})
    assert name == "__Secure-nuwa_session"
    assert {"httponly", "samesite=strict", "path=/admin", "secure"} <= attributes


def test_another_cookie_of_the_name_locks_nobody_out(host: DashboardHost) -> None:
    """A site on a neighbouring name can set one for the whole domain."""
    cookie = cookie_of(log_in(host))
    other = "nuwa_session=x"
    for sent in (f"{cookie}; {other}", f"{other}; {cookie}", f"{other}; a=b; {cookie}; {other}"):
        assert host.ask("/ls", cookie=sent).status == 200
    assert host.ask("/ls", cookie=other).status == 401


def test_a_session_of_before_goes_on_under_the_new_name(host: DashboardHost) -> None:
    former = cookie_of(log_in(host))
    tls = {**PAGE, "X-Forwarded-Proto": "https"}
    reply = host.ask("/hooks", headers=tls, cookie=former)
    assert reply.status == 200
    assert reply.headers["set-cookie"].startswith('nuwa_session=""'), "the last one of two is seen here"
    renamed = f"__Host-{former}"
    assert host.ask("/ls", headers={"X-Forwarded-Proto": "https"}, cookie=renamed).status == 200
    assert "set-cookie" not in host.ask("/hooks", headers=tls, cookie=renamed).headers


@pytest.mark.parametrize("path", ["/", "/login", "/static/0/app.js", "/nothing"])
def test_no_service_worker_comes_to_stand_before_it(host: DashboardHost, path: str) -> None:
    reply = host.ask(path, headers={"Service-Worker": "script"}, cookie=cookie_of(log_in(host)))
    assert reply.status == 403


def test_behind_a_path_every_address_begins_with_it(host: DashboardHost) -> None:
    at = {**PAGE, "X-Forwarded-Prefix": "/admin"}
    cookie = cookie_of(log_in(host))
    assert host.ask("/hooks", headers=at).headers["location"] == "/admin/login?next=%2Fhooks"
    for path in ("/", "/log", "/hooks", "/monitor", "/config", "/proc/shop"):
        text = host.ask(path, headers=at, cookie=cookie).text
        addresses = re.findall(r'(?:href|src|action|formaction)="(/[^"]*)"', text)
        assert addresses
        assert all(address.startswith("/admin/") for address in addresses), path
    for prefix in ("//evil.example", "/a b", '/"><script>', "javascript:x", "/.."):
        text = host.ask("/", headers={**PAGE, "X-Forwarded-Prefix": prefix}, cookie=cookie).text
        assert 'name="base" content=""' in text


@pytest.mark.parametrize(
    ("target", "goes_to"),
    [("/log?grep=x", "/log?grep=x"), ("https://evil.example/", "/"), ("//evil.example", "/"),
     ("/\\evil.example", "/"), ("/a\r\nSet-Cookie: x=y", "/"), ("", "/")],
)  # fmt: skip
def test_logging_in_leads_nowhere_else(host: DashboardHost, target: str, goes_to: str) -> None:
    reply = host.ask(f"/login?{urlencode({'next': target})}", "POST", urlencode({"token": TOKEN}), FORM)
    assert (reply.status, reply.headers["location"]) == (303, goes_to)


def test_logging_out_ends_the_session(host: DashboardHost) -> None:
    cookie = cookie_of(log_in(host))
    body = f"csrf={proof_of(host, cookie)}"
    reply = host.ask("/logout", "POST", body, FORM, cookie=cookie)
    assert (reply.status, reply.headers["location"]) == (303, "/login")
    assert reply.headers["clear-site-data"] == '"cache", "storage"'
    assert host.ask("/ls", cookie=cookie).status == 401


def test_logging_out_below_a_path_keeps_what_the_rest_of_the_host_has_stored(host: DashboardHost) -> None:
    cookie = cookie_of(log_in(host))
    at = {**FORM, "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/admin"}
    reply = host.ask("/logout", "POST", f"csrf={proof_of(host, cookie)}", at, cookie=cookie)
    assert (reply.status, reply.headers["location"]) == (303, "/admin/login")
    assert "clear-site-data" not in reply.headers


def test_who_guesses_has_to_wait_and_others_do_not(host: DashboardHost) -> None:
    guesser, person = {"X-Real-IP": "203.0.113.9"}, {"X-Real-IP": "203.0.113.10"}
    statuses = [host.ask("/ls", headers=guesser, token=f"guess-{number}").status for number in range(12)]
    assert statuses[:10] == [401] * 10
    assert statuses[-1] == 429
    late = host.ask("/login", "POST", urlencode({"token": "guess"}), {**FORM, **guesser})
    assert late.status == 429
    assert int(late.headers["retry-after"]) >= 1
    assert host.ask("/ls", headers=person, token=TOKEN).status == 200


def test_a_wrong_token_is_said_to_be_wrong(host: DashboardHost) -> None:
    reply = host.ask("/login", "POST", "token=wrong", FORM)
    assert reply.status == 401
    assert "The token is wrong" in reply.text
    assert host.ask("/?token=wrong", headers=PAGE).status == 401


def test_without_javascript_the_buttons_are_forms(fake: ControlFake, host: DashboardHost) -> None:
    cookie = cookie_of(log_in(host))
    text = host.ask("/", headers=PAGE, cookie=cookie).text
    assert '<button form="act" formaction="proc/mailer/start"' in text
    body = f"csrf={proof_of(host, cookie)}"
    done = host.ask("/proc/mailer/start", "POST", body, FORM, cookie=cookie)
    assert (done.status, done.headers["location"]) == (303, "/?said=mailer%3A+running")
    assert "mailer: running" in host.ask(done.headers["location"], headers=PAGE, cookie=cookie).text
    fake.change("mailer", status="stopped", pid=None)


@pytest.mark.parametrize(
    "path",
    ["/proc/nobody", "/proc/nobody/start", "/proc/shop/explode", "/log/nobody", "/runs/99", "/runs/x",
     "/static/0/app.css", "/static/x/..%2f..%2fnuwa.toml.j2", "/proc/..%2F..%2Fetc/start", "/proc/%00/stop",
     "/config/history/nothing/more", "/nothing"],
)  # fmt: skip
def test_what_is_not_there_is_said_so(host: DashboardHost, path: str) -> None:
    for headers in ({}, PAGE):
        assert host.ask(path, headers=headers, token=TOKEN).status == 404


def test_a_script_reads_and_writes_the_configuration(fake: ControlFake, host: DashboardHost) -> None:
    done = host.ask("/config", "PUT", "{}", {"If-Match": '"0123456789abcdef"'}, token=TOKEN)
    assert (done.status, done.headers["etag"]) == (200, '"0123456789abcdef"')
    assert fake.asked == ["PUT /config host, 127.0.0.1"]
    assert host.ask("/config", "PUT", "{}", {"If-Match": '"old"'}, token=TOKEN).status == 412
    assert host.ask("/config", "PUT", "x" * (1024 * 1024 + 1), token=TOKEN).status == 413


def test_a_stream_ends_with_the_session_and_quickly_with_the_dashboard(host: DashboardHost) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=20)
    connection.request("GET", "/events", headers={"Authorization": f"Bearer {TOKEN}"})
    answer = connection.getresponse()
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.readline()
    cookie = cookie_of(log_in(host))
    assert host.end(signal.SIGTERM) < 4
    answer.read()
    host.start()
    assert host.ask("/ls", cookie=cookie).status == 200


def test_browsers_share_one_stream_of_the_agent(fake: ControlFake, host: DashboardHost) -> None:
    import http.client

    connections = [http.client.HTTPConnection("127.0.0.1", host.port, timeout=60) for _ in range(3)]
    answers = []
    for connection in connections:
        connection.request("GET", "/events", headers={"Authorization": f"Bearer {TOKEN}"})
        answers.append(connection.getresponse())
    deadline = time.monotonic() + 60
    while fake.streams == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    fake.change("metrics", restarts=9)
    for answer in answers:
        while answer.readline() != b"event: row\n":
            pass  # what each begins with
    assert fake.streams == 1
    for connection in connections:
        connection.close()


def test_what_was_missed_is_told_and_what_is_forgotten_is_loaded_anew(
    fake: ControlFake, host: DashboardHost
) -> None:
    import http.client

    def events(position: str, count: int) -> list[tuple[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=20)
        connection.request(
            "GET", "/events", headers={"Authorization": f"Bearer {TOKEN}", "Last-Event-ID": position}
        )
        answer, found, identity = connection.getresponse(), [], ""
        while len(found) < count:
            key, _, value = answer.readline().decode().rstrip("\n").partition(": ")
            if key == "id":
                identity = value
            elif key == "event":
                found.append((value, identity))
        connection.close()
        return found

    ((kind, position),) = events("nonsense", 1)
    assert kind == "reload"
    fake.change("metrics", restarts=1)
    deadline = time.monotonic() + 10
    while (first := events(position, 1)[0])[0] != "row":
        assert time.monotonic() < deadline
    fake.change("metrics", restarts=2)
    while (found := events(position, 2))[1][0] != "row":
        assert time.monotonic() < deadline
    assert found[0] == first
    assert events(found[1][1], 1)[0][0] == "agent"


def test_an_agent_that_is_away_is_said_to_be(
    fake: ControlFake, tmp_path_factory: pytest.TempPathFactory
) -> None:
    host = DashboardHost(tmp_path_factory.mktemp("alone"))
    host.start()
    try:
        script = host.ask("/ls", token=TOKEN)
        assert (script.status, json.loads(script.text)["error"]["code"]) == (503, "down")
        page = host.ask("/", headers=PAGE, cookie=cookie_of(log_in(host)))
        assert page.status == 503
        assert "The agent does not answer" in page.text or "the agent does not answer" in page.text
    finally:
        host.close()
