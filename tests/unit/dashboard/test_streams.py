"""Streams: they end with the right of who opened them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nuwa.access.token_file import TokenFile
from nuwa.dashboard import request_context
from nuwa.dashboard.access import Access
from nuwa.dashboard.auth import Visitor


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    (tmp_path / "token").write_text("the-token-of-the-host\n")
    return TokenFile(tmp_path / "tokens.json", tmp_path / "lock")


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access(tmp_path / "token", tmp_path / "tokens.json")


def opened(access: Access, token: str) -> Any:
    """The request of a script whose stream has begun."""
    grant = access.identify(token)
    assert grant
    shared = SimpleNamespace(access=access)
    visitor = Visitor(grant, mark=access.mark(grant.name))
    return SimpleNamespace(
        app=SimpleNamespace(state=SimpleNamespace(dashboard=shared)), state=SimpleNamespace(visitor=visitor)
    )


def test_the_stream_of_a_script_ends_when_its_token_is_revoked(file: TokenFile, access: Access) -> None:
    request = opened(access, file.add("ci", "see", ()))
    file.add("other", "see", ())
    assert request_context.is_welcome(request)
    file.remove("ci")
    assert not request_context.is_welcome(request)


def test_a_new_token_of_the_name_does_not_keep_the_streams_of_the_former_one(
    file: TokenFile, access: Access
) -> None:
    request = opened(access, file.add("ci", "see", ()))
    file.remove("ci")
    file.add("ci", "see", ())
    assert not request_context.is_welcome(request)


def test_a_new_token_of_the_host_ends_the_streams_of_the_former_one(
    file: TokenFile, access: Access, tmp_path: Path
) -> None:
    request = opened(access, "the-token-of-the-host")
    assert request_context.is_welcome(request)
    (tmp_path / "token").write_text("another-token-of-the-host\n")
    assert not request_context.is_welcome(request)
