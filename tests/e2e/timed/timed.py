"""Answers with the name of its release, with a long header, or with the address of its client."""

from pathlib import Path

RELEASE = (Path(__file__).parent / "release.txt").read_text().strip()


def application(environ, start_response):
    path, headers = environ["PATH_INFO"], [("Content-Type", "text/plain")]
    if path == "/large/":
        headers.append(("X-Large", "x" * int(environ["QUERY_STRING"])))
    start_response("200 OK", headers)
    if path == "/client/":
        return [environ["REMOTE_ADDR"].encode()]
    return [RELEASE.encode()]
