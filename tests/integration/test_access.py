"""Tokens with rights, at a real agent and dashboard: what each may do, and what is written down."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
import pytest
from agent_host import TOKEN as SECRET
from agent_host import AgentHost, Repository
from dashboard_host import TOKEN, DashboardHost, Reply

PAGE = {"Accept": "text/html"}
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}


class Host:
    """An agent and a dashboard, with the command line of the same host."""

    def __init__(self, agent: AgentHost, dashboard: DashboardHost) -> None:
        self.agent, self.dashboard = agent, dashboard
        self.tokens = {
            "viewer": self.nuwa("token", "add", "viewer")["token"],
            "blogger": self.nuwa("token", "add", "blogger", "--right=operate", "--app=blog")["token"],
            "operator": self.nuwa("token", "add", "operator", "--right", "operate")["token"],
            "admin": self.nuwa("token", "add", "admin", "--right", "configure")["token"],
            "host": TOKEN,
        }

    def nuwa(self, *arguments: str, code: int = 0) -> Any:
        """A command of this host's root; its JSON."""
        argv = [sys.executable, "-m", "nuwa", *arguments, "--json"]
        environment = {"PATH": "/usr/bin:/bin", "NUWA_ROOT": str(self.agent.root), "SUDO_USER": "grace"}
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def ask(self, who: str, path: str, method: str = "GET", body: str = "", **headers: str) -> Reply:
        return self.dashboard.ask(path, method, body, headers, token=self.tokens[who])

    def log_in(self, token: str) -> str:
        reply = self.dashboard.ask("/login", "POST", urlencode({"token": token}), FORM)
        assert reply.status == 303, reply.text
        return reply.headers["set-cookie"].partition(";")[0]

    def audit(self) -> list[Any]:
        found: list[Any] = self.nuwa("audit")["entries"]
        return found


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    agent = AgentHost(tmp_path_factory.mktemp("host"))
    repository = Repository(agent.root / "repositories", "site")
    agent.start()
    agent.configure(
        {
            "processes": {
                "blog": {"script": f"{repository.clone}/main.sh"},
                "mail": {"script": "/usr/bin/env"},
            },
            "webhooks": {
                "site": {"token": SECRET, "path": str(repository.clone), "branch": "main"},
                "other": {"token": SECRET, "path": "/nowhere", "branch": "main"},
            },
        }
    )
    dashboard = DashboardHost(agent.root)
    dashboard.start()
    yield Host(agent, dashboard)
    dashboard.close()
    agent.close()


ALLOWED = {
    ("GET", "/ls"): {"viewer", "blogger", "operator", "admin", "host"},
    ("GET", "/log/mail"): {"viewer", "blogger", "operator", "admin", "host"},
    ("GET", "/monitor"): {"viewer", "blogger", "operator", "admin", "host"},
    ("POST", "/proc/blog/restart"): {"blogger", "operator", "admin", "host"},
    ("POST", "/proc/mail/restart"): {"operator", "admin", "host"},
    ("GET", "/proc/mail/restart"): {"operator", "admin", "host"},
    ("POST", "/hooks/site/cancel"): {"blogger", "operator", "admin", "host"},
    ("POST", "/hooks/other/cancel"): {"operator", "admin", "host"},
    ("GET", "/config"): {"admin", "host"},
    ("GET", "/config/history"): {"admin", "host"},
    ("GET", "/config/history/0123456789abcdef"): set(),
    ("PUT", "/config?dry_run=1"): {"admin", "host"},
    ("GET", "/audit"): {"admin", "host"},
}


@pytest.mark.parametrize(("method", "path"), ALLOWED, ids=lambda value: value)
@pytest.mark.parametrize("who", ["viewer", "blogger", "operator", "admin", "host"])
def test_each_token_may_do_what_its_right_says(host: Host, who: str, method: str, path: str) -> None:
    reply = host.ask(who, path, method, "{}" if method == "PUT" else "")
    if who in ALLOWED[method, path]:
        assert reply.status in (200, 202), reply.text
    elif path.endswith("0123456789abcdef") and who in ("admin", "host"):
        assert reply.status == 404
    else:
        error = json.loads(reply.text)["error"]
        assert (reply.status, error["code"]) == (403, "forbidden")
        assert who in error["message"]


def test_a_page_shows_only_the_buttons_that_the_session_may_use(host: Host) -> None:
    buttons = {}
    for who in ("viewer", "blogger", "admin"):
        page = host.dashboard.ask("/", headers=PAGE, cookie=host.log_in(host.tokens[who])).text
        shown = [
            name for name in ("blog", "mail", "router") if f'data-act="restart" data-name="{name}"' in page
        ]
        shown += [name for name in ("router",) if f'data-act="start" data-name="{name}"' in page]
        buttons[who] = shown
        assert ('href="/config"' in page, 'href="/audit"' in page) == (who == "admin", who == "admin")
        hooks = host.dashboard.ask("/hooks", headers=PAGE, cookie=host.log_in(host.tokens[who])).text
        assert ('action="hooks/site/run"' in hooks) == (who != "viewer")
        assert ('action="hooks/other/run"' in hooks) == (who == "admin")
    assert buttons == {"viewer": [], "blogger": ["blog"], "admin": ["blog", "mail", "router"]}


def test_a_page_that_takes_another_right_says_so(host: Host) -> None:
    reply = host.dashboard.ask("/config", headers=PAGE, cookie=host.log_in(host.tokens["viewer"]))
    assert reply.status == 403
    assert "the token viewer has no right to configure this host" in reply.text


def test_a_revoked_token_is_refused_at_once_and_its_sessions_end(host: Host) -> None:
    token = host.nuwa("token", "add", "guest", "--right", "operate")["token"]
    cookie = host.log_in(token)
    assert host.dashboard.ask("/ls", token=token).status == 200
    assert host.dashboard.ask("/ls", cookie=cookie).status == 200
    host.nuwa("token", "remove", "guest")
    assert host.dashboard.ask("/ls", token=token).status == 401
    assert host.dashboard.ask("/ls", cookie=cookie).status == 401
    direct = host.agent.client
    with pytest.raises(Exception, match="was revoked") as raised:
        direct.ask("POST", "/restart/blog", None, {"X-Nuwa-As": "guest"})
    assert getattr(raised.value, "code", "") == "revoked"


def test_a_new_token_of_a_name_does_not_revive_sessions_of_the_former_one(host: Host) -> None:
    cookie = host.log_in(host.nuwa("token", "add", "temp")["token"])
    host.nuwa("token", "remove", "temp")
    host.nuwa("token", "add", "temp", "--right", "configure")
    assert host.dashboard.ask("/ls", cookie=cookie).status == 401
    host.nuwa("token", "remove", "temp")


def test_the_trail_names_who_did_what_by_which_way(host: Host) -> None:
    host.ask("blogger", "/proc/blog/restart", "POST")
    host.ask("blogger", "/proc/mail/restart", "POST")
    host.nuwa("restart", "mail")
    host.log_in(host.tokens["operator"])
    commit = "0" * 39 + "1"
    _, answer = host.agent.push("site", commit)
    host.agent.run(answer["run"])
    entries = [(entry["who"], entry["way"], entry["action"], entry["target"]) for entry in host.audit()]
    assert ("blogger", "API", "restart", "blog") in entries
    outcomes = {(entry["who"], entry["target"]): entry["outcome"] for entry in host.audit()}
    assert outcomes["blogger", "blog"] == "ok"
    assert outcomes["blogger", "mail"].startswith(
        "refused: the token blogger may operate only blog, not mail"
    )
    assert ("grace", "command line", "restart", "mail") in entries
    assert ("operator", "dashboard", "log in", "") in entries
    assert ("site", "push", "run hook", "site") in entries
    assert [item[:3] for item in entries if item[1] == "hook"][-1] == ("site", "hook", "bring in")
    assert ("grace", "command line", "add token", "viewer") in entries
    assert not [item for item in entries if host.tokens["viewer"] in str(item)]
    since = host.nuwa("audit", "--since", "-1h")["entries"]
    assert len(since) == len(entries)
    assert len(host.nuwa("audit", "--count", "2")["entries"]) == 2
    page = host.dashboard.ask("/audit", headers=PAGE, cookie=host.log_in(host.tokens["admin"])).text
    assert "grace" in page
    assert "blogger" in page


def test_a_log_in_with_the_token_in_the_address_is_in_the_trail_too(host: Host) -> None:
    token = host.nuwa("token", "add", "passer-by")["token"]
    reply = host.dashboard.ask(f"/?token={token}", headers=PAGE)
    assert reply.status == 303
    assert "passer-by" in reply.headers["set-cookie"]
    newest = host.audit()[-1]
    assert (newest["who"], newest["way"], newest["action"]) == ("passer-by", "dashboard", "log in")
    host.nuwa("token", "remove", "passer-by")


def test_the_list_of_tokens_shows_rights_and_no_secret(host: Host) -> None:
    listed = {item["name"]: item for item in host.nuwa("token", "list")["tokens"]}
    assert listed["blogger"]["apps"] == ["blog"]
    assert (listed["host"]["right"], listed["admin"]["right"]) == ("configure", "configure")
    text = json.dumps(listed)
    assert not [token for token in host.tokens.values() if token in text]


def test_a_token_that_makes_no_sense_is_refused(host: Host) -> None:
    for arguments in (("Ada",), ("host",), ("viewer",), ("new", "--app", "blog")):
        assert host.nuwa("token", "add", *arguments, code=2)["error"]["message"]
    assert host.nuwa("token", "remove", "nobody", code=2)["error"]["hint"] == "nuwa token list shows them"


def test_the_token_of_the_host_can_be_revoked_and_the_others_stay(host: Host) -> None:
    cookie = host.log_in(TOKEN)
    try:
        host.nuwa("token", "remove", "host")
        assert host.dashboard.ask("/ls", token=TOKEN).status == 401
        assert host.dashboard.ask("/ls", cookie=cookie).status == 401
        assert host.ask("admin", "/config").status == 200
        assert "host" not in [item["name"] for item in host.nuwa("token", "list")["tokens"]]
        assert host.nuwa("token", "remove", "host", code=2)
    finally:
        host.agent.paths.token.write_text(f"{TOKEN}\n")
    assert host.dashboard.ask("/ls", cookie=cookie).status == 200


class Enrolled:
    """A token with a second factor, and the device."""

    def __init__(self, host: Host, name: str) -> None:
        self._host, self.name = host, name
        self.token = host.nuwa("token", "add", name, "--right", "configure")["token"]
        made = host.nuwa("token", "totp", name)
        self.recovery = made["recovery_codes"]
        self._totp = pyotp.TOTP(parse_qs(urlsplit(made["uri"]).query)["secret"][0])

    def code(self) -> str:
        return self._totp.now()

    def first_step(self) -> str:
        """The ticket that the form for the code holds."""
        body = urlencode({"token": self.token})
        reply = self._host.dashboard.ask("/login", "POST", body, {**FORM, "X-Real-IP": self.name})
        assert reply.status == 200
        assert "set-cookie" not in reply.headers
        found = re.search(r'name="ticket" value="([^"]+)"', reply.text)
        assert found
        return found[1]

    def second_step(self, ticket: str, code: str) -> Reply:
        body = urlencode({"ticket": ticket, "code": code})
        return self._host.dashboard.ask("/login?next=/log", "POST", body, {**FORM, "X-Real-IP": self.name})


def test_a_log_in_with_a_second_factor_takes_token_and_code(host: Host) -> None:
    ada = Enrolled(host, "ada")
    ticket, code = ada.first_step(), ada.code()
    wrong = ada.second_step(ticket, "000000")
    assert (wrong.status, "set-cookie" in wrong.headers) == (401, False)
    assert "The code is wrong" in wrong.text
    assert 'name="ticket"' in wrong.text
    right = ada.second_step(ticket, code)
    assert (right.status, right.headers["location"]) == (303, "/log")
    cookie = right.headers["set-cookie"].partition(";")[0]
    assert host.dashboard.ask("/config", cookie=cookie).status == 200
    assert ada.second_step(ada.first_step(), code).status == 401, "each code counts once"
    assert ada.second_step("ada.9999999999." + "0" * 64, ada.code()).status == 401
    recovered = ada.second_step(ada.first_step(), ada.recovery[0])
    assert recovered.status == 303
    assert ada.second_step(ada.first_step(), ada.recovery[0]).status == 401
    listed = {item["name"]: item["second_factor"] for item in host.nuwa("token", "list")["tokens"]}
    assert (listed["ada"], listed["admin"]) == (True, False)
    entries = host.audit()
    assert ("ada", "log in", "refused: the code of the second factor is wrong") in [
        (entry["who"], entry["action"], entry["outcome"]) for entry in entries
    ]
    actions = [(entry["who"], entry["action"]) for entry in entries]
    assert ("ada", "log in by recovery code") in actions
    assert ("grace", "add second factor") in actions


def test_the_token_alone_opens_nothing_when_it_has_a_second_factor(host: Host) -> None:
    bob = Enrolled(host, "bob")
    for path in ("/ls", f"/ls?token={bob.token}"):
        reply = host.dashboard.ask(path, token=bob.token if "?" not in path else "")
        assert reply.status == 401
        assert json.loads(reply.text)["error"]["code"] == "second_factor"
    page = host.dashboard.ask(f"/?token={bob.token}", headers=PAGE)
    assert (page.status, "set-cookie" in page.headers) == (401, False)


def test_a_session_from_before_the_second_factor_ends(host: Host) -> None:
    cookie = host.log_in(host.nuwa("token", "add", "cleo")["token"])
    assert host.dashboard.ask("/ls", cookie=cookie).status == 200
    host.nuwa("token", "totp", "cleo")
    assert host.dashboard.ask("/ls", cookie=cookie).status == 401
    host.nuwa("token", "totp", "cleo", "--off")


def test_anyone_who_guesses_codes_has_to_wait_from_every_address(host: Host) -> None:
    dan = Enrolled(host, "dan")
    ticket = dan.first_step()
    statuses = [dan.second_step(ticket, f"{number:06}").status for number in range(12)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    dan.name = "198.51.100.77"
    elsewhere = dan.second_step(ticket, dan.code())
    assert elsewhere.status == 429
    assert int(elsewhere.headers["retry-after"]) >= 1


def test_an_enrolment_counts_only_once_the_app_shows_the_right_code(host: Host) -> None:
    host.nuwa("token", "add", "eve")
    argv = [sys.executable, "-m", "nuwa", "token", "totp", "eve"]
    environment = {"PATH": "/usr/bin:/bin", "NUWA_ROOT": str(host.agent.root)}
    for given in ("000000\n", ""):
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False, input=given)
        assert done.returncode == 2
        assert "otpauth://totp/nuwa:eve" in done.stdout
        assert "the code is wrong" in done.stderr
    listed = {item["name"]: item["second_factor"] for item in host.nuwa("token", "list")["tokens"]}
    assert listed["eve"] is False
    hint = host.nuwa("token", "totp", "host", code=2)["error"]["hint"]
    assert "nuwa token remove host" in hint
