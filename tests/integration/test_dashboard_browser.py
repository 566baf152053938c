"""The dashboard in a browser: what a person sees, and what becomes of what they press."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browser import PHONE, Visit, faults
from control_fake import ControlFake, usage
from dashboard_host import TOKEN, DashboardHost
from demo_host import demo, many
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import chromium

PATHS = ["/", "/log", "/log/mailer", "/hooks", "/hooks/blog", "/runs/182", "/monitor", "/config",
         "/stats?since=7d", "/proc/shop", "/proc/shop/stop",
         "/config/history/77aa01c9f2b41c07", "/nothing"]  # fmt: skip
HOSTILE = """"><script>document.title='owned'</script><img src=x onerror="document.title='owned'">"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardHost]:
    made = DashboardHost(tmp_path_factory.mktemp("host"))
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def control(host: DashboardHost) -> Iterator[ControlFake]:
    made = ControlFake(host.paths.socket)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def fake(control: ControlFake) -> ControlFake:
    control.reset(demo)
    return control


@pytest.fixture
def visit(browser: Browser, host: DashboardHost, fake: ControlFake) -> Iterator[Visit]:
    made = Visit(browser, host.url, TOKEN)
    yield made
    complaints, elsewhere = made.complaints, made.elsewhere
    made.close()
    assert complaints == []
    assert elsewhere == []


@pytest.fixture
def page(visit: Visit) -> Page:
    expect(visit.page.locator("#s-shop")).to_be_visible()
    expect(visit.page.locator("#banner")).to_be_hidden()
    return visit.page


def live(page: Page, fake: ControlFake) -> None:
    """Wait until the page hears of what happens."""
    for _ in range(100):
        if fake.streams:
            break
        page.wait_for_timeout(50)
    expect(page.locator("#s-metrics .chart").first).to_be_attached()


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_every_page_is_legible_named_and_fits(
    browser: Browser, host: DashboardHost, fake: ControlFake, look: str
) -> None:
    options = {"phone": {"viewport": PHONE, "has_touch": True}, "dark": {"color_scheme": "dark"}}.get(
        look, {}
    )
    visit = Visit(browser, host.url, TOKEN, reduced_motion="reduce", **options)
    found = {}
    for path in PATHS:
        visit.go(path)
        found[path] = faults(visit.page)
    visit.page.context.clear_cookies()
    found["/login"] = faults(visit.go("/login"))
    complaints = [text for text in visit.complaints if "404" not in text]
    visit.close()
    assert {path: items for path, items in found.items() if items} == {}
    assert complaints == []
    assert visit.elsewhere == []


def test_one_logs_in_and_out(browser: Browser, host: DashboardHost, fake: ControlFake) -> None:
    visit = Visit(browser, host.url, "wrong")
    page = visit.go("/log/shop")
    expect(page).to_have_url(re.compile(r"/login\?next="))
    page.get_by_label("Token").fill("guess")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The token is wrong.")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{host.url}/log/shop")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{host.url}/login")
    page.go_back()
    expect(page.get_by_label("Token")).to_be_visible()
    visit.close()


def test_the_token_leaves_the_address(visit: Visit, page: Page, host: DashboardHost) -> None:
    assert page.url == f"{host.url}/"
    assert TOKEN not in page.content()


def test_a_row_says_what_its_service_does(page: Page) -> None:
    tones = {
        name: page.locator(f"#s-{name}").get_attribute("class")
        for name in ("shop", "mailer", "import-nightly")
    }
    assert tones == {"shop": "row good", "mailer": "row bad", "import-nightly": "row warn"}
    mailer, shop = page.locator("#s-mailer"), page.locator("#s-shop")
    expect(mailer.locator(".about use").first).to_have_attribute("href", "#i-skull")
    expect(page.locator("#s-import-nightly .about use").first).to_have_attribute("href", "#i-warning")
    expect(mailer.locator(".about")).to_contain_text("stopped")
    expect(mailer.locator(".text").nth(1)).to_have_text("error: 535 5.7.8 authentication failed")
    expect(shop.locator(".pid")).to_have_text("pid 20417")
    expect(shop.locator(".line .age").first).to_have_text(re.compile(r"^\d+[smhd]$"))
    expect(page.locator("#s-invoices .line .age").first).to_have_text("64m")
    expect(shop.locator(".hooked")).to_contain_text("ok")
    expect(shop.locator(".gauge .label")).to_have_text(["cpu", "RAM", "net", "disk"])
    expect(shop.locator(".ports")).to_be_hidden()
    shop.hover()
    expect(shop.locator(".ports")).to_have_text("port 8101 · green")


def test_ports_show_by_keyboard_and_by_touch_too(browser: Browser, host: DashboardHost, page: Page) -> None:
    page.keyboard.press("j")
    expect(page.locator("#s-shop .ports")).to_be_visible()
    phone = Visit(browser, host.url, TOKEN, viewport=PHONE, has_touch=True, is_mobile=True)
    expect(phone.page.locator("#s-shop .ports")).to_be_visible()
    phone.close()


def test_lines_samples_and_states_arrive_by_themselves(page: Page, fake: ControlFake) -> None:
    live(page, fake)
    shop = page.locator("#s-shop")
    fake.line("shop", "a new order came in")
    expect(shop.locator(".text").first).to_have_text("a new order came in")
    before = shop.locator(".curve").first.get_attribute("d")
    fake.sample({"shop": usage(3.5, 500_000_000, 2e6, 1e6)})
    expect(shop.locator(".value")).to_have_text(["350%", "477M", "1.9M", "977K"])
    assert shop.locator(".curve").first.get_attribute("d") != before
    fake.change("shop", status="stopped", result="oom-kill", pid=None)
    expect(shop).to_have_class("row bad")
    expect(shop.locator(".about")).to_contain_text("oom-kill")
    expect(page.locator("#counts")).to_contain_text("2 stopped")
    fake.tell(
        "alert",
        {"check": "process shop", "message": "it was killed", "state": "failed", "action": "restarted"},
    )
    expect(page.locator(".toast")).to_contain_text("it was killed")


def test_a_service_is_started_at_once_and_stopped_after_a_question(page: Page, fake: ControlFake) -> None:
    live(page, fake)
    page.get_by_role("button", name="Start mailer").click()
    expect(page.locator(".toast")).to_contain_text("mailer: running")
    expect(page.locator("#s-mailer")).to_have_class("row good")
    page.get_by_role("button", name="Stop shop").click()
    expect(page.locator("#ask")).to_contain_text("Stop shop?")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Stop shop").click()
    page.get_by_role("button", name="Leave it running").click()
    assert fake.asked == ["/start/mailer"]
    page.get_by_role("button", name="Stop shop").click()
    page.get_by_role("button", name="Stop it").click()
    expect(page.locator("#s-shop")).to_have_class("row bad")
    page.get_by_role("button", name="Restart metrics").click()
    expect(page.locator("#s-metrics .pid")).to_have_text("pid 4712")
    assert fake.asked == ["/start/mailer", "/stop/shop", "/restart/metrics"]


def test_the_keyboard_reaches_everything(page: Page, fake: ControlFake, host: DashboardHost) -> None:
    live(page, fake)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    for key in "jjk":
        page.keyboard.press(key)
    expect(page.locator("#s-shop")).to_be_focused()
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Restart shop")).to_be_focused()
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("x")
    expect(page.locator("#ask")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#s-shop")).to_have_class("row bad")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("metr")
    expect(page.locator(".row:visible")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("h")
    expect(page).to_have_url(f"{host.url}/hooks")


def test_what_others_write_stays_text(page: Page, fake: ControlFake) -> None:
    live(page, fake)
    fake.line("shop", HOSTILE)
    expect(page.locator("#s-shop .text").first).to_have_text(HOSTILE)
    fake.change("mailer", result=HOSTILE, release=HOSTILE)
    expect(page.locator("#s-mailer .result")).to_have_text(HOSTILE)
    fake.tell("alert", {"check": HOSTILE, "message": HOSTILE, "state": "failed", "action": HOSTILE})
    expect(page.locator(".toast")).to_contain_text(HOSTILE)
    page.goto(page.url + "log")
    fake.line("shop", "x" + HOSTILE)
    expect(page.locator("#log .text").last).to_have_text("x" + HOSTILE)
    fake.line("shop", "\x1b[32mgreen\x1b[0m Straße 日本 🎉")
    expect(page.locator("#log .text").last).to_have_text("green Straße 日本 🎉")
    assert page.title() == "Log · " + page.locator(".host").inner_text()
    assert page.locator("main script, main img").count() == 0


def test_an_agent_that_goes_away_is_said_to_and_comes_back(
    page: Page, visit: Visit, fake: ControlFake
) -> None:
    live(page, fake)
    fake.stop()
    banner = page.locator("#banner")
    expect(banner).to_contain_text("The agent has not answered")
    expect(page.locator("#s-shop")).to_be_visible()
    fake.rows["shop"].update(status="stopped", pid=None)
    fake.start()
    expect(banner).to_be_hidden()
    expect(page.locator("#s-shop")).to_have_class("row bad")


def test_a_dashboard_that_restarts_is_found_again(
    page: Page, visit: Visit, fake: ControlFake, host: DashboardHost
) -> None:
    live(page, fake)
    host.end()
    expect(page.locator("#banner")).to_contain_text("Disconnected from the dashboard")
    fake.rows["shop"].update(status="stopped", pid=None)
    host.start()
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("#s-shop")).to_have_class("row bad")
    visit.complaints.clear()


def test_the_log_is_searched_and_followed(
    visit: Visit, page: Page, fake: ControlFake, host: DashboardHost
) -> None:
    page.goto(f"{host.url}/log")
    page.get_by_label("Search").fill("IMG_")
    page.keyboard.press("Enter")
    expect(page.locator("#log .line")).to_have_count(2)
    expect(page.locator("#log-state")).to_contain_text("Following")
    fake.line("thumbnails", "IMG_2293.heic → 4 sizes")
    fake.line("thumbnails", "nothing to see")
    fake.line("shop", "IMG_9999 was ordered", priority=3)
    expect(page.locator("#log .line")).to_have_count(4)
    expect(page.locator("#log .line").last).to_have_class(re.compile("bad"))
    expect(page.locator("#log .of").last).to_have_text("shop")
    page.get_by_role("button", name="Follow").click()
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")
    page.get_by_label("Service").select_option("mailer")
    expect(page.locator("#log")).to_contain_text("No line matches.")
    page.goto(f"{host.url}/log?since=nonsense")
    expect(page.get_by_role("alert")).to_contain_text("journalctl rejects this: nonsense")
    visit.complaints.clear()


def test_a_flood_of_lines_does_not_fill_the_page(page: Page, fake: ControlFake, host: DashboardHost) -> None:
    page.goto(f"{host.url}/log/metrics")
    expect(page.locator("#log-state")).to_contain_text("Following")
    for number in range(900):
        fake.line("metrics", f"line {number}")
    expect(page.locator("#log .text").last).to_have_text("line 899")
    assert page.evaluate("document.querySelector('#log').scrollTop") > 1000


def test_a_run_is_started_and_cancelled(page: Page, fake: ControlFake, host: DashboardHost) -> None:
    page.goto(f"{host.url}/hooks")
    step = page.locator("#h-blog .step").nth(2)
    expect(step.locator(".output")).to_contain_text("63%")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".toast")).to_contain_text("blog: cancelled")
    page.locator("#h-shop").get_by_role("button", name="Run").click()
    expect(page.locator(".toast").last).to_contain_text("shop: run 8 begins")
    assert fake.asked == ["/webhook/blog/cancel", "/webhook/shop/restart"]


def test_it_works_without_javascript(browser: Browser, host: DashboardHost, fake: ControlFake) -> None:
    visit = Visit(browser, host.url, TOKEN, java_script_enabled=False)
    page = visit.page
    page.get_by_role("button", name="Start mailer").click()
    expect(page.get_by_text("mailer: running")).to_be_visible()
    page.get_by_role("button", name="Stop shop").click()
    page.get_by_role("button", name="Stop it").click()
    expect(page.get_by_text("shop: stopped")).to_be_visible()
    visit.go("/config").get_by_role("button", name="Check").click()
    expect(page.get_by_text("It is valid.")).to_be_visible()
    assert fake.asked[:2] == ["/start/mailer", "/stop/shop"]
    visit.close()


def test_five_hundred_services_stay_usable(browser: Browser, host: DashboardHost, fake: ControlFake) -> None:
    fake.reset(lambda made: many(made, 500))
    visit = Visit(browser, host.url, TOKEN)
    page = visit.page
    expect(page.locator(".row")).to_have_count(504)
    page.get_by_label("Filter").fill("service-499")
    expect(page.locator(".row:visible")).to_have_count(1)
    fake.line("service-499", "the last of them")
    expect(page.locator("#s-service-499 .text").first).to_have_text("the last of them")
    assert visit.complaints == []
    visit.close()


def test_a_service_shows_its_history_with_what_happened(visit: Visit, fake: ControlFake) -> None:
    page = visit.page
    page.goto(f"{visit.url}/proc/shop")
    expect(page.locator(".plot")).to_have_count(7)
    expect(page.locator(".plot").first.locator("path.notch")).to_have_count(3)
    expect(page.get_by_role("img", name="CPU: cores in use")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text(re.compile(r"healthy.*image\s*\dd old, 211M", re.S))
    expect(page.locator(".marks tr").first).to_contain_text("release 9f2b41c07e55 by lena")
    page.get_by_role("link", name="7 days").click()
    expect(page).to_have_url(re.compile(r"/proc/shop[?]since=7d$"))
    expect(page.locator(".periods [aria-current]")).to_have_text("7 days")


def test_a_mark_cannot_bring_markup_along(visit: Visit, fake: ControlFake) -> None:
    fake.stats["shop"]["marks"] = [{"at": 2e9, "kind": "deploy", "text": HOSTILE}]
    visit.page.goto(f"{visit.url}/proc/shop")
    expect(visit.page.locator(".marks")).to_contain_text("<script>")
    assert "owned" not in visit.page.title()


def test_without_a_history_a_service_is_shown_all_the_same(visit: Visit, fake: ControlFake) -> None:
    visit.page.goto(f"{visit.url}/proc/mailer")
    expect(visit.page.get_by_text("No data for this period yet")).to_be_visible()
