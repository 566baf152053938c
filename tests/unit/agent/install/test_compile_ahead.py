"""What `nuwa host init` has Python compile before the services start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nuwa.agent.install import host

LATER = (
    "nuwa/agent/containers/state",
    "nuwa/dashboard/event_relay",
    "jeepney/io/asyncio",
    "uvicorn/protocols/http/h11_impl",
    "podman/client",
    "starlette/responses",
)
"""What they load, some of it only while somebody watches."""


def test_what_the_services_load_is_compiled_and_every_user_can_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))
    former = os.umask(0o077)
    try:
        host.compile_ahead()
    finally:
        os.umask(former)
    compiled = list(tmp_path.rglob("*.opt-2.pyc"))
    names = [str(path).split(".cpython-")[0] for path in compiled]
    assert [part for part in LATER if not any(name.endswith(part) for name in names)] == []
    assert [path for path in compiled if not path.stat().st_mode & 0o004] == []
