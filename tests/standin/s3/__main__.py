"""`python -m tests.standin.s3 FOLDER` serves buckets, prints the address, and ends with its input.

What FOLDER.fault says, goes wrong: see `faults`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.standin.s3 import server
from tests.standin.s3.faults import Proxy


def main(folder: Path) -> None:
    port = server.free_port()
    with server.serve(folder, port):
        proxy = Proxy(port, folder.with_name(f"{folder.name}.fault"))
        print(f"http://127.0.0.1:{proxy.begin()}", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
