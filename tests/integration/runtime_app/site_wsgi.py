"""A WSGI app that answers what the runtime tests ask."""

import http.client
import json
import os
import sys
import tempfile
import time
from pathlib import Path

if os.environ.get("LOAD_SECONDS"):
    sys.stderr.write("loading\n")
    sys.stderr.flush()
    time.sleep(float(os.environ["LOAD_SECONDS"]))
if os.environ.get("BREAK_APP"):
    raise RuntimeError("asked to break")


def _pids(query):
    return f"{os.getppid()} {os.getpid()}"


def _environment(query):
    return json.dumps(dict(os.environ))


def _request(query, environ):
    keys = ("REMOTE_ADDR", "HTTP_HOST", "HTTP_X_FORWARDED_FOR", "wsgi.url_scheme")
    return json.dumps({key: environ.get(key) for key in keys})


def _hint(environ):
    """As an app does that gunicorn offers it: ahead of the answer, so the page's files come sooner."""
    send = environ.get("wsgi.early_hints")
    if send:
        send([("Link", "</site.css>; rel=preload; as=style")])
    return "hinted"


def _say(query):
    print(query)
    sys.stderr.write(query + " to stderr\n")
    return "said"


def _slow(query):
    with tempfile.NamedTemporaryFile(prefix="slow"):
        time.sleep(float(query))
    return "slept"


def _file(query):
    Path(query).write_text("written")
    return "written"


def _maps(query):
    return Path("/proc/self/maps").read_text()


def _hoard(query):
    """Takes memory in small pieces, and gives it back."""
    kept = [b"x" * 2000 for _ in range(int(query) * 500)]
    return str(len(kept))


ROUTES = {
    "/pid": _pids,
    "/env": _environment,
    "/say": _say,
    "/slow": _slow,
    "/write": _file,
    "/maps": _maps,
    "/hoard": _hoard,
}


def application(environ, start_response):
    path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
    status, body = "200 OK", "ok"
    headers = [("Content-Type", "text/plain; charset=utf-8")]
    if path.startswith("/path/"):
        body = path.encode("latin-1").decode("utf-8")
    elif path == "/hints":
        body = str("wsgi.early_hints" in environ)
    elif path == "/large":
        headers.append(("X-Large", "x" * int(query)))
    elif path == "/request":
        body = _request(query, environ)
    elif path == "/hint":
        body = _hint(environ)
    elif path == "/secure" and environ["wsgi.url_scheme"] != "https":
        status = "500 Not secure"
    elif path == "/status":
        status = f"{query} {http.client.responses[int(query)]}"
    elif path in ROUTES:
        body = ROUTES[path](query)
    start_response(status, headers)
    return [body.encode("utf-8")]
