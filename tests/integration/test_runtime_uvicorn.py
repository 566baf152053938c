"""An ASGI app under gunicorn with uvicorn's worker: HTTP, a websocket, its lifespan, its log."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterator

import pytest
from running import Container, wait_until

from nuwa.engine import Engine


@pytest.fixture(scope="module")
def container(
    engine: Engine, runtime_image: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Container]:
    made = Container(
        engine,
        runtime_image("uvicorn"),
        f"nuwa-test-runtime-uvicorn-{uuid.uuid4().hex[:8]}",
        tmp_path_factory.mktemp("uvicorn"),
        socket=True,
    )
    try:
        yield made.start().wait_served()
    finally:
        made.remove()


def test_the_lifespan_has_begun_before_the_first_answer(container: Container) -> None:
    assert container.get().json["lifespan"] == "lifespan.startup"


def test_a_trusted_proxy_decides_client_and_scheme(container: Container) -> None:
    answer = container.get("/who", {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}).json
    assert (answer["client"], answer["scheme"]) == ("203.0.113.9", "https")
    wait_until(lambda: "server: 203.0.113.9" in container.log(), "the client's address is logged")


def test_the_host_s_socket_answers_and_its_proxy_is_believed(container: Container) -> None:
    answer = container.get(
        "/who", {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}, by_socket=True
    )
    assert (answer.json["client"], answer.json["scheme"]) == ("198.51.100.7", "https")


def test_a_websocket_answers(container: Container) -> None:
    with socket.create_connection(("127.0.0.1", container.port), timeout=10) as connection:
        connection.sendall(
            b"GET /socket HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        stream = connection.makefile("rb")
        assert stream.readline().startswith(b"HTTP/1.1 101 ")
        while stream.readline() not in (b"\r\n", b""):
            pass
        # One text frame, masked with zeros.
        connection.sendall(bytes([0x81, 0x80 | 5]) + bytes(4) + b"hello")
        first, length = stream.read(2)
        assert (first, stream.read(length)) == (0x81, b"echo hello")


def test_health_checks_that_go_well_leave_no_line(container: Container) -> None:
    assert container.exec("/usr/lib/nuwa/healthcheck").ok
    assert container.get("/last") is not None
    wait_until(lambda: "GET /last" in container.log(), "a line after the check")
    assert "127.0.0.1" not in container.log()


def test_a_stop_ends_the_lifespan(container: Container) -> None:
    assert container.stop() < 7
    assert container.exit_code() == 0
    assert "server: lifespan.shutdown" in container.log()
    assert "lifespan.shutdown" in container.logged("server.log")
