"""A slow line to an ssh server; killing this cuts it: python slow_line.py BYTES_A_SECOND PIDS HOST."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from pathlib import Path

CHUNK = 1 << 14


def back(line: socket.socket) -> None:
    while chunk := line.recv(CHUNK):
        os.write(1, chunk)
    os._exit(0)


def main() -> None:
    rate, pids, host = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    with pids.open("a") as file:
        file.write(f"{os.getpid()}\n")
    with socket.create_connection((host, 22)) as line:
        threading.Thread(target=back, args=(line,), daemon=True).start()
        while chunk := os.read(0, CHUNK):
            line.sendall(chunk)
            time.sleep(len(chunk) / rate)


main()
