"""Sessions: who has one, until when, and what ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.access.token_file import TokenFile
from nuwa.dashboard.access import Access
from nuwa.dashboard.admin_token import Token
from nuwa.dashboard.sessions import IDLE_TIMEOUT_S, MAX_AGE_S, RENEW_AFTER_S, Session, Sessions


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("the-token-of-this-host\n")
    return path


def access(token: Path) -> Access:
    return Access(token, token.with_name("tokens.json"))


def tokens(token: Path) -> TokenFile:
    return TokenFile(token.with_name("tokens.json"), token.with_name("lock"))


@pytest.fixture
def sessions(token: Path, tmp_path: Path, clock: Clock) -> Sessions:
    return Sessions(access(token), tmp_path / "ended.json", clock)


def test_a_cookie_is_recognised_also_after_a_restart(
    sessions: Sessions, token: Path, tmp_path: Path, clock: Clock
) -> None:
    session = sessions.begin()
    cookie = sessions.cookie(session)
    assert sessions.find(cookie) == session
    assert Sessions(access(token), tmp_path / "ended.json", clock).find(cookie) == session


def test_a_changed_cookie_is_worth_nothing(sessions: Sessions) -> None:
    session = sessions.begin()
    name, begun, until, signature = sessions.cookie(session).split(".")
    longer = f"{name}.{begun}.{int(until) + 1}.{signature}"
    for forged in (longer, f"{name}.{begun}.{until}.{'0' * 64}", "", "a.b.c.d", f"{name}.{begun}.{until}"):
        assert sessions.find(forged) is None


def test_a_session_ends_when_it_is_idle_and_after_a_week_in_any_case(
    sessions: Sessions, clock: Clock
) -> None:
    session = sessions.begin()
    begun = clock.now
    clock.now += IDLE_TIMEOUT_S + 1
    assert sessions.find(sessions.cookie(session)) is None
    clock.now = begun
    while clock.now < begun + MAX_AGE_S - 3600:
        clock.now += 3600
        session = sessions.renewed(session) or session
        assert sessions.find(sessions.cookie(session))
    clock.now = begun + MAX_AGE_S
    assert sessions.find(sessions.cookie(session)) is None


def test_a_session_is_not_lengthened_with_every_visit(sessions: Sessions, clock: Clock) -> None:
    session = sessions.begin()
    clock.now += RENEW_AFTER_S
    assert sessions.renewed(session) is None
    clock.now += 1
    assert sessions.renewed(session) == Session(session.id, session.begun, int(clock.now) + IDLE_TIMEOUT_S)


def test_logging_out_ends_copies_of_the_cookie_also_after_a_restart(
    sessions: Sessions, token: Path, tmp_path: Path, clock: Clock
) -> None:
    session, other = sessions.begin(), sessions.begin()
    cookie = sessions.cookie(session)
    sessions.end(session)
    assert sessions.find(cookie) is None
    assert Sessions(access(token), tmp_path / "ended.json", clock).find(cookie) is None
    assert sessions.find(sessions.cookie(other))


def test_a_new_token_ends_all_sessions(sessions: Sessions, token: Path) -> None:
    cookie = sessions.cookie(sessions.begin())
    token.write_text("another-token-than-before\n")
    assert sessions.find(cookie) is None


def test_without_a_token_nobody_gets_in(sessions: Sessions, token: Path) -> None:
    cookie = sessions.cookie(sessions.begin())
    for content in ("", "\n"):
        token.write_text(content)
        assert not Token(token).fits(content)
        assert not Token(token).fits("")
        assert sessions.find(cookie) is None
    token.unlink()
    assert not Token(token).fits("")
    assert sessions.find(cookie) is None


def test_the_proof_of_a_form_belongs_to_one_session(sessions: Sessions) -> None:
    mine, other = sessions.begin(), sessions.begin()
    assert sessions.is_proof(mine, sessions.proof(mine))
    assert not sessions.is_proof(other, sessions.proof(mine))
    assert not sessions.is_proof(mine, "")
    assert not sessions.is_proof(mine, "ü")


def test_the_token_is_compared_without_the_line_break_of_its_file(token: Path) -> None:
    assert Token(token).fits("the-token-of-this-host")
    assert not Token(token).fits("the-token-of-this-hos")
    assert not Token(token).fits("the-token-of-this-hostü")


def test_a_session_is_of_its_token_and_ends_when_that_is_revoked(sessions: Sessions, token: Path) -> None:
    tokens(token).add("ada", "see", ())
    tokens(token).add("bob", "see", ())
    mine, other = sessions.cookie(sessions.begin("ada")), sessions.cookie(sessions.begin("bob"))
    found = sessions.find(mine)
    assert found
    assert found.owner == "ada"
    assert sessions.find(mine.replace("~ada", "~bob")) is None
    assert sessions.find(mine.replace("~ada", "")) is None
    tokens(token).remove("ada")
    assert sessions.find(mine) is None
    assert sessions.find(other)
    tokens(token).add("ada", "see", ())
    assert sessions.find(mine) is None


def test_sessions_of_named_tokens_outlive_the_token_of_the_host(sessions: Sessions, token: Path) -> None:
    tokens(token).add("ada", "see", ())
    cookie = sessions.cookie(sessions.begin("ada"))
    token.write_text("")
    found = sessions.find(cookie)
    assert found
    assert sessions.renewed(found) is None
    assert sessions.is_proof(found, sessions.proof(found))
