"""nginx's own opinion of its files, and what happens when it has none of one of them."""

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
    """Raises: NuwaError: nginx does not accept its configuration; the details say where."""
    found = fault()
    if found:
        raise NuwaError("nginx does not accept its configuration", details=found)


def fault() -> str:
    """What nginx has against its files; empty when it accepts them."""
    result = run(["nginx", "-t", "-q"], check=False, timeout=60)
    return "" if result.ok else result.stderr.strip()


def reload() -> None:
    """Let nginx read its files, and wait until its former workers take no new request."""
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
    """Whether a worker still accepts connections; nginx writes into its title when it stops to."""
    try:
        title = Path(f"/proc/{worker}/cmdline").read_bytes()
    except OSError:
        return False
    return b"worker process" in title and b"shutting down" not in title


def replace(wanted: Mapping[Path, str | None]) -> list[str]:
    """Put files into nginx's folder, or (`None`) take them out, and let it read them.

    A file that nginx refuses is put back as it was, and the others take effect without it.

    Returns:
        what was refused, one sentence each.

    Raises:
        NuwaError: nginx refuses its files whatever is put back; all of them are as they were.
    """
    before = {path: _content(path) for path in wanted}
    if not any(before[path] != content for path, content in wanted.items()):
        return []
    if fault():
        # Not ours: the new files may fix it, but cannot be blamed for it.
        _put(wanted)
        if still := fault():
            _put(before)
            raise NuwaError("nginx did not accept its configuration before this change either", details=still)
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
