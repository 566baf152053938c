"""Answers with the name of its release, which is in a file: a new release is that file alone."""

import socket
import time
from pathlib import Path

RELEASE = (Path(__file__).parent / "release.txt").read_text().strip()
if "broken" in RELEASE:
    raise RuntimeError(f"{RELEASE} does not start")

HOARD = []
DATA = Path("/srv/data")


def application(environ, start_response):
    """`/slow/?3` answers after three seconds, `/hoard/?300` takes so many megabytes; `/host/`
    names the container.

    Where there is a volume, the app is healthy as long as it can write into it.
    """
    path, number = environ["PATH_INFO"], int(environ["QUERY_STRING"] or 0)
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if path == "/slow/":
        time.sleep(number)
    elif path == "/hoard/":
        HOARD.append(b"x" * (number << 20))
    elif path == "/health/" and DATA.is_dir():
        (DATA / "beat").write_bytes(bytes(8192))
    faulty = "faulty" in RELEASE and path == "/"
    start_response("500 Oh" if faulty else "200 OK", [("Content-Type", "text/plain")])
    return [(socket.gethostname() if path == "/host/" else RELEASE).encode()]
