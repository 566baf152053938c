"""Sockets that systemd hands over."""

from __future__ import annotations

import pytest

from nuwa.web import sd_notify


def test_sockets_of_another_process_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "2")
    assert sd_notify.sockets() == {}
