"""The site's configuration in this machine's own nginx, in front of a small server."""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Iterator

import pytest
from nginx_site import DOMAIN, Site, running

from nuwa.manifest.model import App, AppSection, Server
from nuwa.manifest.site import Static

KEPT = "public, max-age=31536000, immutable"
ASKED = "public, no-cache"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    app = App(AppSection("blog"), Server("blog.wsgi:application"), static=Static("static"))
    with running(tmp_path_factory.mktemp("site"), app) as found:
        yield found


def test_a_static_file_that_changed_and_kept_its_length_is_sent_again(site: Site) -> None:
    """Also where a browser or a proxy asks by time alone, and for the copy that is compressed already."""
    big = b"a{color:red }" * 200
    site.release("one", {"site.css": big, "site.css.gz": b"one", "same.css": b"same"})
    asked = {"site.css": {}, "same.css": {}, "compressed": {"Accept_Encoding": "gzip"}}
    first = {}
    for name, headers in asked.items():
        path = "/static/site.css" if name == "compressed" else f"/static/{name}"
        status, got, _ = site.get(path, **headers)
        assert status == 200
        first[name] = (path, headers, got)
        for again in conditions(got):
            assert site.get(path, **headers, **again)[0] == 304
    site.release(
        "two", {"site.css": big.replace(b"red ", b"blue"), "site.css.gz": b"two", "same.css": b"same"}
    )
    for name, (path, headers, got) in first.items():
        for again in conditions(got):
            assert site.get(path, **headers, **again)[0] == (304 if name == "same.css" else 200), name


def conditions(got: http.client.HTTPMessage) -> list[dict[str, str]]:
    return [{"If_None_Match": got["ETag"]}, {"If_Modified_Since": got["Last-Modified"]}]


def test_only_files_whose_name_changes_with_their_content_are_kept_for_ever(site: Site) -> None:
    files = {
        "assets/index-B9_478Dj.js": KEPT,
        "assets/index-Xa3onzW1.css": KEPT,
        "main.87050cb60993f42d95ea.js": KEPT,
        "css/base.27e20196a850.css": KEPT,
        "report-20240131.txt": ASKED,
        "fonts/Inter-SemiBold.woff2": ASKED,
        "site.css": ASKED,
    }
    site.release("names", {name: name.encode() for name in files})
    for name, kept in files.items():
        status, got, body = site.get(f"/static/{name}")
        assert (status, got["Cache-Control"], body) == (200, kept, name.encode())
        status, got, _ = site.get(f"/static/{name}", If_None_Match=got["ETag"])
        assert (status, got["Cache-Control"]) == (304, kept)
    # Files of before nuwa gave them times, or that somebody copied by hand.
    os.utime(site.root / "current/main.87050cb60993f42d95ea.js")
    time.sleep(1.2)
    assert site.get("/static/main.87050cb60993f42d95ea.js")[1]["Cache-Control"] == ASKED


def test_a_response_may_have_sixty_thousand_bytes_of_headers(site: Site) -> None:
    status, got, body = site.get("/?60000")
    assert (status, len(got["X-Long"])) == (200, 60000)
    assert body


def test_a_proxy_that_ends_tls_and_comes_in_plain_is_told_instead_of_sent_back_for_ever(site: Site) -> None:
    status, got, _ = site.get("/a?b", plain=True)
    assert (status, got["Location"]) == (301, f"https://{DOMAIN}/a?b")
    assert site.get("/", plain=True, X_Forwarded_Proto="http")[0] == 301
    for words in ("https", "HTTPS", "https, http"):
        status, got, body = site.get("/", plain=True, X_Forwarded_Proto=words)
        assert (status, got["Location"]) == (508, None)
        assert b"port 443" in body
    assert site.get("/", X_Forwarded_Proto="https")[0] == 200
