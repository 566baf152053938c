"""Values of the site's sections: what is taken, in which spelling, and what is refused."""

from __future__ import annotations

import pytest

from nuwa.manifest import cdn, site_checks


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("cloudflare", "cloudflare"),
    ],
)
def test_a_proxy_is_an_address_a_range_or_a_cdn(given: str, taken: str):
    assert site_checks.trusted_proxy(given) == taken


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("10.0.0.1/8", "with its first address, 10.0.0.0/8"),
        ("10.0.0.0/33", "not an address or range"),
        ("300.1.1.1", "not an address or range"),
        ("akamai", "cloudflare, fastly"),
        ("0.0.0.0/0", "covers all addresses"),
        ("::/0", "covers all addresses"),
        ("10.0.0.1; allow all", "not an address or range"),
    ],
)
def test_what_is_no_proxy_says_why(given: str, words: str):
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        site_checks.trusted_proxy(given)


@pytest.mark.parametrize("name", ["Content-Length", "set-cookie", "A B", "X-A:", "X\r\nY", "", "1x"])
def test_headers_that_are_not_the_manifests_are_refused(name: str):
    with pytest.raises(ValueError, match=r"header|can set it"):
        site_checks.header_name(name)


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\0", "$host", "é", "x" * 4001])
def test_a_header_holds_one_line_and_no_variable(value: str):
    with pytest.raises(ValueError, match=r"printable|dollar"):
        site_checks.header_value(value)


@pytest.mark.parametrize("value", ["/a b", "//evil.example", "/a/../b", "/a;b", "a", "/a?b", "/{a}", "/a\n"])
def test_a_path_has_nothing_that_nginx_would_read(value: str):
    with pytest.raises(ValueError, match="is not a path"):
        site_checks.site_path(value)


@pytest.mark.parametrize(
    "value",
    ["//evil.example/", "javascript:alert(1)", "https://", "https://a b/", "/a$request_uri", "/a;", "x"],
)
def test_a_target_is_a_path_or_an_address(value: str):
    with pytest.raises(ValueError, match="is not a path"):
        site_checks.redirect_target(value)


@pytest.mark.parametrize(
    "value", ["/", "/a", "/a/", "/a?b=c", "https://a.example", "http://a.example:81/b/?c=%2F"]
)
def test_targets_stay_as_they_are(value: str):
    assert site_checks.redirect_target(value) == value


@pytest.mark.parametrize("name", [name for name in cdn.CDNS if cdn.CDNS[name].as_of])
def test_the_ranges_of_a_cdn_read_back_as_published(name: str):
    ranges = cdn.CDNS[name].ranges
    assert cdn.published("\n".join(ranges)) == ranges
    assert len(set(ranges)) == len(ranges)


def test_published_lists_are_lines_or_json():
    assert cdn.published("173.245.48.0/20\n2400:cb00::/32\n") == ("173.245.48.0/20", "2400:cb00::/32")
    text = '{"addresses":["23.235.32.0/20"],"ipv6_addresses":["2a04:4e40::/32"]}'
    assert cdn.published(text) == ("23.235.32.0/20", "2a04:4e40::/32")
    everywhere, regional = '"CLOUDFRONT_GLOBAL_IP_LIST"', '"CLOUDFRONT_REGIONAL_EDGE_IP_LIST"'
    text = f'{{{everywhere}: ["120.52.22.96/27"], {regional}: ["3.11.53.0/24"]}}'
    assert cdn.published(text) == ("120.52.22.96/27", "3.11.53.0/24")


@pytest.mark.parametrize(
    "text", ["", "<html>no</html>", "{}", '{"addresses": 1}', "0.0.0.0/0", "2000::/3", "10.0.0.0/8\n" * 2001]
)
def test_what_no_cdn_publishes_is_refused(text: str):
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the standard library's in some cases
        cdn.published(text)
