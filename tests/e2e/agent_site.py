"""What the agent's end-to-end tests put onto the host: a site in a git repository, visitors, and pushes."""

from __future__ import annotations

import hashlib
import hmac
import json
import shlex
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from e2e.conftest import LabHost, eventually

TOKEN = "a-secret-of-the-tests"
ROUTES = {"*/": "dashboard", "*/ci": "ci"}
SITE = """import http.server, os, sys

VERSION = "{version}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = VERSION.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *words):
        pass


http.server.ThreadingHTTPServer.request_queue_size = 512
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
MANIFEST = """[app]
name = "pushed"
domains = ["pushed.test"]

[image]
family = "debian"

[server]
kind = "gunicorn"
module = "pushed:application"
workers = 2

[health]
path = "/"

[deploy]
watch = 5
"""
APP = """VERSION = "{version}"


def application(environ, start_response):
    body = VERSION.encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""
LAYERS = (
    "localhost/app/debian-bootstrap:13",
    "localhost/app/debian-base:13",
    "localhost/app/python-base:debian13",
    "localhost/app/nuwa_python313:debian13",
    "localhost/app/pushed/requirements:latest",
    "localhost/app/pushed:latest",
)
"""What a host without a registry needs, so that a push builds the app's own layer alone."""
SYSLOG = """set -e
mkdir -p /srv/syslog && cd /srv/syslog
[ -e ca.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \\
  -subj /CN=logs.test -addext subjectAltName=DNS:logs.test -keyout key.pem -out ca.pem 2>/dev/null
cat >rsyslog.conf <<'END'
global(workDirectory="/srv/syslog" DefaultNetstreamDriver="gtls"
  DefaultNetstreamDriverCAFile="/srv/syslog/ca.pem"
  DefaultNetstreamDriverCertFile="/srv/syslog/ca.pem" DefaultNetstreamDriverKeyFile="/srv/syslog/key.pem")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
input(type="imtcp" port="6599")
action(type="omfile" file="/srv/syslog/received.log")
END
systemd-run --quiet --collect --unit=t-syslog rsyslogd -n -i /srv/syslog/pid -f /srv/syslog/rsyslog.conf
"""
"""A syslog server that takes lines over TLS and writes them to received.log."""
RECEIVER = """import http.server


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        with open("/tmp/posted", "ab") as file:
            file.write(self.rfile.read(int(self.headers["Content-Length"])) + b"\\n")
        self.send_response(204)
        self.end_headers()


http.server.HTTPServer(("127.0.0.1", 8099), Handler).serve_forever()
"""
VISITOR = """import http.client, pathlib, ssl, sys, time

# A visitor who keeps his connection and repeats nothing; told to go, he says how it went.
host, stop = sys.argv[1], pathlib.Path(sys.argv[2])
context = ssl._create_unverified_context()
good, bad, connection = 0, [], None
while not stop.exists():
    try:
        if connection is None:
            connection = http.client.HTTPSConnection("127.0.0.1", timeout=20, context=context)
        method = "POST" if good % 2 else "GET"
        connection.request(method, "/", b"x" * 100 if method == "POST" else None, {"Host": host})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            good += 1
        else:
            bad.append(f"{time.time():.2f} {method} {answer.status}")
        if answer.getheader("Connection") == "close":
            connection.close()
            connection = None
    except Exception as error:
        bad.append(f"{time.time():.2f} {error!r}")
        connection = None
        time.sleep(0.1)
    time.sleep(0.005)
print(good, len(bad), bad[:5])
"""


def write(host: LabHost, path: str, text: str, mode: str = "644") -> None:
    host.sh(f"mkdir -p $(dirname {path}); printf %s {shlex.quote(text)} >{path}; chmod {mode} {path}")


def configure(host: LabHost, document: dict[str, Any]) -> None:
    """Apply a configuration the way that the guide says."""
    write(host, "/etc/nuwa/config.json", json.dumps(document, indent=2), "600")
    done = json.loads(host.sh("nuwa config apply --json").stdout)
    assert done["warnings"] == []


def listing(host: LabHost) -> dict[str, dict[str, Any]]:
    """The services by name, as `nuwa ls --json` shows them."""
    return {row["name"]: row for row in json.loads(host.out("nuwa ls --json"))["ps"]}


@contextmanager
def visitors(host: LabHost, domain: str) -> Iterator[list[str]]:
    """Two visitors of a site while the block runs; afterwards the list holds what each of them says."""
    write(host, "/srv/visitor.py", VISITOR)
    mark = f"/tmp/{uuid.uuid4().hex}"
    said: list[str] = []
    begin = f"for n in 1 2; do python3 /srv/visitor.py {domain} {mark}.stop >{mark}.$n 2>&1 & done"
    host.sh(f"({begin}) </dev/null >/dev/null 2>&1")
    try:
        yield said
    finally:
        host.sh(f"touch {mark}.stop")
    for number in (1, 2):
        said.append(str(eventually(partial(host.out, f"cat {mark}.{number}"), "a visitor ends")))


def push_body(commit: str, branch: str = "main") -> dict[str, Any]:
    """The parts of a push that GitHub, GitLab and Gitea have in common, as their documentation shows them."""
    return {
        "ref": f"refs/heads/{branch}",
        "before": "0" * 40,
        "after": commit,
        "created": False,
        "deleted": False,
        "forced": False,
        "compare": "https://git.example.com/team/site/compare/0...1",
        "commits": [
            {
                "id": commit,
                "message": "Change the greeting",
                "timestamp": "2026-11-25T10:00:00+01:00",
                "author": {"name": "Ana", "email": "ana@example.com", "username": "ana"},
                "added": [],
                "removed": [],
                "modified": ["site.py"],
            }
        ],
        "repository": {"id": 42, "name": "site", "full_name": "team/site", "default_branch": "main"},
        "pusher": {"name": "ana", "email": "ana@example.com"},
        "delivery": uuid.uuid4().hex,
    }


def headers_of(forge: str, body: bytes, secret: str = TOKEN) -> dict[str, str]:
    """What a forge sends with a push."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "github": {
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-Hub-Signature-256": f"sha256={digest}",
            "X-Hub-Signature": f"sha1={hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()}",
            "User-Agent": "GitHub-Hookshot/a1b2c3d",
        },
        "gitlab": {
            "X-Gitlab-Event": "Push Hook",
            "X-Gitlab-Token": secret,
            "X-Gitlab-Event-UUID": str(uuid.uuid4()),
            "User-Agent": "GitLab/17.6.0",
        },
        "gitea": {
            "X-Gitea-Event": "push",
            "X-Gitea-Delivery": str(uuid.uuid4()),
            "X-Gitea-Signature": digest,
            "X-GitHub-Event": "push",
        },
    }[forge]


def deliver(
    host: LabHost, hook: str, forge: str, body: dict[str, Any], secret: str = TOKEN
) -> tuple[int, Any]:
    """Send a push as a forge does, through the router; returns the status and the answer."""
    raw = json.dumps({**body, "object_kind": "push"} if forge == "gitlab" else body)
    headers = {"Content-Type": "application/json", **headers_of(forge, raw.encode(), secret)}
    words = " ".join(f"-H {shlex.quote(f'{key}: {value}')}" for key, value in headers.items())
    # Its own address each: failures of one test are not those of another.
    url = f"https://127.0.0.1/ci/webhook/{hook}"
    said = host.out(f"curl -sk -w '\\n%{{http_code}}' {words} --data-raw {shlex.quote(raw)} {url}")
    text, _, status = said.rpartition("\n")
    return int(status), json.loads(text)


def finished(host: LabHost, run: int, seconds: float = 120) -> dict[str, Any]:
    """A run once it has ended; the host looks by itself, which takes it less than a command for each look."""
    ask = f"curl -s --unix-socket /run/nuwa/control.sock http://nuwa/runs/{run}"
    is_on = """[[ $said == *'"state":"'@(queued|running)* ]]"""
    wait = f"end=$((SECONDS + {seconds:.0f})); until said=$({ask}) && [[ $said ]] && ! {is_on}"
    host.sh(f"{wait}; do ((SECONDS < end)) || exit 1; sleep 0.2; done", timeout=seconds + 60)
    found: dict[str, Any] = json.loads(host.out(f"nuwa hooks show {run} --json"))
    return found


@dataclass
class Repository:
    """A site's repository: where it is pushed to, and where the host serves it from."""

    host: LabHost

    def push(self, version: str, *, broken: bool = False, force: bool = False) -> str:
        """Change the site, and return the new commit."""
        write(self.host, "/srv/dev/site.py", "exit 1" if broken else SITE.format(version=version))
        amend = "--amend" if force else ""
        self.host.sh(
            f"cd /srv/dev && git add -A && git commit -q {amend} -m '{version}' && git push -q -f origin main"
        )
        return self.host.out("git -C /srv/dev rev-parse HEAD")

    def page(self) -> str:
        return self.host.out("curl -sk --resolve web.test:443:127.0.0.1 https://web.test/")
