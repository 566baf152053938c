"""The dashboard before a real agent: the configuration is edited, webhooks run, services start and stop."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_host import TOKEN as SECRET
from agent_host import AgentHost, Repository
from browser import Visit, faults
from dashboard_host import TOKEN, DashboardHost
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import chromium

PROCESSES = {"web": {"script": "/usr/bin/env"}, "job": {"script": "/usr/bin/env", "autostart": False}}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentHost]:
    made = AgentHost(tmp_path_factory.mktemp("host"))
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def host(agent: AgentHost) -> Iterator[DashboardHost]:
    made = DashboardHost(agent.root)
    made.start()
    yield made
    made.close()


@pytest.fixture
def visit(browser: Browser, host: DashboardHost, agent: AgentHost) -> Iterator[Visit]:
    agent.configure({"processes": PROCESSES})
    made = Visit(browser, host.url, TOKEN)
    yield made
    made.close()
    assert made.elsewhere == []


def typed(page: Page, document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document, indent=2)
    page.get_by_label("config.json", exact=True).fill(text)


def check(page: Page) -> None:
    page.get_by_role("button", name="Check").click()


def test_services_start_and_stop(visit: Visit) -> None:
    page = visit.page
    expect(page.locator("#s-job")).to_have_class("row warn")
    page.get_by_role("button", name="Start job").click()
    expect(page.locator("#s-job")).to_have_class("row good")
    page.get_by_role("button", name="Stop job").click()
    page.get_by_role("button", name="Stop it").click()
    expect(page.locator("#s-job")).to_have_class("row bad")


def test_a_line_of_the_journal_appears(visit: Visit, agent: AgentHost) -> None:
    expect(visit.page.locator("#s-web")).to_have_class("row good")
    entry = {"__CURSOR": "1", "__REALTIME_TIMESTAMP": "1800000000000000", "PRIORITY": "6",
             "_SYSTEMD_UNIT": "nuwa@web-blue.service", "MESSAGE": "<b>hello</b>"}  # fmt: skip
    (agent.root / "fake-journal.json").write_text(json.dumps([entry]))
    expect(visit.page.locator("#s-web .text").first).to_have_text("<b>hello</b>")


def test_all_mistakes_are_shown_with_their_lines(visit: Visit, agent: AgentHost) -> None:
    page = visit.go("/config")
    before = agent.client.ask("GET", "/ls")["revision"]
    typed(
        page,
        '{\n  "processes": {\n    "web": {"scirpt": "/x"},\n    "Job": {"script": "/usr/bin/env"}\n  }\n}\n',
    )
    page.keyboard.press("Control+s")
    problems = page.locator(".problems li")
    expect(problems.first).to_be_visible(timeout=15_000)
    assert problems.count() >= 2
    expect(page.locator(".problems")).to_contain_text("line 3")
    expect(page.locator(".gutter .wrong").first).to_have_text("3")
    page.locator(".problems a").first.click()
    expect(page.get_by_label("config.json", exact=True)).to_be_focused()
    assert faults(page) == []
    typed(page, "{\n  no json")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("nothing was changed")
    expect(page.get_by_label("config.json", exact=True)).to_have_value("{\n  no json")
    assert agent.client.ask("GET", "/ls")["revision"] == before


def test_what_would_change_is_shown_before_it_is_saved(visit: Visit, agent: AgentHost) -> None:
    page = visit.go("/config")
    typed(page, {"processes": {**PROCESSES, "extra": {"script": "/usr/bin/env"}}})
    check(page)
    expect(page.locator(".diff .add").first).to_be_visible(timeout=15_000)
    expect(page.locator("#result")).to_contain_text("Saving starts extra")
    expect(page.locator("summary").filter(has_text="nuwa@extra-blue.service")).to_be_visible()
    assert "extra" not in {row["name"] for row in agent.client.ask("GET", "/ls")["ps"]}
    assert faults(page) == []
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#result")).to_contain_text(re.compile("was applied: started extra"))
    visit.go("/")
    expect(page.locator("#s-extra")).to_have_class("row good")


def test_a_configuration_comes_back_out_of_the_history(visit: Visit, agent: AgentHost) -> None:
    agent.configure({"processes": {"web": PROCESSES["web"]}})
    page = visit.go("/config")
    row = page.locator("tr").filter(has=page.get_by_role("link", name="restore")).first
    row.get_by_role("link", name="compare").click()
    expect(page.locator(".diff .add").filter(has_text='"job"')).to_be_visible()
    page.get_by_role("link", name="Restore it in the editor").click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#result")).to_contain_text("was applied")
    assert "job" in {item["name"] for item in agent.client.ask("GET", "/ls")["ps"]}
    assert agent.client.ask("GET", "/config/history")["history"][0]["who"] == "host (dashboard, 127.0.0.1)"


def test_two_who_edit_at_once_do_not_overwrite_each_other(visit: Visit, agent: AgentHost) -> None:
    page = visit.go("/config")
    typed(page, {"processes": {**PROCESSES, "mine": {"script": "/usr/bin/env"}}})
    agent.configure({"processes": {**PROCESSES, "theirs": {"script": "/usr/bin/env"}}})
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else changed the configuration")
    expect(page.locator(".diff .remove").filter(has_text='"theirs"')).to_be_visible()
    assert '"mine"' in page.get_by_label("config.json", exact=True).input_value()
    names = {row["name"] for row in agent.client.ask("GET", "/ls")["ps"]}
    assert {"theirs"} <= names
    assert "mine" not in names
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#result")).to_contain_text("was applied")
    assert "mine" in {row["name"] for row in agent.client.ask("GET", "/ls")["ps"]}


def test_a_file_that_was_edited_by_hand_is_noticed(visit: Visit, agent: AgentHost) -> None:
    agent.paths.config.write_text('{"processes": {}}\n')
    expect(visit.go("/").locator(".said.warn")).to_contain_text("not applied yet")


def test_the_output_of_a_webhook_arrives_while_it_runs(
    visit: Visit, agent: AgentHost, tmp_path: Path
) -> None:
    site, go = Repository(tmp_path, "site"), tmp_path / "go"
    (site.clone / "run.sh").write_text(
        f"n=0; until [ -e {go} ]; do n=$((n + 1)); printf '\\rwaiting %s' $n; sleep 0.2; done\n"
        "printf '\\ndone <b>now</b>\\n'; exit 3\n"
    )
    hook = {"token": SECRET, "path": str(site.clone), "branch": "main", "commands": [["sh", "run.sh"]]}
    agent.configure({"processes": PROCESSES, "webhooks": {"site": hook}})
    page = visit.go("/hooks")
    card = page.locator("#h-site")
    expect(card).to_contain_text("no run yet")
    card.get_by_role("button", name="Run").click()
    step = card.locator(".step").last
    expect(step.locator("code")).to_have_text("sh run.sh")
    expect(step.locator(".output")).to_have_text(re.compile(r"^waiting ([3-9]|\d\d+)$"))
    expect(step).to_contain_text("running")
    go.touch()
    expect(step.locator(".output")).to_have_text(re.compile(r"^waiting \d+\s+done <b>now</b>\s*$"))
    expect(step).to_contain_text("exit code 3")
    expect(card.locator(".hook-head")).to_contain_text("failed")
    card.get_by_role("link", name="site").click()
    page.locator("tbody a").first.click()
    expect(page.locator(".output").last).to_have_text(re.compile(r"^waiting \d+\s+done <b>now</b>\s*$"))
    expect(page.locator("h1")).to_contain_text("of site")


def test_a_run_is_cancelled(visit: Visit, agent: AgentHost, tmp_path: Path) -> None:
    site = Repository(tmp_path, "site")
    hook = {"token": SECRET, "path": str(site.clone), "branch": "main", "commands": [["sleep", "1000"]]}
    agent.configure({"processes": PROCESSES, "webhooks": {"site": hook}})
    page = visit.go("/hooks")
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".step").last).to_contain_text("sleep 1000")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".hook-head")).to_contain_text("cancelled")
