"""Debian's Chromium, driven by playwright, whose package contains no browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nuwa.errors import NuwaError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for the duration of the block.

    Raises:
        NuwaError: it is not installed.
    """
    # Imported late: code that measures something else needs no playwright.
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        raise NuwaError("chromium is missing", hint="script/test and script/bench install it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()
