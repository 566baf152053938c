"""Checks of single values: what reaches Containerfiles, shells and URLs is refused or harmless."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuwa.manifest import checks, quantities
from nuwa.resources import BIN_TEMPLATES

GOOD = [
    (checks.app_name, "a"),
    (checks.app_name, "shop-2"),
    (checks.app_name, "a" * 39),
    (checks.part_name, "mail_worker"),
    (checks.version, "1.0-rc.1"),
    (checks.release, "13"),
    (checks.variable_name, "_A9"),
    (checks.variable_value, ' \n"$HOME" `x` ü\'\t'),
    (checks.package, "libstdc++6"),
    (checks.package, "python3.11-mod_wsgi"),
    (checks.package, "postgresql:15"),
    (checks.python_version, "3.12"),
    (checks.python_version, "2.7"),
    (checks.locale, "sr_RS.UTF-8@latin"),
    (checks.email, "a.b+c@example.co.uk"),
    (checks.http_url, "https://localhost:14000/dir"),
    (checks.http_url, "https://[::1]:14000/dir?x=1"),
    (checks.url_path, "/health/?full=1"),
    (checks.url_prefix, "/assets/v1/"),
    (checks.route_target, "http://127.0.0.1:9000"),
    (checks.route_target, "https://[::1]:9443"),
    (checks.route_target, "http://localhost"),
    (checks.route_target, "unix:/run/api/server.sock"),
    (checks.route_target, "app:shop-2"),
    (checks.borg_repository, "/srv/borg"),
    (checks.borg_repository, "ssh://u@host:23/./repo"),
    (checks.borg_repository, "u@host:repo"),
    (checks.repository, "/srv/borg"),
    (checks.repository, "s3:https://s3.example.com:9000/bucket/path"),
    (checks.repository, "s3:s3.example.com/bucket"),
    (checks.volume_name, "media"),
    (checks.domain, "www.example.com"),
    (checks.domain, "*.example.com"),
    (checks.domain, "localhost"),
    (checks.timezone, "America/Argentina/Buenos_Aires"),
    (checks.timezone, "Etc/GMT+5"),
    (checks.module, "config.wsgi:application"),
    (checks.module, "módulo.app:create_app()"),
    (checks.relative_path, "a b/ü.txt"),
    (checks.absolute_path, "/srv/data"),
    (checks.glob, "*.py[co]"),
    (checks.requirements, "requirements/production.txt"),
    (checks.requirements, "uv.lock"),
    (checks.requirements, "backend/poetry.lock"),
    (checks.requirements, "pylock.web.toml"),
    (checks.requirements, "setup.py"),
    (checks.group_name, "prod_2"),
    (checks.address_part, "host"),
    (checks.instruction, "RUN echo 'it''s' && ldconfig"),
    (checks.instruction, "ENV ORACLE_HOME=/opt/oracle"),
    (checks.address_part, "postgresql+asyncpg://{user}:{password}@{host}:{port}/{name}"),
]

BAD = [
    (checks.app_name, ["", "A", "1a", "a_b", "a-", "a" * 40, "a\n", "ü"]),
    (checks.part_name, ["", "A", "a-", "a/b", "a b"]),
    (checks.volume_name, ["log", "secrets", "static", ".nuwa"]),
    (checks.version, ["", ".1", "a b", "v/1", "a" * 129, "1;x"]),
    (checks.release, ["", "trixie", "9.6", "$(x)"]),
    (
        checks.route_target,
        [
            "",
            "http://api.example.com",
            "127.0.0.1:80",
            "http://127.0.0.1:80/x",
            "unix:run/x",
            "app:",
            "app:A",
        ],
    ),
    (checks.variable_name, ["", "1A", "A-B", "A=B", "Ü", "A" * 128]),
    (checks.variable_value, ["a\0b"]),
    (checks.package, ["", "-y", "foo-", "a;b", "a b", "@group", "a=1", "a\nb", "$(a)", "perl(x)"]),
    (checks.python_version, ["", "3", "3.12.1", "3.x", "2.6", "4.0"]),
    (checks.locale, ["", "de_DE", "de_DE.ISO-8859-1", "de_DE.UTF-8; x", "../x.UTF-8"]),
    (
        checks.email,
        ["", "a", "a@b", "a b@example.com", "a@example.com; x", "-a@example.com", "`x`@example.com"],
    ),
    (checks.http_url, ["", "ftp://a/", "https://a/$(x)", "https://a/`x`", "https://a b/", "https:///x'"]),
    (checks.url_path, ["", "a", "/a b", "/$x", '/"', "/a\n"]),
    (checks.url_prefix, ["", "/", "/a", "a/", "/../", "/a/./", "/a//", "/$/"]),
    (checks.borg_repository, ["", "repo", "-x:y", "--help", "/a b", "/a;b", "$(x):y", "ssh://-oProxy=x/y`"]),
    (
        checks.repository,
        [
            "",
            "s3:",
            "s3:host",
            "s3:https://host/",
            "s3:https://k:v@h/b",
            "s3:ftp://h/b",
            "s3:h/a b",
            "s3:h/$x",
        ],
    ),
    (
        checks.domain,
        ["", ".", "a..b", "-a.de", "a-.de", "a_b.de", "a" * 64 + ".de", "a b", "x;y", "10.0.0.1"],
    ),
    (checks.domain, ["faß.de", "a.*.de", "*", "*.", "xn--.de", "x\ny.de", ".".join(["a" * 60] * 5)]),
    (checks.timezone, ["", "Europe", "Europe/Nowhere", "../etc/passwd", "/etc/passwd", "Europe/Vienna;x"]),
    (checks.module, ["", "a", "a:", ":b", "a.b.c", "a:b c", "a:b()()", "a;b:c", "a-b:c", "1a:b", "a:b(1)"]),
    (checks.relative_path, ["", ".", "/a", "..", "../a", "a/../..", "a/../../b", "a\nb", "a'b", "$a", "a`b"]),
    (checks.absolute_path, ["", "/", "//", "a", "/a/../b", "/a:b", "/a,b", "/a\0", '/a"', "/a$b"]),
    (checks.glob, ["", " ", "/", "../a", "a/../b", "a\nb"]),
    (checks.requirements, ["", "setup.txt.py", "../requirements.txt", "a.in"]),
    (checks.group_name, ["", "-x", "a b", "$(id)"]),
    (
        checks.instruction,
        ["", "FROM x", "USER root", "RUN", "RUN a\nFROM x", "RUN a \\", "RUN cat <<EOF", "run x"],
    ),
    (checks.address_part, ["", "hostname", "{hostname}", "{user}\n", "plain"]),
    (quantities.size, ["", "x", "-1", "1.5G", "0", "0M", True, "9" * 18 + "T", "1 1", "1P"]),
]


@pytest.mark.parametrize(("check", "value"), GOOD, ids=[value for _, value in GOOD])
def test_takes_what_is_in_order_as_it_is(check, value):
    assert check(value) == value


@pytest.mark.parametrize(("check", "value"), [(check, value) for check, values in BAD for value in values])
def test_refuses_what_is_not_and_quotes_it_on_one_line(check, value):
    with pytest.raises(ValueError, match=r".") as refused:
        check(value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("value", "spelling"),
    [
        ("WWW.Example.COM.", "www.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.例え.jp", "*.xn--r8jz45g.jp"),
        ("xn--fa-hia.de", "xn--fa-hia.de"),
    ],
)
def test_brings_domains_into_one_spelling(value, spelling):
    assert checks.domain(value) == spelling
    assert checks.domain(spelling) == spelling


@pytest.mark.parametrize(
    ("value", "amount"),
    [(1, 1), ("512M", 512 * 2**20), ("2g", 2**31), ("10 KiB", 10240), ("1GB", 2**30), ("7", 7)],
)
def test_reads_sizes_as_bytes(value, amount):
    assert quantities.size(value) == amount


@pytest.mark.parametrize(
    ("value", "seconds"), [(0, 0), (90, 90), ("90s", 90), ("10m", 600), ("2 H", 7200), ("1d", 86400)]
)
def test_reads_durations_as_seconds(value, seconds):
    assert quantities.duration(value) == seconds


@pytest.mark.parametrize("value", ["", "m", "-1", "1w", "1.5h", "10 min"])
def test_says_what_a_duration_is(value):
    with pytest.raises(ValueError, match="is not a duration such as 90s, 10m or 2h"):
        quantities.duration(value)


@pytest.mark.parametrize(("value", "clean"), [("./a//b/", "a/b"), ("a/./b", "a/b"), ("a/../b", "b")])
def test_normalises_relative_paths(value, clean):
    assert checks.relative_path(value) == clean


def test_normalises_absolute_paths():
    assert checks.absolute_path("//srv//data/./x/") == "/srv/data/x"


def test_lets_an_empty_text_pass_where_it_means_that_nuwa_chooses():
    optional = checks.OrEmpty(checks.release)
    assert optional("") == ""
    assert re.fullmatch(optional.expression, "")
    with pytest.raises(ValueError, match="release"):
        optional("x")


_ALLOW_LISTS = [
    checks.app_name, checks.part_name, checks.version, checks.release, checks.variable_name, checks.package,
    checks.python_version, checks.locale, checks.email, checks.http_url, checks.url_path, checks.url_prefix,
    checks.borg_repository, checks.repository, checks.domain, checks.timezone,
]  # fmt: skip


@pytest.mark.parametrize(
    "check", _ALLOW_LISTS, ids=[getattr(check, "expected", str(check)) for check in _ALLOW_LISTS]
)
@given(text=st.text(max_size=40) | st.text("aA1.-_/:@*$`'\"\\;|&<> \n%", max_size=20))
def test_nothing_that_a_shell_acts_on_passes_an_allow_list(check, text):
    try:
        value = check(text)
    except ValueError:
        return
    assert not re.search(r"[\s\"'`$\\<>|;]", value), value
    assert not value.startswith("-")
    assert value == check(value)


@pytest.mark.parametrize(
    ("text", "bits"),
    [("50M", 50_000_000), ("64K", 64_000), ("1g", 10**9), (100_000, 100_000), ("2 Mbit/s", 2_000_000)],
)
def test_a_bit_rate_counts_in_thousands(text: object, bits: int):
    assert quantities.bit_rate(text) == bits


@pytest.mark.parametrize("text", ["", "50", "63K", "fast", "50MB", "-1M", "1001G", "1.5M"])
def test_what_is_no_bit_rate_is_refused(text: str):
    with pytest.raises(ValueError, match="bits a second"):
        quantities.bit_rate(text)


def constants(part: str) -> dict[str, int]:
    """The numbers that a part of the scripts declares."""
    text = (BIN_TEMPLATES / "from_image" / part).read_text()
    return {name: int(value) for name, value in re.findall(r"(?m)^readonly (\w+)=(\d+)$", text)}


def test_the_ports_that_no_manifest_may_name_are_those_that_scripts_hand_out():
    slots, ways = constants("reserve"), constants("provision")
    assert slots["FIRST_PORT"] in checks.NUWA_PORTS
    assert slots["LAST_PORT"] == checks.NUWA_PORTS[-1]
    assert ways["FIRST_DATABASE_PORT"] == checks.NUWA_PORTS[0]
    assert ways["LAST_DATABASE_PORT"] == slots["FIRST_PORT"] - 1


@pytest.mark.parametrize(
    "repository",
    [
        "s3:https://h.example/bucket",
        "s3:h.example:9000/bucket/a/b/",
        "s3:h.example",
        "s3:https://h/a b",
        "s3:/b",
    ],
)
def test_the_option_repository_takes_the_object_storage_that_a_manifest_takes(repository: str):
    text = (BIN_TEMPLATES / "from_image/restic").read_text()
    (expression,) = re.findall(r"\$REPOSITORY =~ \^(s3:.*)\$ \]\]", text)
    assert bool(re.fullmatch(expression, repository)) == bool(
        re.fullmatch(checks.object_storage.expression, repository)
    )
