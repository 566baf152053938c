"""Validates nginx's configuration, installs files, and rolls back those that nginx rejects."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path

from nuwa import files
from nuwa.agent import naming
from nuwa.agent.host import systemctl
from nuwa.errors import NuwaError
from nuwa.process import run

RELOAD_TIMEOUT_S = 10
"""Seconds that nginx may take to start new workers."""


def check() -> None:
    """Raises: NuwaError: nginx rejects its configuration; the details say where."""
    found = fault()
    if found:
        raise NuwaError("nginx does not accept its configuration", details=found)


def fault() -> str:
    """nginx's error about its files; empty if it accepts them."""
    result = run(["nginx", "-t", "-q"], check=False, timeout=60)
    return "" if result.ok else result.stderr.strip()


def reload() -> None:
    """Have nginx reload its files, and wait until its old workers accept no new requests."""
    before = _workers()
    systemctl.reload_or_start(naming.ROUTER)
    end = time.monotonic() + RELOAD_TIMEOUT_S
    while any(_takes_requests(worker) for worker in before) and time.monotonic() < end:
        time.sleep(0.05)


def _workers() -> list[int]:
    master = systemctl.show([naming.ROUTER]).get(naming.ROUTER, {}).get("MainPID", "0")
    try:
        return [int(word) for word in Path(f"/proc/{master}/task/{master}/children").read_text().split()]
    except OSError:
        return []


def _takes_requests(worker: int) -> bool:
    """Whether a worker still accepts connections; nginx changes its process title when it stops doing so."""
    try:
        title = Path(f"/proc/{worker}/cmdline").read_bytes()
    except OSError:
        return False
    return b"worker process" in title and b"shutting down" not in title


def replace(wanted: Mapping[Path, str | None]) -> list[str]:
    """Write files to nginx's folder, or remove those with `None`, and have nginx reload them.

    The previous version of a file that nginx rejects is restored, and the others take effect without it.

    Returns:
        the rejected files, one sentence each.

    Raises:
        NuwaError: nginx rejects its files whichever is restored; all of them were restored.
    """
    before = {path: _content(path) for path in wanted}
    if not any(before[path] != content for path, content in wanted.items()):
        return []
    if fault():
        # An earlier error: the new files may fix it, but did not cause it.
        _put(wanted)
        if still := fault():
            _put(before)
            raise NuwaError("nginx already rejected its configuration before this change", details=still)
        reload()
        return []
    _put(wanted)
    refused: list[str] = []
    while found := fault():
        culprit = next(
            (path for path in wanted if str(path) in found and _content(path) != before[path]), None
        )
        if culprit is None:
            _put(before)
            raise NuwaError("nginx rejects the new files; the previous ones were restored", details=found)
        _put({culprit: before[culprit]})
        refused.append(
            f"nginx rejects {culprit.name}, whose previous version was restored: {_sentence(found)}"
        )
    reload()
    return refused


def _content(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _put(contents: Mapping[Path, str | None]) -> None:
    for path, content in contents.items():
        if content is None:
            path.unlink(missing_ok=True)
        elif _content(path) != content:
            files.write(path, content)


def _sentence(text: str) -> str:
    first = next((line for line in text.splitlines() if "[emerg]" in line), text)
    return re.sub(r"^.*\[emerg\]\s*(\d+#\d+:\s*)?", "", first).strip()
