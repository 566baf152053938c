"""A server is reached, or the reason is told once the time is up."""

from __future__ import annotations

import socket
import threading

import pytest

from nuwa.render.reach import connect


def test_a_server_that_listens_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect("127.0.0.1", server.getsockname()[1], 20)


def test_a_server_that_begins_to_listen_is_waited_for() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        begin = threading.Timer(0.1, server.listen)
        begin.start()
        connect("127.0.0.1", server.getsockname()[1], 20)
        begin.join()


def test_where_nobody_listens_the_reason_is_told() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="refused"):
            connect("127.0.0.1", server.getsockname()[1], 0)
