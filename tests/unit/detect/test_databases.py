"""How a database is found, and what of its address goes into which variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.detect.detect import detect
from tests.unit.detect.projects import FLASK, lay, written


def test_parts_of_an_address_go_into_the_app_s_own_variables(tmp_path: Path) -> None:
    text = (
        "import os\nfrom flask import Flask\napp = Flask(__name__)\n"
        "H = os.environ['POSTGRES_HOST']\nP = os.environ['POSTGRES_PASSWORD']\n"
        "U = os.environ['POSTGRES_USER']\n"
        "D = os.environ['POSTGRES_DB']\nN = os.getenv('POSTGRES_PORT', 5432)\n"
    )
    found = written(detect(lay(tmp_path, {"app.py": text, "requirements.txt": "psycopg2\n"})))
    assert found["database"]["env"] == {
        "POSTGRES_DB": "name",
        "POSTGRES_HOST": "host",
        "POSTGRES_PASSWORD": "password",
        "POSTGRES_PORT": "port",
        "POSTGRES_USER": "user",
    }
    assert found["image"]["packages"] == ["libpq5"]
    assert found["image"]["build_packages"] == ["libpq-dev"]
    assert "secrets" not in found.get("env", {})


def test_the_scheme_of_an_asynchronous_driver_is_kept(tmp_path: Path) -> None:
    text = (
        "import os\nfrom fastapi import FastAPI\napp = FastAPI()\n"
        "URL = os.getenv('DATABASE_URL', 'postgresql+asyncpg://u:p@localhost/x')\n"
    )
    found = written(detect(lay(tmp_path, {"config.py": text, "main.py": text})))
    scheme = "postgresql+asyncpg://{user}:{password}@{host}:{port}/{name}"
    assert found["database"] == {"engine": "postgresql", "env": {"DATABASE_URL": scheme}}


def test_a_driver_without_an_address_and_migrations_without_a_folder_are_told(tmp_path: Path) -> None:
    files = {"shop.py": FLASK, "requirements.txt": "flask\npsycopg2-binary\nflask-migrate\n"}
    told = " ".join(detect(lay(tmp_path, files)).check)
    assert "psycopg2-binary is required, but no variable" in told
    assert 'release = "flask --app shop:app db upgrade"' in told


API = "from flask import Flask\nimport os\napp = Flask(__name__)\nURL = os.environ['DATABASE_URL']\n"


PSYCOPG = "postgresql+psycopg://{user}:{password}@{host}:{port}/{name}"


PSYCOPG2 = "postgresql+psycopg2://{user}:{password}@{host}:{port}/{name}"


ASYNCPG = "postgresql+asyncpg://{user}:{password}@{host}:{port}/{name}"


@pytest.mark.parametrize(
    ("requirements", "more", "env"),
    [
        # SQLAlchemy 2.1 takes psycopg by itself, and older ones psycopg2.
        ("sqlalchemy==2.0.4\npsycopg[binary]\n", "", {"DATABASE_URL": PSYCOPG}),
        ("sqlalchemy==2.0.4\npsycopg2-binary\n", "", {}),
        ("flask-sqlalchemy\npsycopg2-binary\n", "", {"DATABASE_URL": PSYCOPG2}),
        ("sqlalchemy\npsycopg[binary]\n", "", {}),
        (
            "sqlalchemy\nasyncpg\n",
            "from sqlalchemy.ext.asyncio import create_async_engine\n",
            {"DATABASE_URL": ASYNCPG},
        ),
        ("asyncpg\n", "", {}),
    ],
)
def test_the_address_names_the_driver_that_sqlalchemy_would_not_take(
    tmp_path: Path, requirements: str, more: str, env: dict[str, str]
) -> None:
    database = detect(lay(tmp_path, {"main.py": API + more, "requirements.txt": requirements})).database
    assert database is not None
    assert database.env == env


def test_an_address_that_is_read_before_its_parts_names_the_driver_too(tmp_path: Path) -> None:
    code = API + "H, P = os.environ['POSTGRES_HOST'], os.environ['POSTGRES_PASSWORD']\n"
    files = {"main.py": code, "requirements.txt": "sqlalchemy==2.0.4\npsycopg\n"}
    database = detect(lay(tmp_path, files)).database
    assert database is not None
    assert database.env["DATABASE_URL"] == PSYCOPG
    assert database.env["POSTGRES_HOST"] == "host"
