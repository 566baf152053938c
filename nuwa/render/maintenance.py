"""The page that visitors see while the site is closed, and the addresses that still reach the site."""

from __future__ import annotations

import html
import ipaddress
import json
from pathlib import Path

from nuwa.names import PROJECT
from nuwa.render.facts import FactsError

OWN_PAGE = Path(PROJECT, "maintenance.html")
MARK = "<!-- message -->"
"""The placeholder for the message in the project's own page."""
DEFAULT = "This site is being worked on and will be back soon."
MAX_PAGE_BYTES = 1024 * 1024
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Maintenance</title>
<style>
body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1.5rem }
</style>
<h1>Maintenance</h1>
<p><!-- message --></p>
"""


def answer(text: str, own_page: Path = OWN_PAGE) -> str:
    """The answer for bin/maintenance, as JSON.

    Args:
        text: JSON with `message` and `allow`, a list of addresses.
        own_page: the path of the project's page, if it has one.

    Raises:
        FactsError: an address is invalid, or the page cannot be used.
    """
    given = json.loads(text)
    return json.dumps(
        {"page": page(given["message"], own_page), "allow": [_address(one) for one in given["allow"]]}
    )


def page(message: str, own_page: Path = OWN_PAGE) -> str:
    """The page with a message, given as plain text."""
    if not own_page.is_file():
        return _PAGE.replace(MARK, html.escape(message or DEFAULT))
    raw = own_page.read_bytes()
    if len(raw) > MAX_PAGE_BYTES:
        raise FactsError("fact page: maintenance.html is larger than 1 MiB")
    return raw.decode(errors="replace").replace(MARK, html.escape(message))


def _address(text: str) -> str:
    """The address in nginx's notation."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise FactsError(f"fact allow: {text!r} is not an address such as 203.0.113.7") from None
