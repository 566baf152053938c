"""A guest book on the database of DATABASE_URL: PostgreSQL or MariaDB, one connection a request."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

SEED = Path("seed/greeting")
TABLE = "CREATE TABLE IF NOT EXISTS guest (name text, at double precision)"


def connect():
    url = os.environ["DATABASE_URL"]
    parts = urlsplit(url)
    if parts.scheme == "postgresql":
        import psycopg

        return psycopg.connect(url, connect_timeout=5, autocommit=True)
    import pymysql

    return pymysql.connect(
        host=parts.hostname,
        port=parts.port,
        user=unquote(parts.username),
        password=unquote(parts.password),
        database=parts.path[1:],
        autocommit=True,
        connect_timeout=5,
    )


def query(statement, *values):
    with contextlib.closing(connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def seed() -> str:
    try:
        SEED.write_text("changed by the app")
    except OSError as error:
        return f"{SEED.read_text().strip()} ({error.strerror})"
    return "the app could write it"


def answer(path: str) -> tuple[str, str]:
    what, _, name = path.strip("/").partition("/")
    if what == "add":
        query("INSERT INTO guest VALUES (%s, %s)", name, time.time())
        return "200 OK", "added"
    if what == "seed":
        return "200 OK", seed()
    if what == "secret":
        return "200 OK", str(len(os.environ.get(name, "")))
    return "200 OK", str(query("SELECT count(*) FROM guest")[0][0])


def application(environ, start_response):
    try:
        status, text = answer(environ["PATH_INFO"])
    except Exception as error:  # whatever the driver raises
        status, text = "503 Service Unavailable", f"{type(error).__name__}"
    start_response(status, [("Content-Type", "text/plain")])
    return [text.encode()]


if __name__ == "__main__" and sys.argv[1:] == ["migrate"]:
    query(TABLE)
