"""Stands for the agent: its control API with services that do what a test, or a picture, wants of them."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nuwa.agent.api.responses import answer, failure, stream
from nuwa.web.sse import Watchers, encode


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
        "commands": [],
        "certificate_end": None,
        "usage": usage(0.02, 48_000_000) if runs else usage(),
        "last": [],
        "hook": None,
        "container": None,
        **given,
    }


class ControlFake:
    """A control socket with somebody behind it.

    Args:
        path: the socket.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._watchers = Watchers()
        self._server: uvicorn.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.streams = 0
        self._cursor = 0
        self.reset()

    def reset(self, fill: Callable[[ControlFake], None] = lambda fake: None) -> None:
        """Begin anew, and tell whoever watches."""
        self.rows: dict[str, Any] = {}
        self.hooks: dict[str, Any] = {}
        self.checks: list[Any] = []
        self.alerts: list[Any] = []
        self.audit: list[Any] = []
        self.channels: list[Any] = []
        self.history: list[Any] = []
        self.stats: dict[str, Any] = {}
        self.samples: dict[str, list[Any]] = {}
        self.content = b"{}\n"
        self.revision = "0123456789abcdef"
        self.asked: list[str] = []
        self._lines: list[Any] = []
        fill(self)
        self.tell("ls", self._listing())
        self.tell("history", {"interval": 2.0, "services": self.samples})

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
        self.tell("end", None)
        self._server.should_exit = True
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
            # As the agent does with what it cannot read, or does not know.
            exception_handlers={
                ValueError: lambda request, error: failure(400, "bad", "not understood"),
                KeyError: lambda request, error: failure(404, "unknown", "there is no such thing"),
                404: lambda request, error: failure(404, "unknown", "there is no such path"),
            },
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
                Route("/stats", self._stats),
                Route("/stats/{name}", self._stats),
                Route("/audit", self._audit),
                Route("/session/{name}/{event}", self._session, methods=["POST"]),
                Route("/hooks/{name}/runs", self._runs),
                Route("/runs/{id}", self._run),
                Route("/webhook/{name}/{verb}", self._hook, methods=["POST"]),
                Route("/run/{name}/{command}", self._run_once, methods=["POST"]),
                Route("/{verb}/{name}", self._act, methods=["POST"]),
            ],
        )

    async def _audit(self, request: Request) -> Response:
        return answer({"entries": self.audit})

    async def _session(self, request: Request) -> Response:
        return answer({"event": request.path_params["event"]})

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
                    while (event := await queue.get())[0] != "end":
                        yield encode(*event)
            finally:
                self.streams -= 1

        return stream(events())

    async def _log(self, request: Request) -> Response:
        name, given = request.path_params.get("name"), request.query_params
        if name and name not in self.rows:
            return failure(404, "unknown", f"there is no service {name!r}")
        if given.get("since") == "nonsense":
            return failure(400, "usage", "journalctl rejects this: nonsense")
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
                while (event := await queue.get())[0] != "end":
                    if event[0] == "line" and fits(event[1]):
                        yield encode(*event, event[1]["cursor"])

        return stream(events())

    async def _config(self, request: Request) -> Response:
        return Response(self.content, headers={"ETag": f'"{self.revision}"'}, media_type="application/json")

    async def _put(self, request: Request) -> Response:
        body = await request.body()
        self.asked.append(f"PUT /config {request.headers['x-nuwa-as']}, {request.headers['x-nuwa-from']}")
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
        details = {"event": "process", "service": "", "advice": ""}
        alerts = [{**details, **alert} for alert in self.alerts]
        return answer({"checks": self.checks, "alerts": alerts, "channels": self.channels})

    async def _stats(self, request: Request) -> Response:
        name = request.path_params.get("name", "")
        return answer(stats(name, **self.stats.get(name, {})))

    async def _runs(self, request: Request) -> Response:
        return answer({"runs": [_run_of(self.hooks[request.path_params["name"]])]})

    async def _run(self, request: Request) -> Response:
        for hook in self.hooks.values():
            if str(hook["run"]) == request.path_params["id"]:
                return answer(_run_of(hook))
        return failure(404, "unknown", "there is no such run")

    async def _hook(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        is_cancel = request.path_params["verb"] == "cancel"
        return answer({"cancelled": [7]} if is_cancel else {"run": 8}, 200 if is_cancel else 202)

    async def _run_once(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        name, command = request.path_params["name"], request.path_params["command"]
        return answer({"name": name, "status": "running", "message": f"{command} runs"})

    async def _act(self, request: Request) -> Response:
        verb, name = request.path_params["verb"], request.path_params["name"]
        self.asked.append(request.url.path)
        if name not in self.rows:
            return failure(404, "unknown", f"there is no service {name!r}")
        status = "stopped" if verb == "stop" else "running"
        self.change(name, status=status, pid=None if verb == "stop" else 4712)
        return answer({"name": name, "status": status, "message": {"stop": "stopped"}.get(verb, "running")})


def stats(name: str = "", **given: Any) -> Any:
    """A day's history with everything that is not given; `points` says what is known of which."""
    since, step = int(time.time()) - 86400, 300
    made = [point(since + step * number, **known) for number, known in given.pop("points", {}).items()]
    return {
        "name": name,
        "since": since,
        "step": step,
        "points": made,
        "total": point(since),
        "marks": [],
        **given,
    }


def point(at: int, **known: Any) -> Any:
    """A point of a history."""
    names = ("cpu", "memory", "received", "sent", "read", "written", "space", "requests", "errors")
    nothing = dict.fromkeys((*names, "p50", "p95", "p99"))
    return {"at": at, "minutes": 5, **nothing, **known}


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
        "covers": [],
        "lines": [],
        **given,
    }


def _run_of(hook: Any) -> Any:
    about = {
        "delivery": "d",
        "created": hook["started"],
        "duration": 12.5,
        "attempt": 1,
        "hook": hook["name"],
    }
    kept = {key: hook[key] for key in ("commit", "state", "started", "services", "lines")}
    return {"id": hook["run"], **about, **kept}
