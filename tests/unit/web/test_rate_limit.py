"""Who fails again and again has to wait; nobody else does."""

from __future__ import annotations

from nuwa.web.rate_limit import FREE_FAILURES, MAX_WAIT_S, Limiter


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_whoever_guesses_has_to_wait_longer_each_time() -> None:
    clock = Clock()
    limiter = Limiter(clock)
    for _ in range(FREE_FAILURES):
        limiter.fail("192.0.2.1")
        assert limiter.wait("192.0.2.1") == 0
    waits = []
    for _ in range(12):
        limiter.fail("192.0.2.1")
        waits.append(limiter.wait("192.0.2.1"))
    assert waits == sorted(waits)
    assert waits[0] == 1
    assert waits[-1] == MAX_WAIT_S
    clock.now += MAX_WAIT_S
    assert limiter.wait("192.0.2.1") == 0


def test_others_do_not_wait_and_a_whole_ipv6_network_is_one() -> None:
    limiter = Limiter(Clock())
    for host in range(FREE_FAILURES + 1):
        limiter.fail(f"2001:db8::{host:x}")
    assert limiter.wait("2001:db8::ffff") > 0
    assert limiter.wait("2001:db8:0:1::1") == 0
    assert limiter.wait("192.0.2.1") == 0


def test_failures_at_one_thing_say_nothing_of_another() -> None:
    limiter = Limiter(Clock())
    for _ in range(FREE_FAILURES + 1):
        limiter.fail("192.0.2.1", "site")
    assert limiter.wait("192.0.2.1", "site") > 0
    assert limiter.wait("192.0.2.1", "shop") == 0
    assert limiter.wait("192.0.2.1") == 0


def test_success_and_time_forgive() -> None:
    clock = Clock()
    limiter = Limiter(clock)
    for address in ("192.0.2.1", "192.0.2.2"):
        for _ in range(FREE_FAILURES + 1):
            limiter.fail(address)
    limiter.succeed("192.0.2.1")
    assert limiter.wait("192.0.2.1") == 0
    clock.now += 10_000
    limiter.fail("192.0.2.2")
    assert limiter.wait("192.0.2.2") == 0


def test_the_memory_for_addresses_is_bounded() -> None:
    limiter = Limiter(Clock())
    for number in range(5000):
        limiter.fail(f"10.0.{number // 256}.{number % 256}")
    assert len(limiter._records) <= 4096
