"""What certbot's output after a failure means: the cause, when to retry, and what to do about it."""

from __future__ import annotations

import calendar
import re
import time
from contextlib import suppress
from dataclasses import dataclass

_EACH_TIME = re.compile(
    r"Saving debug log|Ask for help|Hint:|Account registered|Requesting a|Renewing an"
    r"|An unexpected error occurred:|Some challenges have failed|- -|\s*\Z"
)
"""Lines that certbot prints in any case."""
_LIMITED = re.compile(r"rate ?limit|too many (certificates|requests|failed|new|currently)", re.IGNORECASE)
_RETRY_AFTER = re.compile(r"retry after (\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})")
"""How rate limits are reported: "…, retry after 2026-11-26 09:30:00 UTC: see …"."""
_LIMIT_WITHOUT_A_TIME_S = 24 * 3600

_LOST_ACCOUNT = re.compile(r"accountDoesNotExist|Account .* not found")
_BAD_NONCE = re.compile(r"badNonce|anti-replay nonce")

_REMEDIES = (
    (r"No space left", "The disk is full: make room below {folder}."),
    (r"Another instance of Certbot", "certbot is already running here: wait until it has finished."),
    (
        r"ConnectionError|Max retries exceeded|Error: Requesting |requests\.exceptions",
        "This host cannot reach {server}. Check its address, DNS and firewall.",
    ),
    (
        r"Type:   caa",
        "A CAA record in the DNS excludes this authority. Add it to the record, or use another.",
    ),
)
_REMEDIES_OF_DNS = (
    (
        r"PluginError",
        "The DNS could not be changed: check the file of [tls] dns_credentials, and whether its server "
        "answers.",
    ),
    (
        r"Type:   ",
        "The authority did not find the record. If it takes a while to propagate, raise [tls] dns_wait "
        "(seconds).",
    ),
)
_OTHER_REMEDIES = (
    (
        r"NXDOMAIN|Type:   dns|SERVFAIL",
        "Give the domain an A (and AAAA) record that points to this host; new records take a while to "
        "propagate.",
    ),
    (
        r"Type:   connection",
        "Port 80 of the domain must reach this host from the internet: check its DNS, firewall and router.",
    ),
    (
        r"Type:   unauthorized",
        "The authority found something else there: check that the DNS of each domain points only to this "
        "host.",
    ),
    (r"", "See certbot's log, {log}."),
)


@dataclass(frozen=True)
class Advice:
    """How to react to a failure.

    Args:
        said: the lines that describe the failure.
        until: seconds since 1970 before which the authority must not be asked again. None: no limit stated.
        repeat: `account`: the authority no longer knows the account, which certbot creates again once its
            files are gone; `nonce`: it refused a nonce, as it may at any time; empty: a retry would not help.
        remedy: a sentence for the operator.
    """

    said: tuple[str, ...]
    until: int | None
    repeat: str
    remedy: str


def advise(output: str, challenge: str, server: str, folder: str, log: str, *, now: float) -> Advice:
    """Interpret certbot's output.

    Args:
        output: all of it.
        challenge: `http-01` or `dns-01`.
        server: URL of the ACME server; empty: certbot's own choice.
        folder: certbot's folder of data.
        log: certbot's own log file.
        now: seconds since 1970.
    """
    until = _until(output, now)
    if until is None:
        remedy = _remedy(output, challenge).format(
            server=f"the ACME server {server}" if server else "certbot's ACME server", folder=folder, log=log
        )
    else:
        remedy = (
            "Rate-limited by the certificate authority; next attempt after "
            f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(until))} UTC."
        )
    said = tuple(line for line in output.splitlines() if not _EACH_TIME.match(line))
    return Advice(said or ("certbot failed without a message",), until, _repeat(output), remedy)


def _until(output: str, now: float) -> int | None:
    if not _LIMITED.search(output):
        return None
    found = _RETRY_AFTER.search(output)
    with suppress(ValueError):
        if found:
            return calendar.timegm(time.strptime(f"{found[1]} {found[2]}", "%Y-%m-%d %H:%M:%S"))
    return int(now) + _LIMIT_WITHOUT_A_TIME_S


def _repeat(output: str) -> str:
    if _LOST_ACCOUNT.search(output):
        return "account"
    return "nonce" if _BAD_NONCE.search(output) else ""


def _remedy(output: str, challenge: str) -> str:
    remedies: tuple[tuple[str, str], ...] = (
        *_REMEDIES,
        *(_REMEDIES_OF_DNS if challenge == "dns-01" else ()),
        *_OTHER_REMEDIES,
    )
    return next(text for pattern, text in remedies if re.search(pattern, output))


def as_lines(advice: Advice) -> list[str]:
    """For the scripts: seconds since 1970 or nothing, what may be repeated, the remedy, the cause."""
    until = "" if advice.until is None else str(advice.until)
    return [until, advice.repeat, advice.remedy, *advice.said]
