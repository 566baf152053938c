"""What both processes of the host have in memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
