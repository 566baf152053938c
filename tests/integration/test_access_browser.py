"""Logging in with a code, and what a limited session sees, in Chromium before a real agent."""

from __future__ import annotations

from collections.abc import Iterator

import pyotp
import pytest
from agent_host import AgentHost
from browser import PHONE, Visit, faults
from dashboard_host import TOKEN, DashboardHost
from playwright.sync_api import Browser, expect

from benchmarks.browser import chromium
from nuwa.access.second_factor import digest_of, new_secret
from nuwa.access.token_file import TokenFile
from nuwa.agent.audit import Actor, Trail
from nuwa.agent.database import Database

PROCESSES = {"blog": {"script": "/usr/bin/env"}, "mail": {"script": "/usr/bin/env"}}
CHANNELS = {"phone": {"url": "ntfy://127.0.0.1:9/alerts"}, "team": {"url": "json://127.0.0.1:9/x"}}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentHost]:
    made = AgentHost(tmp_path_factory.mktemp("host"))
    made.start()
    made.configure({"processes": PROCESSES, "monitor": {"channels": CHANNELS}})
    yield made
    made.close()


@pytest.fixture(scope="module")
def host(agent: AgentHost) -> Iterator[DashboardHost]:
    made = DashboardHost(agent.root)
    made.start()
    yield made
    made.close()


@pytest.fixture
def tokens(agent: AgentHost) -> TokenFile:
    agent.paths.tokens.unlink(missing_ok=True)
    return TokenFile(agent.paths.tokens, agent.paths.locks / ".tokens")


@pytest.mark.parametrize("size", [None, PHONE], ids=["desktop", "phone"])
def test_a_person_logs_in_with_token_and_code(
    browser: Browser, host: DashboardHost, tokens: TokenFile, size: dict[str, int] | None
) -> None:
    token, secret = tokens.add("ada", "configure", ()), new_secret()
    tokens.update("ada", totp=secret, recovery=(digest_of("a1b2c-3d4e5"),))
    visit = Visit(browser, host.url, "wrong", **({"viewport": size} if size else {}))
    page = visit.go("/login")
    assert faults(page) == []
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()
    code = page.get_by_label("Code")
    expect(code).to_be_focused()
    assert faults(page) == []
    code.fill("000000")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    assert faults(page) == []
    page.get_by_label("Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Services")).to_be_visible()
    expect(page.locator(".you")).to_have_text("ada")
    assert faults(page) == []
    visit.close()
    assert visit.elsewhere == []


def test_a_limited_session_has_the_buttons_of_its_services_also_after_they_change(
    browser: Browser, host: DashboardHost, agent: AgentHost, tokens: TokenFile
) -> None:
    visit = Visit(browser, host.url, tokens.add("bob", "operate", ("blog",)))
    page = visit.page
    expect(page.get_by_role("button", name="Stop blog")).to_be_visible()
    expect(page.get_by_role("link", name="Configuration")).to_have_count(0)
    for verb, state in (("stop", "row bad"), ("start", "row good")):
        for name in ("blog", "mail"):
            agent.client.ask("POST", f"/{verb}/{name}")
            expect(page.locator(f"#s-{name}")).to_have_class(state)
        expect(page.locator("#s-mail .acts button")).to_have_count(0)
        assert page.locator("#s-blog .acts button").count() > 0
    page.get_by_role("button", name="Restart blog").click()
    expect(page.locator("#toasts")).to_contain_text("blog")
    assert faults(page) == []
    visit.close()


@pytest.mark.parametrize("size", [None, PHONE], ids=["desktop", "phone"])
def test_the_audit_trail_and_the_channels_are_read_by_everybody(
    browser: Browser, host: DashboardHost, agent: AgentHost, size: dict[str, int] | None
) -> None:
    database = Database(agent.paths.database)
    trail = Trail(database)
    key = "198.51.100.4 SHA256:eS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0"
    trail.record(Actor("grace", "ssh", key), "restart", "shop", "failed: shop does not answer at port 8000")
    trail.record(Actor("<b>site</b>", "push", "140.82.112.3"), "run hook", "site", "run 41")
    database.close()
    visit = Visit(browser, host.url, TOKEN, **({"viewport": size} if size else {}))
    page = visit.go("/audit")
    expect(page.get_by_role("cell", name="<b>site</b>").first).to_be_visible()
    expect(page.locator("td.bad")).to_contain_text(["shop does not answer"])
    assert faults(page) == []
    page = visit.go("/monitor")
    expect(page.get_by_role("cell", name="phone", exact=True)).to_be_visible()
    assert faults(page) == []
    visit.close()
    assert visit.complaints == []
