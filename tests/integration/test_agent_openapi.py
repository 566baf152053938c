"""The published description of the interfaces, held against the agent: nothing ends in a 5xx."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from agent_host import TOKEN, AgentHost
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

ROOT = Path(__file__).parents[2]
DESCRIPTION = json.loads((ROOT / "docs/reference/agent-openapi.json").read_text())
ENDLESS = "/watch"
"""A stream that never ends cannot be asked for whole; test_agent_http.py reads it."""


def of_tag(tag: str) -> dict[str, object]:
    paths = {
        path: {method: item for method, item in methods.items() if item["tags"] == [tag]}
        for path, methods in DESCRIPTION["paths"].items()
        if path != ENDLESS
    }
    return {**DESCRIPTION, "paths": {path: methods for path, methods in paths.items() if methods}}


control = schemathesis.openapi.from_dict(of_tag("control"))
listener = schemathesis.openapi.from_dict(of_tag("webhooks"))


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentHost]:
    made = AgentHost(tmp_path_factory.mktemp("host"))
    made.start()
    made.configure(
        {
            "processes": {"web": {"script": "/usr/bin/env"}},
            "webhooks": {"web": {"token": TOKEN, "path": "/nowhere", "branch": "main"}},
        }
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def control_url(host: AgentHost) -> Iterator[str]:
    """The control socket behind a port, for a client that knows no unix sockets."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_forward, args=(server, str(host.paths.socket)), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def _forward(server: socket.socket, path: str) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = server.accept()
            upstream = socket.socket(socket.AF_UNIX)
            upstream.connect(path)
            for ends in ((client, upstream), (upstream, client)):
                threading.Thread(target=_copy, args=ends, daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]
few = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))


@control.parametrize()
@few
def test_the_control_api_answers_as_described(case: schemathesis.Case, control_url: str) -> None:
    if "follow" in (case.query or {}):
        case.query.pop("follow")
    case.call_and_validate(base_url=control_url, timeout=60, checks=CHECKS)


@listener.parametrize()
@few
def test_the_listener_answers_as_described(case: schemathesis.Case, host: AgentHost) -> None:
    case.call_and_validate(base_url=f"http://127.0.0.1:{host.port}", timeout=60, checks=CHECKS)
