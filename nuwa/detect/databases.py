"""Which database a project uses, and which variables it reads the address from."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from nuwa.detect.model import Database, Variable
from nuwa.detect.testimony import Testimony

DRIVERS = (
    (
        "postgresql",
        ("psycopg", "psycopg2", "psycopg2-binary", "psycopg-binary", "asyncpg", "pg8000", "psycopg-c"),
    ),
    (
        "mariadb",
        (
            "mysqlclient",
            "pymysql",
            "aiomysql",
            "asyncmy",
            "mysql-connector-python",
            "flask-mysqldb",
            "mariadb",
        ),
    ),
)
_PART_NAMES = ("host", "port", "user", "password", "name")
_PREFIX = r"(?:[A-Z0-9]+_)*?(?:POSTGRES(?:QL)?|PG|DB|SQL|DATABASE|MYSQL|MARIADB|RDS)_?"
_PARTS = (
    ("host", rf"{_PREFIX}(?:DB_)?(?:HOST|HOSTNAME|SERVER|ADDRESS|ADDR)"),
    ("port", rf"{_PREFIX}(?:DB_)?PORT"),
    ("user", rf"{_PREFIX}(?:DB_)?(?:USER|USERNAME)"),
    ("password", rf"{_PREFIX}(?:DB_)?(?:PASSWORD|PASS|PASSWD|PW|PWD)"),
    ("name", rf"{_PREFIX}(?:DB|NAME|DATABASE|DBNAME|DB_NAME|DATABASE_NAME)|PGDATABASE|{_PREFIX}DATABASE"),
    (
        "url",
        rf"(?:{_PREFIX}(?:UR[LI]|DSN|CONN_STR|CONNECTION_STRING|DATABASE_UR[LI]|ASYNC_UR[LI])|SQLALCHEMY_DATABASE_UR[LI]|SQLALCHEMY_UR[LI]|DATABASE_ASYNC_URL)",
    ),
)
_OTHER_SERVERS = re.compile(
    r"REDIS|MONGO|RABBIT|CELERY|CACHE|MAIL|SMTP|LDAP|TEST|DEV_|ELASTIC|INFLUX|S3|AUTH|SHADOW|REPLICA"
)
_SCHEMES = re.compile(r"^((?:postgres(?:ql)?|mysql|mariadb|sqlite)(?:\+\w+)?)://")
_ENGINES = {
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mysql": "mariadb",
    "mariadb": "mariadb",
    "sqlite": "sqlite",
}
DATABASE_URL = "DATABASE_URL"


_SQLALCHEMY = frozenset({"sqlalchemy", "sqlmodel", "flask-sqlalchemy", "databases"})
_DRIVERS = {
    "postgresql": (("psycopg2", ("psycopg2", "psycopg2-binary")), ("psycopg", ("psycopg",))),
    "mysql": (("mysqldb", ("mysqlclient",)), ("pymysql", ("pymysql",))),
}
_ASYNC_DRIVERS = {
    "postgresql": (("asyncpg", ("asyncpg",)), ("psycopg", ("psycopg",))),
    "mysql": (("aiomysql", ("aiomysql",)), ("asyncmy", ("asyncmy",))),
}


def sqlalchemy_scheme(engine: str, packages: Collection[str], version: str, is_async: bool) -> str:
    """The URL scheme with which SQLAlchemy uses the required driver; empty: it does so by default.

    Its default for `postgresql:` is psycopg2, or psycopg from 2.1 on; for `mysql:` it is mysqldb.

    Args:
        engine: as in `database.engine`.
        packages: names of the required packages.
        version: SQLAlchemy's, if it is pinned; empty: the newest.
        is_async: the code creates an asynchronous engine.
    """
    scheme = "mysql" if engine == "mariadb" else engine
    if not _SQLALCHEMY & set(packages):
        return ""
    table = (_ASYNC_DRIVERS if is_async else _DRIVERS).get(scheme, ())
    driver = next((name for name, names in table if set(names) & set(packages)), "")
    old = bool(version) and [int(part) for part in re.findall(r"\d+", version)[:2]] < [2, 1]
    own = "mysqldb" if scheme == "mysql" else "psycopg2" if old else "psycopg"
    return f"{scheme}+{driver}" if driver not in ("", own) else ""


def with_driver(database: Database, scheme: str, *, reads_url: bool) -> Database:
    """The database with a scheme in its URLs, except in those that already name a driver.

    Args:
        reads_url: the app reads DATABASE_URL, which nuwa sets in any case.
    """
    address = f"{scheme}://{{user}}:{{password}}@{{host}}:{{port}}/{{name}}"
    given = {name: address if part == "url" else part for name, part in database.env.items()}
    whole = any(part not in _PART_NAMES for part in given.values())
    separate = {"host", "password"} <= set(given.values())
    if DATABASE_URL not in given and not whole and (reads_url or not separate):
        given[DATABASE_URL] = address
    return replace(database, env=dict(sorted(given.items())))


def find(
    variables: Sequence[Variable], packages: Iterable[str], said: Testimony, settings_engine: str = ""
) -> Database | None:
    """The database, by the most reliable evidence: what compose starts, the driver, the address in the code.

    Args:
        variables: what the code reads.
        packages: names of the required packages.
        settings_engine: what the framework's settings name.

    Returns:
        None if the code reads no variable that nuwa could set.
    """
    told = [Variable(name, value) for name, value in said.environment.items() if _SCHEMES.match(value)]
    names = {item.name: item for item in (*told, *variables) if not _OTHER_SERVERS.search(item.name)}
    samples = {name: value for name, value in said.samples.items() if _SCHEMES.match(value)}
    for name, item in names.items():
        if not item.default and name in samples:
            names[name] = replace(item, default=samples[name])
    names |= {item.name: item for item in told if item.name in names and not names[item.name].default}
    parts = _of_one(
        {name: part for name in names if name != DATABASE_URL and (part := _part(name))}, said.engine[0]
    )
    reads_url = DATABASE_URL in names
    if not reads_url and "url" not in parts.values() and not {"host", "password"} <= set(parts.values()):
        return None
    engine, where = _engine(names, set(packages), said, settings_engine)
    if not engine:
        return None
    return Database(engine, _mapping(names, parts, reads_url, engine), where)


def _of_one(parts: dict[str, str], engine: str) -> dict[str, str]:
    """The parts of one database: if variables of several are read, the one with the most parts."""
    groups: dict[str, dict[str, str]] = {}
    for name, part in parts.items():
        if part != "url":
            groups.setdefault(_family(name), {})[name] = part
    if len(groups) < 2:
        return parts
    words = {"postgresql": r"POSTGRES|PG", "mariadb": r"MYSQL|MARIADB"}.get(engine, r"^$")
    best = max(groups, key=lambda key: (len(set(groups[key].values())), bool(re.search(words, key))))
    kept = groups[best]
    for key, group in groups.items():
        # Add what the group itself lacks: POSTGRES_DB to DB_HOST, PGPORT to POSTGRES_HOST.
        other = {name: part for name, part in group.items() if part not in kept.values()}
        kept |= other if key in _PLAIN_FAMILIES else {}
    return kept | {name: part for name, part in parts.items() if part == "url"}


_PLAIN_FAMILIES = ("POSTGRES", "PG", "DB", "DATABASE", "MYSQL", "MARIADB", "SQL")


def _family(name: str) -> str:
    """The prefix that the variables of one database share: `DB` of DB_HOST."""
    first = re.sub(rf"_?(?:{_LAST})$", "", name.upper())
    return first.removesuffix("_DB")


_LAST = (
    r"HOST|HOSTNAME|SERVER|ADDRESS|ADDR|PORT|USER|USERNAME|PASSWORD|PASS|PASSWD|PW|PWD"
    r"|DBNAME|(?<=_)DB|NAME|(?<=_)DATABASE|(?<=PG)DATABASE"
)


def _part(name: str) -> str:
    return next((part for part, pattern in _PARTS if re.fullmatch(pattern, name.upper())), "")


def _engine(
    names: dict[str, Variable], packages: set[str], said: Testimony, settings_engine: str
) -> tuple[str, str]:
    engines = [item.default or "" for name, item in names.items() if "ENGINE" in name]
    if not said.engine[0] and any("sqlite" in default for default in engines):
        return "sqlite", "the default in the code"
    drivers = [
        (engine, next(iter(sorted(packages & set(known)))))
        for engine, known in DRIVERS
        if packages & set(known)
    ]
    if said.engine[0] and any(engine == said.engine[0] for engine, _ in drivers):
        return said.engine
    if settings_engine and settings_engine != "sqlite":
        return settings_engine, "the settings"
    schemes = [
        found[1].partition("+")[0]
        for variable in names.values()
        if (found := _SCHEMES.match(variable.default or ""))
    ]
    servers = [_ENGINES[scheme] for scheme in schemes if scheme != "sqlite"]
    if servers:
        return servers[0], "the address in the code"
    if len(drivers) == 1:
        engine, package = drivers[0]
        return engine, f"{package} in the requirements"
    if said.engine[0]:
        return said.engine
    if drivers:
        engine, package = drivers[0]
        return engine, f"{package} in the requirements"
    if "sqlite" in schemes or settings_engine == "sqlite":
        return "sqlite", "the address in the code" if "sqlite" in schemes else "the settings"
    return "", ""


def _mapping(
    names: dict[str, Variable], parts: dict[str, str], reads_url: bool, engine: str
) -> dict[str, str]:
    """`database.env`: the part of the address that each variable gets."""
    separate = {name: part for name, part in parts.items() if part != "url"}
    mapped: dict[str, str] = {}
    instead = reads_url and all(_family(name) == "DATABASE" and not names[name].required for name in separate)
    by_parts = engine != "sqlite" and {"host", "password"} <= set(separate.values()) and not instead
    for name, part in parts.items():
        if part == "url" and (names[name].required or not (reads_url or by_parts)):
            mapped[name] = _url(names[name], engine)
    driver = _url(names[DATABASE_URL], engine) if reads_url else "url"
    if driver != "url":
        mapped[DATABASE_URL] = driver
    if by_parts:
        mapped |= separate
    return dict(sorted(mapped.items()))


def _url(variable: Variable, engine: str) -> str:
    """`url`, or the address with the driver that the code names, as in postgresql+asyncpg."""
    found = _SCHEMES.match(variable.default or "")
    scheme = found[1] if found else ""
    if "+" not in scheme or _ENGINES[scheme.partition("+")[0]] != engine or engine == "sqlite":
        return "url"
    return f"{scheme}://{{user}}:{{password}}@{{host}}:{{port}}/{{name}}"
