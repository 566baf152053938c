"""What certbot prints of a failure becomes advice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuwa.render.certbot_advice import Advice, advise, as_lines

NOW = 1_800_000_000.0
LIMIT = (
    "Error creating new order :: too many certificates (5) already issued for this exact set of "
    "identifiers in the last 168h0m0s, retry after 2099-01-02 03:04:05 UTC: see https://letsencrypt.org/docs/rate-limits/"
)


def advice(output: str, challenge: str = "http-01", server: str = "") -> Advice:
    return advise(output, challenge, server, "/srv/blog", "/srv/blog/log", now=NOW)


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("OSError: [Errno 28] No space left on device", "make room below /srv/blog"),
        ("Another instance of Certbot is already running.", "wait until it has finished"),
        ("requests.exceptions.ConnectionError: refused", "cannot reach certbot's ACME server"),
        ("  Type:   caa\n", "A CAA record"),
        ("  Detail: DNS problem: NXDOMAIN looking up A for x", "an A (and AAAA) record"),
        ("  Type:   dns\n  Type:   connection", "an A (and AAAA) record"),
        ("  Type:   connection\n", "Port 80 of the domain"),
        ("  Type:   unauthorized\n", "found something else there"),
        ("something unheard of", "See certbot's log, /srv/blog/log"),
    ],
)
def test_a_failure_has_a_remedy(output: str, remedy: str):
    assert remedy in advice(output).remedy


def test_a_server_that_was_named_is_named():
    found = advice("Max retries exceeded", server="https://acme.example/dir")
    assert "cannot reach the ACME server https://acme.example/dir" in found.remedy


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("certbot.errors.PluginError: refused", "dns_credentials"),
        ("  Type:   unauthorized\n", "dns_wait"),
        ("  Type:   caa\n", "A CAA record"),
    ],
)
def test_a_challenge_over_dns_has_remedies_of_its_own(output: str, remedy: str):
    assert remedy in advice(output, "dns-01").remedy


def test_a_limit_is_kept_until_the_time_that_it_names():
    found = advice(LIMIT)
    assert found.until == 4_071_006_245
    assert found.remedy.endswith("next attempt after 2099-01-02 03:04:05 UTC.")


@pytest.mark.parametrize("when", ["", ", retry after 2026-99-99 03:04:05 UTC", ", retry after tomorrow"])
def test_a_limit_without_a_time_lasts_a_day(when: str):
    assert advice(f"urn:ietf:params:acme:error:rateLimited{when}").until == NOW + 24 * 3600


@pytest.mark.parametrize(
    ("output", "repeat"),
    [
        ("urn:ietf:params:acme:error:accountDoesNotExist", "account"),
        ("Account https://acme.example.com/acct/1 not found.", "account"),
        ("urn:ietf:params:acme:error:badNonce", "nonce"),
        ("  Type:   connection", ""),
    ],
)
def test_what_may_be_asked_once_more(output: str, repeat: str):
    assert advice(output).repeat == repeat


def test_what_is_printed_each_time_is_left_out():
    output = "Saving debug log to /x\nRequesting a certificate for x\n\n- - - -\nThe reason\nAsk for help\n"
    assert advice(output).said == ("The reason",)
    assert advice("Saving debug log to /x\n").said == ("certbot failed without a message",)


def test_the_scripts_get_lines():
    assert as_lines(advice(LIMIT)) == ["4071006245", "", advice(LIMIT).remedy, LIMIT]
    assert as_lines(advice("a\nb"))[:2] == ["", ""]


@settings(max_examples=60, deadline=None)
@given(st.text(), st.sampled_from(["http-01", "dns-01"]))
def test_whatever_was_printed_there_is_advice_of_one_line_each(output: str, challenge: str):
    lines = as_lines(advice(output, challenge))
    assert len(lines) >= 4
    assert all(len(line.splitlines()) <= 1 for line in lines)
    assert lines[2].endswith((".", "?"))
