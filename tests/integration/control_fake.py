"""Stands for the agent: its control API with services that do what a test, or a picture, wants of them."""

from __future__ import annotations

import asyncio
import json
import math
import socket
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nuwa.agent.answers import answer, failure, stream
from nuwa.agent.events import Watchers, encode


def usage(cpu: float | None = None, memory: int | None = None, net: float = 0.0, disk: float = 0.0) -> Any:
    known = cpu is not None
    return {
        "cpu": cpu,
        "memory": memory,
        "net": {"incoming": net * 0.7, "outgoing": net * 0.3} if known else None,
        "disk": {"read": disk * 0.4, "written": disk * 0.6} if known else None,
    }


def service(name: str, status: str = "running", **given: Any) -> Any:
    """A row with everything that is not given."""
    runs = status == "running"
    return {
        "name": name,
        "kind": "process",
        "status": status,
        "result": "",
        "pid": 4711 if runs else None,
        "ports": [8000] if runs else [],
        "slot": "blue",
        "since": time.time() - 3600,
        "restarts": 0,
        "release": "",
        "domains": [],
        "backup": None,
        "rehearsal": None,
        "certificate_end": None,
        "usage": usage(0.02, 48_000_000) if runs else usage(),
        "last": [],
        "hook": None,
        **given,
    }


class ControlFake:
    """A control socket with somebody behind it.

    Args:
        path: the socket.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, Any] = {}
        self.hooks: dict[str, Any] = {}
        self.checks: list[Any] = []
        self.alerts: list[Any] = []
        self.history: list[Any] = []
        self.samples: dict[str, list[Any]] = {}
        self.content = b"{}\n"
        self.revision = "0123456789abcdef"
        self.asked: list[str] = []
        self.streams = 0
        self._cursor = 0
        self._lines: list[Any] = []
        self._watchers = Watchers()
        self._server: uvicorn.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    # What a test does

    def start(self) -> None:
        self.path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self.path))
        listening.listen(64)
        config = uvicorn.Config(
            self._application(), lifespan="off", log_config=None, timeout_graceful_shutdown=1, ws="none"
        )
        self._server = uvicorn.Server(config)
        ready = threading.Event()

        def work() -> None:
            self._loop = asyncio.new_event_loop()
            self._loop.call_soon(ready.set)
            assert self._server
            self._loop.run_until_complete(self._server.serve(sockets=[listening]))

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        ready.wait(10)

    def stop(self) -> None:
        assert self._server
        assert self._thread
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(15)

    def add(self, *rows: Any) -> None:
        for row in rows:
            self.rows[row["name"]] = row

    def line(self, name: str, text: str, priority: int = 6, ago: float = 0.0) -> Any:
        """A service writes something."""
        self._cursor += 1
        made = {"service": name, "time": time.time() - ago, "priority": priority, "text": text}
        made["cursor"] = f"c{self._cursor}"
        self._lines.append(made)
        self.rows[name]["last"] = [*self.rows[name]["last"], made][-5:]
        self.tell("line", made)
        return made

    def tell(self, name: str, data: Any) -> None:
        """An event, for whoever watches."""
        if self._loop:
            self._loop.call_soon_threadsafe(self._watchers.publish, name, data)

    def change(self, name: str, **given: Any) -> None:
        """A service changes."""
        self.rows[name] = {**self.rows[name], **given}
        self.tell("service", self.rows[name])

    def sample(self, services: Any) -> None:
        for name, used in services.items():
            self.rows[name]["usage"] = used
        self.tell("sample", {"time": time.time(), "services": services})

    # What the dashboard asks

    def _application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/ls", self._ls),
                Route("/watch", self._watch),
                Route("/log", self._log),
                Route("/log/{name}", self._log),
                Route("/config", self._config),
                Route("/config", self._put, methods=["PUT"]),
                Route("/config/history", self._history),
                Route("/config/history/{revision}", self._old),
                Route("/monitor", self._monitor),
                Route("/hooks/{name}/runs", self._runs),
                Route("/runs/{id:int}", self._run),
                Route("/webhook/{name}/{verb}", self._hook, methods=["POST"]),
                Route("/{verb}/{name}", self._act, methods=["POST"]),
            ]
        )

    def _listing(self) -> Any:
        return {
            "revision": self.revision,
            "applied": self.revision,
            "ps": list(self.rows.values()),
            "hooks": list(self.hooks.values()),
        }

    async def _ls(self, request: Request) -> Response:
        return answer(self._listing())

    async def _watch(self, request: Request) -> Response:
        async def events() -> AsyncIterator[bytes]:
            self.streams += 1
            try:
                with self._watchers.join() as queue:
                    yield encode("ls", self._listing())
                    yield encode("history", {"interval": 2.0, "services": self.samples})
                    while True:
                        yield encode(*await queue.get())
            finally:
                self.streams -= 1

        return stream(events())

    async def _log(self, request: Request) -> Response:
        name, given = request.path_params.get("name"), request.query_params
        if name and name not in self.rows:
            return failure(404, "unknown", f"there is no service {name!r}")
        if given.get("since") == "nonsense":
            return failure(400, "usage", "the journal does not understand this: nonsense")
        after = int(given.get("after", "c0")[1:] or 0)

        def fits(line: Any) -> bool:
            return (
                name in (None, line["service"])
                and given.get("grep", "") in line["text"]
                and line["priority"] <= int(given.get("priority", "7"))
                and int(line["cursor"][1:]) > after
            )

        found = [line for line in self._lines if fits(line)][-int(given.get("lines", "200")) :]
        if not given.get("follow"):
            return answer({"lines": found, "cursor": found[-1]["cursor"] if found else ""})

        async def events() -> AsyncIterator[bytes]:
            with self._watchers.join() as queue:
                for line in found:
                    yield encode("line", line, line["cursor"])
                while True:
                    kind, line = await queue.get()
                    if kind == "line" and fits(line):
                        yield encode("line", line, line["cursor"])

        return stream(events())

    async def _config(self, request: Request) -> Response:
        return Response(self.content, headers={"ETag": f'"{self.revision}"'}, media_type="application/json")

    async def _put(self, request: Request) -> Response:
        body = await request.body()
        self.asked.append(f"PUT /config {request.headers.get('x-nuwa-who', '')}")
        if request.headers.get("if-match") != f'"{self.revision}"':
            return failure(412, "conflict", "somebody else changed it")
        json.loads(body)
        done = {"revision": self.revision, "changes": [], "started": [], "restarted": [], "stopped": []}
        return answer({**done, "warnings": []})

    async def _history(self, request: Request) -> Response:
        return answer({"history": self.history})

    async def _old(self, request: Request) -> Response:
        return Response(self.content)

    async def _monitor(self, request: Request) -> Response:
        return answer({"checks": self.checks, "alerts": self.alerts})

    async def _runs(self, request: Request) -> Response:
        return answer({"runs": [_run_of(self.hooks[request.path_params["name"]])]})

    async def _run(self, request: Request) -> Response:
        for hook in self.hooks.values():
            if hook["run"] == request.path_params["id"]:
                return answer(_run_of(hook))
        return failure(404, "unknown", "there is no such run")

    async def _hook(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        is_cancel = request.path_params["verb"] == "cancel"
        return answer({"cancelled": [7]} if is_cancel else {"run": 8}, 200 if is_cancel else 202)

    async def _act(self, request: Request) -> Response:
        verb, name = request.path_params["verb"], request.path_params["name"]
        self.asked.append(request.url.path)
        if name not in self.rows:
            return failure(404, "unknown", f"there is no service {name!r}")
        status = "stopped" if verb == "stop" else "running"
        self.change(name, status=status, pid=None if verb == "stop" else 4712)
        return answer({"name": name, "status": status, "message": {"stop": "stopped"}.get(verb, "running")})


def hook(name: str, state: str = "ok", **given: Any) -> Any:
    """A webhook with everything that is not given."""
    return {
        "name": name,
        "state": state,
        "queued": 0,
        "run": 7,
        "started": time.time() - 300,
        "commit": "4f9c2e81d03b",
        "services": [],
        "lines": [],
        **given,
    }


def _run_of(hook: Any) -> Any:
    about = {"delivery": "d", "created": hook["started"], "duration": 12.5, "attempt": 1, "hook": hook["name"]}
    kept = {key: hook[key] for key in ("commit", "state", "started", "services", "lines")}
    return {"id": hook["run"], **about, **kept}


def wave(step: int, low: float, high: float, period: float, shift: float = 0.0) -> float:
    """Something that goes up and down as a load does."""
    turn = math.sin((step + shift) * 2 * math.pi / period) + 0.4 * math.sin((step + shift) * 7.3 / period)
    return low + (high - low) * (turn + 1.4) / 2.8


def many(fake: ControlFake, count: int) -> None:
    """A host with a great many services."""
    for number in range(count):
        name = f"service-{number:03}"
        fake.add(service(name, pid=2000 + number, ports=[9000 + number]))
        for at in range(3):
            fake.line(name, f'10.0.0.{number % 250} "GET /page/{at} HTTP/1.1" 200 5123', ago=60.0 * (3 - at))
    fake.add(*(service(name, kind="core", slot="", ports=[]) for name in ("ci", "dashboard", "router", "log")))


def demo(fake: ControlFake) -> None:
    """A small company's host, for pictures."""
    now = time.time()
    day = 86400.0
    kept = {"backup": now - 6.3 * 3600, "rehearsal": now - 3 * day, "kind": "deployment"}
    fake.add(
        service("shop", pid=20417, ports=[8101], hook="ok", domains=["shop.example.org"], release="9f2b41c07e55",
                certificate_end=now + 61 * day, slot="green", **kept),
        service("blog", pid=18220, ports=[8102], hook="running", domains=["blog.example.org", "münchen.example.org"],
                certificate_end=now + 12 * day, release="1c77d0aa9b32", **kept),
        service("invoices", pid=911, ports=[8110, 8111], since=now - 9 * day),
        service("mailer", "stopped", result="exit code 1", since=now - 1900, restarts=6, hook="failed"),
        service("thumbnails", pid=3302, ports=[], since=now - 2 * day),
        service("import-nightly", "unstarted"),
        service("metrics", pid=1204, ports=[9100], since=now - 30 * day),
    )  # fmt: skip
    fake.add(
        service("ci", pid=611, kind="core", slot="", ports=[7501]),
        service("dashboard", pid=640, kind="core", slot="", ports=[7500]),
        service("router", pid=702, kind="core", slot="", ports=[80, 443]),
        service("log", pid=588, kind="core", slot="", ports=[]),
    )
    texts = {
        "shop": ['203.0.113.7 "GET /cart HTTP/2.0" 200 8312 41ms', '198.51.100.23 "POST /checkout HTTP/2.0" 303 0 118ms',
                 "order 2026-11842 paid: 3 items, 86,40 €"],
        "blog": ['203.0.113.91 "GET /2026/herbst-in-münchen/ HTTP/2.0" 200 15220 9ms',
                 "cache: 412 pages warm, 3 expired", '192.0.2.4 "GET /feed.xml HTTP/1.1" 304 0 2ms'],
        "invoices": ["invoice 2026-1183 written to /srv/invoices/out", "sent 14 invoices in 2.1 s",
                     "customer 4711: no VAT id, using the country's rate"],
        "mailer": ["connecting to smtp.example.org:587", "\x1b[31merror\x1b[0m: 535 5.7.8 authentication failed",
                   "gave up after 6 tries"],
        "thumbnails": ["IMG_2291.heic → 4 sizes, 388 ms", "IMG_2292.heic → 4 sizes, 402 ms", "queue is empty"],
        "metrics": ["scraped 11 targets", "scraped 11 targets", "scraped 11 targets"],
        "ci": ["blog: push of 4f9c2e81d03b by lena, run 182", "blog: $ uv sync --frozen", "blog: $ uv run pytest -q"],
        "dashboard": ["session of 203.0.113.40 began"],
        "router": ["reloaded: 5 sites", "certificate of blog.example.org: 12 days left"],
        "log": ["nuwa-log: 14 files, 96 MB"],
    }  # fmt: skip
    ages = {"shop": 3, "blog": 8, "invoices": 64 * 60, "mailer": 1900, "thumbnails": 5 * 60, "metrics": 22}
    ages |= {"ci": 41, "dashboard": 700, "router": 5 * 3600, "log": 3 * day}
    for name, lines in texts.items():
        for index, text in enumerate(lines):
            level = 3 if "error" in text or "gave up" in text else 4 if "12 days" in text or "no VAT" in text else 6
            fake.line(name, text, level, ago=ages[name] * (1 + (len(lines) - 1 - index) * 1.7))
    load = {"shop": (0.12, 0.42, 212e6, 90e3, 22e3), "blog": (0.01, 0.09, 96e6, 30e3, 2e3),
            "invoices": (0, 0.02, 64e6, 300, 5e3), "thumbnails": (0, 0.9, 148e6, 0, 900e3),
            "metrics": (0.004, 0.02, 31e6, 4e3, 1e3), "ci": (0.002, 0.01, 33e6, 0, 800),
            "dashboard": (0.003, 0.008, 30e6, 2e3, 0), "router": (0.02, 0.11, 24e6, 140e3, 6e3),
            "log": (0.001, 0.006, 9e6, 0, 14e3)}  # fmt: skip
    for position, (name, (low, high, memory, net, disk)) in enumerate(load.items()):
        fake.samples[name] = [
            usage(
                round(wave(step, low, high, 14 + position * 3, position * 5), 4),
                int(memory * (1 + 0.0012 * step) + wave(step, 0, memory * 0.03, 9)),
                wave(step, net * 0.2, net, 11 + position, position * 3),
                max(0.0, wave(step, -disk, disk, 8 + position, position * 2)),
            )
            for step in range(60)
        ]
        fake.rows[name]["usage"] = fake.samples[name][-1]
    steps = [
        {"command": "git fetch origin main", "output": "From git.example.org:company/blog\n   1d20b7e..4f9c2e8  main -> main\n", "duration": 0.8, "code": 0},
        {"command": "uv sync --frozen", "output": "Resolved 41 packages in 12ms\nInstalled 2 packages in 31ms\n + markdown==3.10\n ~ blog==1.8.0\n", "duration": 3.4, "code": 0},
        {"command": "uv run pytest -q", "output": "........................................ [ 63%]\n..............", "duration": 9.1, "code": None},
    ]  # fmt: skip
    fake.hooks = {
        "blog": hook("blog", "running", run=182, started=now - 13, lines=steps),
        "shop": hook(
            "shop",
            run=181,
            started=now - 2.2 * 3600,
            commit="9f2b41c07e55",
            services=["shop"],
            lines=[
                {**steps[0], "output": "   77aa01c..9f2b41c  main -> main\n"},
                {"command": "nuwa build", "output": "app/shop:9f2b41c  3.6 s\n", "duration": 3.9, "code": 0},
                {"command": "bin/deploy", "output": "green is healthy, serves\n", "duration": 4.6, "code": 0},
            ],
        ),
        "mailer": hook(
            "mailer",
            "failed",
            run=176,
            started=now - 1960,
            commit="0be11d93c2aa",
            lines=[
                {
                    "command": "npm ci",
                    "output": "npm error code ERESOLVE\nnpm error could not resolve dependency: nodemailer@8\n",
                    "duration": 6.2,
                    "code": 1,
                }
            ],
        ),
    }
    fake.checks = [
        {"name": "process mailer", "kind": "process", "service": "mailer", "state": "failed", "since": now - 1900,
         "message": "it ended with exit code 1, six times within a minute"},
        {"name": "certificate blog.example.org", "kind": "certificate", "service": "blog", "state": "warning",
         "since": now - 8 * 3600, "message": "ends in 12 days"},
        {"name": "site https://shop.example.org/", "kind": "site", "service": "shop", "state": "ok", "since": now - 9 * day,
         "message": "200 in 38 ms"},
        {"name": "disk /", "kind": "disk", "service": "", "state": "ok", "since": now - 40 * day, "message": "61 % used, 182 GB free"},
        {"name": "backup shop", "kind": "backup", "service": "shop", "state": "ok", "since": now - 40 * day, "message": "6 hours old"},
    ]  # fmt: skip
    fake.alerts = [
        {"time": now - 1840, "check": "process mailer", "state": "failed", "message": "it ended with exit code 1", "action": "restarted 3 times, then left alone"},
        {"time": now - 2 * day, "check": "site https://blog.example.org/", "state": "ok", "message": "answers again", "action": ""},
        {"time": now - 2 * day - 130, "check": "site https://blog.example.org/", "state": "failed", "message": "no answer within 10 s", "action": "restarted"},
    ]  # fmt: skip
    document = {
        "env": {"domain": "example.org"},
        "processes": {
            "shop": {"deployment": "/srv/shop", "source": "/srv/src/shop"},
            "blog": {"deployment": "/srv/blog", "source": "/srv/src/blog"},
            "invoices": {"script": "/srv/invoices/main.py", "args": ["${.ports.0}"], "ports": ["auto", 8111]},
            "mailer": {"script": "/srv/mailer/main.js", "args": [{"queue": "out", "api": "${invoices.ports.0}"}]},
        },
        "webhooks": {
            "blog": {"token": "a-long-secret", "path": "/srv/src/blog", "branch": "main", "commands": "uv sync --frozen\nuv run pytest -q"}
        },
        "routes": {"${domain}/": "shop", "*/admin": "dashboard", "*/ci": "ci"},
    }  # fmt: skip
    fake.content = (json.dumps(document, indent=2) + "\n").encode()
    fake.history = [
        {"revision": fake.revision, "time": now - 3 * day, "who": "dashboard, 203.0.113.40"},
        {"revision": "77aa01c9f2b41c07", "time": now - 12 * day, "who": "root"},
    ]
