"""What both processes of the host have in memory, and how they end."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

import pytest
from starlette.applications import Starlette

from nuwa.web import uvicorn_server

RARE = {
    *("click", "podman", "apprise", "requests", "rich", "pydantic", "jeepney", "pyotp", "difflib"),
    *("urllib.request", "smtplib", "zoneinfo", "multiprocessing.pool"),
}


@pytest.mark.parametrize("module", ["nuwa.agent.server", "nuwa.dashboard.server"])
def test_what_is_rarely_needed_is_not_imported(module: str):
    code = f"import sys, {module}; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not RARE & set(shown.split())


def test_others_have_the_whole_of_uvicorn():
    code = "import nuwa.web.uvicorn_server, uvicorn; assert uvicorn.Server is uvicorn.server.Server"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_server_that_sleeps_ends_when_it_is_asked_to(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uvicorn_server, "TICK_S", 3600)

    async def work() -> None:
        server = uvicorn_server.server(Starlette())
        with socket.create_server(("127.0.0.1", 0)) as listening:
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            while not server.started:
                await asyncio.sleep(0.01)
            assert not server.should_exit
            server.should_exit = True
            await asyncio.wait_for(serving, 60)

    asyncio.run(work())
