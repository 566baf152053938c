"""The load client counts what a server drops, sends nothing twice, and blames nobody for a polite goodbye."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamEnded

from benchmarks.load import background
from benchmarks.load.http2 import Http2
from benchmarks.load.report import Sample, answers, percentile, summary, timeline
from benchmarks.load.run import Plan, run
from benchmarks.load.target import Target, UnprocessedError

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Handler = Callable[[Reader, Writer], Awaitable[None]]


class Web:
    """A server on a free port that answers each connection with `handler` and knows what it was asked."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0

    async def take(self, reader: Reader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"Content-Length" in line), 0
        )
        self.requests.append(head + await reader.readexactly(length))
        return head

    async def always(self, answer: bytes, times: int, reader: Reader, writer: Writer) -> None:
        """Answer so many requests of a connection and close it then, without a word."""
        self.connections += 1
        try:
            for _ in range(times):
                await self.take(reader)
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    async def drop(self, reader: Reader, writer: Writer) -> None:
        await self.take(reader)
        writer.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\non\r\n1\r\ne\r\n0\r\n\r\n"
BYE = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\none"
ERROR = b"HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n"


async def _load(handler: Handler, enough: Callable[[], bool], **options: object) -> list[Sample]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    target = Target("http://site.test/path?a=1", address=("127.0.0.1", port), **options)  # type: ignore[arg-type]
    stop = asyncio.Event()
    running = asyncio.create_task(run(Plan(target, connections=1, pause=0.001), stop))
    while not enough():
        await asyncio.sleep(0.001)
    stop.set()
    samples = await running
    server.close()
    return samples


def load(web: Web, handler: Handler, count: int, **options: object) -> list[Sample]:
    return asyncio.run(_load(handler, lambda: len(web.requests) >= count, **options))


@pytest.mark.parametrize("answer", [OK, CHUNKS])
def test_requests_share_a_connection_and_are_all_counted(answer: bytes) -> None:
    web = Web()
    samples = load(web, partial(web.always, answer, 1000), 5, method="POST", body=b"x" * 10)
    assert len(samples) == len(web.requests)
    assert web.connections == 1
    assert {(sample.outcome, sample.body) for sample in samples} == {("", "one")}
    assert web.requests[0].startswith(b"POST /path?a=1 HTTP/1.1\r\nHost: site.test\r\n")
    assert web.requests[0].endswith(b"x" * 10)


@pytest.mark.parametrize("answer", [OK, BYE])
def test_a_connection_that_ends_between_two_requests_is_no_failure(answer: bytes) -> None:
    web = Web()
    samples = load(web, partial(web.always, answer, 1), 5)
    assert web.connections == len(samples) == len(web.requests)
    assert {sample.outcome for sample in samples} == {""}


def test_a_dropped_request_is_a_failure_and_is_not_sent_again() -> None:
    web = Web()
    samples = load(web, web.drop, 5)
    assert len(samples) == len(web.requests)
    assert all(sample.is_("failed") for sample in samples)


def test_an_error_status_is_a_failure() -> None:
    web = Web()
    samples = load(web, partial(web.always, ERROR, 100), 3)
    assert {sample.outcome for sample in samples} == {"failed: status 503"}


def test_without_keep_alive_each_request_has_its_connection() -> None:
    web = Web()
    samples = load(web, partial(web.always, OK, 100), 4, keep_alive=False)
    assert web.connections == len(samples)
    assert b"Connection: close\r\n" in web.requests[0]


def test_a_background_load_lasts_as_long_as_the_block_and_hands_over_all_samples() -> None:
    web, ports, ended = Web(), list[int](), threading.Event()

    async def serve() -> None:
        server = await asyncio.start_server(partial(web.always, OK, 10**6), "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        while not ended.is_set():
            await asyncio.sleep(0.01)
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        while not ports:
            time.sleep(0.01)
        plans = [
            Plan(Target("http://site.test/", ("127.0.0.1", ports[0]), method), connections=1, pause=0.01)
            for method in ("GET", "POST")
        ]
        with background.load(*plans, before=0) as samples:
            while {request.split()[0] for request in web.requests} != {b"GET", b"POST"}:
                time.sleep(0.01)
            assert samples == []
        assert len(samples) == len(web.requests)
    finally:
        ended.set()
        thread.join()


async def _http2(goaway_after: int) -> tuple[int, bytes]:
    """Ask a server that says goodbye, having seen streams up to a number, before it answers stream 1."""

    async def handle(reader: Reader, writer: Writer) -> None:
        protocol = H2Connection(H2Configuration(client_side=False))
        protocol.initiate_connection()
        asked = False
        while not asked:
            events = protocol.receive_data(await reader.read(65536))
            writer.write(protocol.data_to_send())
            asked = any(isinstance(event, RequestReceived | StreamEnded) for event in events)
        protocol.send_headers(1, [(":status", "200")])
        answer = protocol.data_to_send()
        protocol.send_data(1, b"one", end_stream=True)
        answer += protocol.data_to_send()
        protocol.close_connection(last_stream_id=goaway_after)
        writer.write(protocol.data_to_send() + (answer if goaway_after else b""))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    target = Target("http://site.test/", address=server.sockets[0].getsockname())
    connection = await Http2.open(target)
    try:
        answer = await asyncio.wait_for(connection.ask(target), 10)
        assert not connection.usable
        return answer.status, answer.body
    finally:
        connection.close()
        server.close()


def test_a_stream_that_the_server_began_is_answered_after_its_goodbye() -> None:
    assert asyncio.run(_http2(goaway_after=1)) == (200, b"one")


def test_a_stream_that_the_server_never_saw_may_be_sent_again_and_is_told_apart() -> None:
    with pytest.raises(UnprocessedError):
        asyncio.run(_http2(goaway_after=0))


SAMPLES = [
    Sample(100.0, 0.010, "", "one"),
    Sample(100.5, 0.020, "failed: status 502"),
    Sample(101.0, 0.030, "", "two"),
    Sample(101.5, 0.040, "unprocessed: GOAWAY"),
    Sample(101.8, 0.050, "", "two"),
]


def test_the_summary_counts_by_outcome_and_takes_delays_of_answers_alone() -> None:
    found = summary(SAMPLES)
    assert (found["requests"], found["failed"], found["unprocessed"]) == (5, 1, 1)
    assert (found["p50"], found["max"]) == (30.0, 50.0)


def test_answers_say_when_each_release_was_first_and_last_asked() -> None:
    assert answers(SAMPLES)["two"] == {"count": 2, "first": 101.0, "last": 101.8}


def test_the_timeline_has_one_entry_a_second() -> None:
    assert [(entry["requests"], entry["failed"]) for entry in timeline(SAMPLES)] == [(2, 1), (3, 0)]


def test_a_percentile_of_nothing_is_zero() -> None:
    assert percentile([], 0.99) == 0
    assert percentile(range(1, 101), 0.99) == 100
