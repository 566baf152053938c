"""What the server does in a pod in place of nginx: the same answers for WSGI and for ASGI."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nuwa.process import run
from nuwa.render import static_index
from nuwa.resources import IMAGES

CSS = "app.0123456789ab.css"
FILES = {
    CSS: "a{}" * 999,
    "plain.txt": "0123456789",
    "sub/é.js": "x",
    "page.html": "<p>",
    "docs/index.html": "<h1>",
}


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


front_module = load("nuwa_front", IMAGES / "nuwa_python/rootfs/usr/lib/nuwa/nuwa_front.py")
asgi_module = load("nuwa_front_asgi", IMAGES / "app/rootfs-uvicorn/usr/lib/nuwa/nuwa_front_asgi.py")


class Answer:
    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.body = status, body
        self.headers = {name.lower(): value for name, value in headers}
        assert len(self.headers) == len(headers), "a header comes twice"


Ask = Callable[..., Answer]


@pytest.fixture
def front(tmp_path: Path) -> Any:
    static, media = tmp_path / "static", tmp_path / "media"
    for name, text in FILES.items():
        (static / name).parent.mkdir(parents=True, exist_ok=True)
        (static / name).write_text(text)
    (static / f"{CSS}.gz").write_bytes(b"packed")
    media.mkdir()
    (media / "a.html").write_text("<script>")
    (media / "album").mkdir()
    (media / "album/index.html").write_text("<ol>")
    (media / "a.pdf").write_text("pdf")
    (media / "link").symlink_to("/etc/passwd")
    (media / "folder").symlink_to("/etc")
    settings = {
        "max_body": 100,
        "bodies": [["/upload/small", 50], ["/upload", 1000]],
        "static_url": "/static/",
        "static_folder": str(static),
        "uploads": [["/media/", str(media)]],
        "types": static_index.TYPES,
        "hsts": True,
    }
    return front_module.Front(settings, static_index.index(static), ["a.example", "b.example", "*.a.example"])


def by_wsgi(front: Any) -> Ask:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        body = environ["wsgi.input"].read()
        start_response(
            "200 OK", [("X-Frame-Options", "DENY"), ("Client", environ.get("HTTP_X_FORWARDED_FOR", ""))]
        )
        return [body or b"the app"]

    def ask(path: str, method: str = "GET", body: bytes = b"", query: str = "", **headers: str) -> Answer:
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path.encode().decode("latin-1"),
            "QUERY_STRING": query,
        }
        environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        if "content_length" in headers:
            environ["CONTENT_LENGTH"] = headers["content_length"]
        environ["wsgi.input"] = io.BytesIO(body)  # type: ignore[assignment]
        got: list[Any] = []
        chunks = front_module.wsgi(app, front)(
            environ, lambda status, headers, *_: got.extend((status, headers))
        )
        content = b"".join(chunks)
        return Answer(int(got[0].split()[0]), got[1], content)

    return ask


def by_asgi(front: Any) -> Ask:
    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ValueError("gone")
        client = dict(scope["headers"]).get(b"x-forwarded-for", b"")
        headers = [(b"x-frame-options", b"DENY"), (b"client", client)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": message["body"] or b"the app"})

    def ask(path: str, method: str = "GET", body: bytes = b"", query: str = "", **headers: str) -> Answer:
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": pairs,
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(asgi_module.asgi(app, front)(scope, receive, send))
        assert not sent[-1].get("more_body")
        content = b"".join(message["body"] for message in sent[1:])
        given = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
        return Answer(sent[0]["status"], given, content)

    return ask


@pytest.fixture(params=["wsgi", "asgi"])
def ask(request: pytest.FixtureRequest, front: Any) -> Ask:
    return {"wsgi": by_wsgi, "asgi": by_asgi}[request.param](front)


def test_a_file_whose_name_changes_with_it_is_kept_for_ever_and_sent_compressed(ask: Ask):
    plain = ask(f"/static/{CSS}")
    assert (plain.status, plain.body) == (200, FILES[CSS].encode())
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["content-type"] == "text/css"
    assert plain.headers["vary"] == "Accept-Encoding"
    packed = ask(f"/static/{CSS}", accept_encoding="br, gzip;q=0.5")
    assert packed.body == b"packed"
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["content-length"] == "6"
    assert ask(f"/static/{CSS}", accept_encoding="gzip;q=0").body == plain.body


def test_another_file_is_checked_each_time(ask: Ask):
    first = ask("/static/plain.txt")
    assert first.headers["cache-control"] == "public, no-cache"
    again = ask("/static/plain.txt", if_none_match=f'"x", W/{first.headers["etag"]}')
    assert (again.status, again.body) == (304, b"")
    assert "content-length" not in again.headers
    assert ask("/static/plain.txt", method="HEAD").headers["content-length"] == "10"
    assert ask("/static/plain.txt", method="HEAD").body == b""
    assert ask("/static/plain.txt", method="POST").status == 405


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=2-4", 206, b"234"), ("bytes=7-", 206, b"789"), ("bytes=-2", 206, b"89"),
        ("bytes=5-99", 206, b"56789"),
        ("bytes=10-", 416, b""), ("bytes=-", 200, b"0123456789"), ("lines=1-2", 200, b"0123456789"),
    ],
)  # fmt: skip
def test_a_part_of_a_file_can_be_asked_for(ask: Ask, asked: str, status: int, body: bytes):
    answer = ask("/static/plain.txt", range=asked)
    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize(
    "path",
    ["/static/", "/static/sub/", "/static/sub", "/static/../media/a.html", "/static/none",
     "/media/", "/media/none", "/media/link", "/media/folder/passwd",
     "/media/../static/plain.txt", "/media//etc/passwd", "/media/a\0"],
)  # fmt: skip
def test_nothing_else_is_a_file(ask: Ask, path: str):
    assert ask(path).status == 404


def test_a_folder_is_its_page(ask: Ask):
    page = ask("/static/docs/")
    assert (page.status, page.body, page.headers["content-type"]) == (200, b"<h1>", "text/html")
    assert page.headers["etag"] == ask("/static/docs/index.html").headers["etag"]
    moved = ask("/static/docs")
    assert (moved.status, moved.headers["location"]) == (301, "/static/docs/")
    assert ask("/media/album/").body == b"<ol>"


def test_an_upload_acts_as_nobody(ask: Ask):
    page = ask("/media/a.html")
    assert page.body == b"<script>"
    assert page.headers["content-security-policy"].endswith("; sandbox")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" not in ask("/media/a.pdf").headers["content-security-policy"]
    assert ask("/media/a.html", if_none_match=page.headers["etag"]).status == 304


def test_the_app_s_answer_gets_the_headers_that_it_lacks(ask: Ask):
    answer = ask("/page", x_forwarded_proto="https", host="a.example")
    assert answer.body == b"the app"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert "strict-transport-security" in answer.headers
    assert "strict-transport-security" not in ask("/page").headers


def test_the_client_is_who_came_to_the_proxy_in_front(ask: Ask):
    assert ask("/page", x_forwarded_for="1.1.1.1, 2.2.2.2").headers["client"] == "2.2.2.2"


@pytest.mark.parametrize(
    ("host", "scheme", "where"),
    [
        ("b.example", "https", "https://a.example/p%C3%A4th?q=%20"),
        ("A.example:8443", "http", "https://a.example/p%C3%A4th?q=%20"),
        ("x.a.example", "http", "https://x.a.example/p%C3%A4th?q=%20"),
        ("a.example", "https", None), ("x.a.example", "https", None),
        ("other", "http", None), ("b.example", "", None),
    ],
)  # fmt: skip
def test_other_domains_and_http_redirect_to_the_site(ask: Ask, host: str, scheme: str, where: str | None):
    answer = ask("/päth", query="q=%20", host=host, x_forwarded_proto=scheme)
    assert answer.headers.get("location") == where
    assert answer.status == (301 if where else 200)


def test_a_body_that_is_too_large_is_refused(ask: Ask):
    assert ask("/page", method="POST", content_length="101").status == 413
    assert ask("/page", method="POST", body=b"x" * 100).body == b"x" * 100
    with pytest.raises(ValueError, match=r"larger|gone"):
        ask("/page", method="POST", body=b"x" * 101)


@pytest.mark.parametrize(
    ("given", "in_front", "wanted"),
    [("*", "", "0.0.0.0/1 128.0.0.0/1 ::/1 8000::/1"), ("10.0.0.1,::1", "", "10.0.0.1 ::1"),
     ("*", "1", "255.255.255.255")],
)  # fmt: skip
def test_apache_believes_the_proxies_in_words_that_it_takes(given: str, in_front: str, wanted: str):
    """A mask of no bits is an error for it; and with the front it leaves X-Forwarded-For alone."""
    script = (IMAGES / "nuwa_python/rootfs-mod_wsgi/usr/lib/nuwa/apache/start").read_text()
    functions = script.removesuffix('main "$@"\n')
    assert functions != script
    done = run(
        ["sh", "-c", f"{functions}\ninternal_proxies"],
        env={"FORWARDED_ALLOW_IPS": given, "NUWA_FRONT": in_front},
    )
    assert done.stdout.strip() == wanted
