"""What `[site]`, `[[path]]` and `[[redirect]]` do, in this machine's own nginx."""

from __future__ import annotations

import base64
import subprocess
import tomllib
from collections.abc import Iterator
from textwrap import dedent

import pytest
from nginx_site import DOMAIN, Site, running

from nuwa.manifest.load import validate
from nuwa.manifest.model import App

OLD = "old.example.com"
OWN = """
# From the project: braces } in comments and "texts" { end nothing.
location ~* \\.(?:php|asp)$ { return 404 "no } here"; }
location /raw/ {
  proxy_pass http://nuwa_blog;
  proxy_set_header X-Raw "1; }";
}
if ($arg_old) { return 302 /new$is_args; }
"""
CLIENT = "203.0.113.9"


def manifest(text: str) -> App:
    start = '[app]\nname = "blog"\n[server]\nmodule = "a:b"\nmax_body = "1K"\n'
    return validate(tomllib.loads(start + dedent(text)), "nuwa.toml")


def passwords(site: Site) -> None:
    """What bin/install writes for a secret with ann:secret and bob:hunter2."""
    users = site.folder / "volumes/.nuwa/users"
    users.mkdir(parents=True)
    for name, word in (("ann", "secret"), ("bob", "hunter2")):
        command = ["openssl", "passwd", "-6", "-stdin"]
        done = subprocess.run(command, input=f"{word}\n", capture_output=True, text=True, check=True)
        with (users / "USERS").open("a") as file:
            file.write(f"{name}:{done.stdout}")


def basic(user: str, word: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{word}".encode()).decode()


def challenge(site: Site, **headers: str) -> tuple[int, bytes]:
    """What an authority gets that asks for what certbot has put there."""
    folder = site.folder / "volumes/.nuwa/acme/.well-known/acme-challenge"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "token").write_text("proof")
    status, _, body = site.get("/.well-known/acme-challenge/token", plain=True, **headers)
    return status, body


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Nobody is believed here."""
    app = manifest(
        f"""
        [static]
        directory = "static"

        [site.headers]
        Permissions-Policy = 'camera=(), x=(self "https://a.example.com")'
        X-Frame-Options = "DENY"
        X-Powered-By = ""

        [[path]]
        path = "/upload"
        max_body = "10K"

        [[path]]
        path = "/upload/embedded/"
        headers.X-Frame-Options = ""
        headers.X-Here = "1"

        [[path]]
        path = "/static/fonts"
        headers = {{ Access-Control-Allow-Origin = "*" }}

        [[path]]
        path = "/login"
        rate = "1/m"
        burst = 2

        [[protect]]
        path = "/admin"
        users_secret = "USERS"

        [[protect]]
        path = "/admin/status"
        allow = ["127.0.0.1"]

        [[protect]]
        path = "/upload/secret"
        allow = ["203.0.113.0/24"]

        [[protect]]
        path = "/static/private"
        users_secret = "USERS"

        [[redirect]]
        source = "/blog/"
        to = "/news/"
        status = 308

        [[protect]]
        path = "/old"
        users_secret = "USERS"

        [[redirect]]
        source = "/old"
        to = "/news/"

        [[redirect]]
        source = "/adm"
        to = "/admin/"

        [[redirect]]
        source = "/about.html"
        to = "/about"

        [[redirect]]
        source = "{OLD}"
        to = "https://{DOMAIN}/from/"
        status = 302
        """
    )
    with running(tmp_path_factory.mktemp("front"), app, [DOMAIN, OLD], OWN) as found:
        passwords(found)
        yield found


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """This machine is a proxy that is believed."""
    app = manifest(
        """
        [site]
        trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]
        rate = "1/m"
        burst = 3

        [static]
        directory = "static"

        [[path]]
        path = "/free"
        rate = "1000/s"
        burst = 1000

        [[protect]]
        path = "/office"
        allow = ["198.51.100.0/24", "2001:db8:5::/48"]
        users_secret = "USERS"

        [[protect]]
        path = "/vault"
        allow = ["198.51.100.0/24"]
        users_secret = "USERS"
        require = "all"
        """
    )
    with running(tmp_path_factory.mktemp("behind"), app) as found:
        passwords(found)
        yield found


def test_headers_of_the_manifest_stand_in_place_of_the_apps_and_of_nuwas_own(site: Site) -> None:
    status, got, _ = site.get("/")
    assert status == 200
    assert got["Permissions-Policy"] == 'camera=(), x=(self "https://a.example.com")'
    assert got.get_all("X-Frame-Options") == ["DENY"]
    assert got["X-Powered-By"] is None
    assert got["X-Content-Type-Options"] == "nosniff"


def test_a_path_with_a_header_of_its_own_keeps_all_others(site: Site) -> None:
    for path in ("/upload/embedded", "/upload/embedded/x"):
        _, got, _ = site.get(path)
        assert (got["X-Here"], got["X-Frame-Options"], got["X-Powered-By"]) == ("1", None, None)
        assert got["X-Content-Type-Options"] == "nosniff"
        assert got["Permissions-Policy"]
    assert site.get("/upload/embeddedx")[1]["X-Here"] is None


def test_files_get_the_headers_of_the_site_and_of_their_path(site: Site) -> None:
    site.release("one", {"a.css": b"a", "fonts/b.woff2": b"b"})
    _, css, _ = site.get("/static/a.css")
    _, font, body = site.get("/static/fonts/b.woff2")
    assert (css["X-Frame-Options"], css["Access-Control-Allow-Origin"]) == ("DENY", None)
    assert (font["X-Frame-Options"], font["Access-Control-Allow-Origin"], body) == ("DENY", "*", b"b")
    assert font["Cache-Control"] == css["Cache-Control"] == "public, no-cache"
    former = site.root / "former/fonts"
    former.mkdir(parents=True)
    (former / "c.woff2").write_bytes(b"c")
    (former.parent / "d.css").write_bytes(b"d")
    _, font, body = site.get("/static/fonts/c.woff2")
    _, css, _ = site.get("/static/d.css")
    assert (font["X-Frame-Options"], font["Access-Control-Allow-Origin"], body) == ("DENY", "*", b"c")
    assert (css["X-Frame-Options"], css["Access-Control-Allow-Origin"]) == ("DENY", None)


def test_the_largest_body_is_that_of_the_path(site: Site) -> None:
    for path, size, expected in (
        ("/", 1024, 200),
        ("/", 1025, 413),
        ("/upload", 10240, 200),
        ("/upload/x", 10240, 200),
        ("/upload/embedded/x", 10240, 200),
        ("/upload/x", 10241, 413),
        ("/uploads", 1025, 413),
    ):
        assert site.ask("POST", path, b"x" * size)[0] == expected, (path, size)


def test_a_redirect_keeps_the_rest_of_the_path_as_it_was_sent(site: Site) -> None:
    for path, place in (
        ("/blog/a%20b%0d%0aX:1?c=d%2F", "/news/a%20b%0d%0aX:1?c=d%2F"),
        ("/blog/", "/news/"),
        ("/about.html?x=1", "/about?x=1"),
        ("//blog/a", "/news/"),
    ):
        status, got, _ = site.get(path)
        assert (status, got["Location"]) == (301 if "about" in path else 308, f"https://{DOMAIN}{place}")
    assert site.get("/about.html/x")[0] == 200
    assert site.get("/blog/a", Host=f"{DOMAIN}:8443")[1]["Location"] == f"https://{DOMAIN}:8443/news/a"


def test_a_domain_that_moved_is_sent_on_over_both(site: Site) -> None:
    for plain in (False, True):
        status, got, _ = site.get("/a?b", plain=plain, Host=OLD)
        assert (status, got["Location"]) == (302, f"https://{DOMAIN}/from/a?b")


def test_nobody_is_believed_who_is_not_named(site: Site) -> None:
    seen = site.seen("/", X_Forwarded_For=CLIENT, CF_Connecting_IP=CLIENT, X_Real_IP=CLIENT)
    assert (seen["x-forwarded-for"], seen["x-real-ip"]) == ("127.0.0.1", "127.0.0.1")
    status, _, body = site.get("/", plain=True, X_Forwarded_Proto="https")
    assert (status, b"trusted_proxies" in body) == (508, True)


def test_the_client_is_who_the_trusted_proxies_say(behind: Site) -> None:
    for chain in (CLIENT, f"1.2.3.4, {CLIENT}", f"1.2.3.4, {CLIENT}, 10.1.2.3"):
        seen = behind.seen("/free", X_Forwarded_For=chain)
        assert (seen["x-forwarded-for"], seen["x-real-ip"]) == (CLIENT, CLIENT)
    assert (behind.folder / "access.log").read_text().splitlines()[-1].startswith(f"{CLIENT} ")


def test_behind_a_proxy_that_ends_tls_nobody_is_sent_around(behind: Site) -> None:
    status, _, body = behind.get("/free", plain=True, X_Forwarded_Proto="https")
    assert (status, b'"x-forwarded-proto": "https"' in body) == (200, True)
    for told in ({}, {"X_Forwarded_Proto": "http"}):
        status, got, _ = behind.get("/a?b", plain=True, **told)
        assert (status, got["Location"]) == (301, f"https://{DOMAIN}/a?b")
    assert behind.seen("/free", X_Forwarded_Proto="http")["x-forwarded-proto"] == "https"
    assert behind.get("/", plain=True, X_Forwarded_Proto="https", Host="other.example.com")[0] == 421


def test_a_challenge_is_answered_over_plain_http(behind: Site) -> None:
    for told in ({}, {"X_Forwarded_Proto": "https"}):
        assert challenge(behind, **told) == (200, b"proof")


def test_a_protected_path_asks_for_a_password(site: Site) -> None:
    for path in ("/admin", "/admin/", "/admin/x?y=/..", "//admin/x", "/%61dmin/x", "/admin%2Fx"):
        status, got, _ = site.get(path)
        assert (status, got["WWW-Authenticate"]) == (401, 'Basic realm="blog"'), path
        assert site.get(path, Authorization=basic("ann", "hunter2"))[0] == 401
        assert site.get(path, Authorization=basic("bob", "hunter2"))[0] == 200
    assert site.get("/administration")[0] == 200


def test_a_redirect_takes_nothing_from_a_protected_path(site: Site) -> None:
    assert site.get("/adm")[1]["Location"] == f"https://{DOMAIN}/admin/"
    assert site.get("/old")[1]["Location"] == f"https://{DOMAIN}/news/"
    assert [site.get(path)[0] for path in ("/old/", "/old/x", "/older")] == [401, 401, 200]


def test_the_app_sees_no_path_that_nginx_would_resolve_to_another(site: Site) -> None:
    for path in ("/admin/../x", "/admin/..", "/admin%2F..%2Fx", "/admin/%2e%2E/x?y", "/admin/.//x", "/./a"):
        assert site.get(path)[0] == 400, path
    for path in ("/a..b/x", "/...", "/a?b=/../c", "/.hidden/.x"):
        assert site.get(path)[0] == 200, path


def test_a_password_for_nginx_does_not_reach_the_app_and_a_token_does(site: Site) -> None:
    assert "authorization" not in site.seen("/admin", Authorization=basic("ann", "secret"))
    token = site.seen("/", Authorization="Bearer abc")
    assert token["authorization"] == "Bearer abc"


def test_a_deeper_path_has_its_own_rule_alone(site: Site) -> None:
    assert site.get("/admin/status")[0] == 200
    assert site.get("/upload/secret/x")[0] == 403
    assert site.ask("POST", "/upload/secret", b"x")[0] == 403


def test_files_of_a_protected_path_ask_too(site: Site) -> None:
    site.release("two", {"private/a.txt": b"a", "b.txt": b"b"})
    assert site.get("/static/b.txt")[0] == 200
    assert site.get("/static/private/a.txt")[0] == 401
    assert site.get("/static/private/gone.txt")[0] == 401
    assert site.get("/static/private/a.txt", Authorization=basic("ann", "secret"))[2] == b"a"


def test_an_address_of_the_list_needs_no_password_unless_both_are_asked_for(behind: Site) -> None:
    word = basic("ann", "secret")
    asked = (
        ("/office", "198.51.100.7", "", 200),
        ("/office", "2001:db8:5:1::9", "", 200),
        ("/office", "203.0.113.1", "", 401),
        ("/office", "203.0.113.2", word, 200),
        ("/vault", "198.51.100.8", "", 401),
        ("/vault", "198.51.100.9", word, 200),
        ("/vault", "203.0.113.3", word, 403),
    )
    for path, client, told, expected in asked:
        headers = {"Authorization": told} if told else {}
        assert behind.get(path, X_Forwarded_For=client, **headers)[0] == expected, (path, client)


def test_a_client_that_asks_too_often_is_told_so_and_no_other_is(behind: Site) -> None:
    first = [behind.get("/", X_Forwarded_For="192.0.2.1")[0] for _ in range(6)]
    assert first == [200] * 4 + [429] * 2
    assert behind.get("/", X_Forwarded_For="192.0.2.2")[0] == 200
    assert behind.get("/free", X_Forwarded_For="192.0.2.1")[0] == 200
    assert behind.get("/static/none.css", X_Forwarded_For="192.0.2.1")[0] == 404
    # One line of somebody's has 2^64 addresses.
    network = [behind.get("/", X_Forwarded_For=f"2001:db8:1:2::{number}")[0] for number in range(5)]
    assert network == [200] * 4 + [429]
    assert behind.get("/", X_Forwarded_For="2001:db8:1:3::1")[0] == 200


def test_a_path_has_a_rate_of_its_own(site: Site) -> None:
    assert [site.get("/login")[0] for _ in range(4)] == [200] * 3 + [429]
    assert site.get("/login/x")[0] == 429
    assert site.get("/")[0] == 200


def test_maintenance_needs_no_reload_and_spares_who_is_allowed(behind: Site) -> None:
    folder = behind.folder / "volumes/.nuwa/maintenance"
    (folder / "allow").mkdir(parents=True)
    (folder / "page.html").write_text("<h1>Later</h1>")
    (folder / "allow/203.0.113.7").touch()
    (folder / "allow/2001:db8::1").touch()
    assert behind.get("/free")[0] == 200
    (folder / "on").touch()
    try:
        for method, path in (("GET", "/free"), ("POST", "/x"), ("GET", "/static/a.css"), ("GET", "/vault")):
            status, got, body = behind.ask(method, path, b"x" if method == "POST" else None)
            assert (status, body, got["Retry-After"]) == (503, b"<h1>Later</h1>", "300"), path
            assert (got["Cache-Control"], got["Content-Type"]) == ("no-store", "text/html")
        for client in ("203.0.113.7", "2001:DB8:0::1"):
            assert behind.get("/free", X_Forwarded_For=client)[0] == 200
        assert behind.get("/free", X_Forwarded_For="203.0.113.8")[0] == 503
        assert behind.get("/.nuwa-maintenance")[0] == 404
        for told in ({}, {"X_Forwarded_Proto": "https"}):
            assert challenge(behind, **told) == (200, b"proof")
        assert "503" not in (behind.folder / "access.log").read_text()
    finally:
        (folder / "on").unlink()
    assert behind.get("/free")[0] == 200


def test_lines_of_the_projects_own_hold_in_its_site(site: Site) -> None:
    assert site.get("/wp-login.PHP")[::2] == (404, b"no } here")
    assert site.seen("/raw/x")["x-raw"] == "1; }"
    assert site.get("/?old=1")[0] == 302
    assert site.get("/blog/x")[0] == 308
