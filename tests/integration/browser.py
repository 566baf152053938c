"""Chromium, driven by playwright, and what is held against every page that it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


expect.set_options(timeout=30_000)


class Visit:
    """A window of its own, which notes what a page must not do."""

    def __init__(self, browser: Browser, url: str, token: str, **options: Any) -> None:
        self.url = url
        self._context = browser.new_context(viewport=options.pop("viewport", DESKTOP), **options)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(60_000)
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._request)
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.page.goto(f"{url}/?token={token}")

    def go(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def close(self) -> None:
        self._context.close()

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _request(self, request: Any) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc:
            self.elsewhere.append(request.url)


FAULTS = Path(__file__).with_name("page_faults.js").read_text()


def faults(page: Page) -> list[str]:
    """What a person who sees little, or hears the page, or holds a phone, would stumble over."""
    found: list[str] = page.evaluate(FAULTS)
    return found
