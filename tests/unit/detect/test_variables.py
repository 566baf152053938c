"""Variables of the environment, by whichever reader a project uses, and how they are sorted."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.detect.detect import detect
from nuwa.detect.model import Environment, Variable
from nuwa.detect.tree import Tree
from nuwa.detect.variables import read


def variables(tmp_path: Path, text: str, **more: str) -> dict[str, Variable]:
    (tmp_path / "settings.py").write_text(text)
    for name, content in more.items():
        (tmp_path / f"{name}.py").write_text(content)
    tree = Tree(tmp_path)
    return {variable.name: variable for variable in read(tree, tree.python)}


@pytest.mark.parametrize(
    ("text", "name", "required", "default"),
    [
        ('import os\nA = os.environ["X"]', "X", True, None),
        ('import os\nA = os.environ.get("X")', "X", False, None),
        ('import os\nA = os.getenv("X", "no")', "X", False, "no"),
        ('from os import environ\nA = environ["X"]', "X", True, None),
        ('import os\nif "X" in os.environ:\n    A = os.environ["X"]', "X", False, None),
        ('import os\nif os.getenv("Y"):\n    A = os.environ["X"]', "X", False, None),
        ('import environ\nenv = environ.Env()\nA = env("X")', "X", True, None),
        ('import environ\nenv = environ.Env()\nA = env.bool("X", default=False)', "X", False, "False"),
        ('import environ\nenv = environ.Env(X=(bool, True))\nA = env("X")', "X", False, "True"),
        ('import environ\nenv = environ.Env()\nA = env("X", str)', "X", True, None),
        ("import environ\nenv = environ.Env()\nA = env.db()", "DATABASE_URL", True, None),
        ('from environs import Env\nenv = Env()\nA = env.str("X", "d")', "X", False, "d"),
        ('from decouple import config\nA = config("X")', "X", True, None),
        ('from decouple import config as read\nA = read("X", default="d", cast=str)', "X", False, "d"),
        ('from starlette.config import Config\nc = Config(".env")\nA = c("X", cast=str)', "X", True, None),
        ('import os\ndef secret(name):\n    return os.environ[name]\nA = secret("X")', "X", True, None),
        ('import os\ndef b(n, d=None):\n    return os.getenv(n, d)\nA = b("X")', "X", False, None),
        (
            "import os\ndef need(n):\n    v = os.getenv(n)\n    if v is None:\n        raise KeyError(n)\n"
            "A = need('X')",
            "X",
            True,
            None,
        ),
        (
            "import environ\nenv = environ.Env()\ndef need(n):\n    v = env.str(n, default='').strip()\n"
            "    if not v:\n        raise KeyError(n)\n    return v\nA = need('X')",
            "X",
            True,
            None,
        ),
        ("import dj_database_url\nA = dj_database_url.config()", "DATABASE_URL", False, None),
    ],
)
def test_every_reader_is_known(
    tmp_path: Path, text: str, name: str, required: bool, default: str | None
) -> None:
    found = variables(tmp_path, text)[name]
    assert (found.required, found.default) == (required, default)


PYDANTIC = """
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic import Field
class Common(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="APP_")
    token: str
    debug: bool = True
    size: int = Field(3)
    named: str = Field(..., validation_alias="OTHER")
"""


def test_fields_of_pydantic_settings_are_variables_through_whatever_modules(tmp_path: Path) -> None:
    more = "from settings import Common\nclass Settings(Common):\n    extra: str\n"
    found = variables(tmp_path, PYDANTIC, config=more)
    assert {name: item.required for name, item in found.items()} == {
        "APP_TOKEN": True,
        "APP_DEBUG": False,
        "APP_SIZE": False,
        "OTHER": True,
        "EXTRA": True,
    }


def test_another_objects_environment_is_not_the_process_s(tmp_path: Path) -> None:
    assert variables(tmp_path, 'def f(request):\n    return request.environ["SERVER_NAME"]') == {}


def environment(tmp_path: Path, text: str, **files: str) -> Environment:
    (tmp_path / "app.py").write_text(f"import os\nfrom flask import Flask\napp = Flask(__name__)\n{text}\n")
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    return detect(tmp_path).environment


def test_only_the_frameworks_own_keys_are_made_up(tmp_path: Path) -> None:
    text = (
        'D = os.environ["PRIVATE_BUCKET_NAME"]\n'
        'app.config["SECRET_KEY"] = os.environ["SITE_KEY"]\nA = os.environ["STRIPE_SECRET_KEY"]\n'
        'B = os.environ["RECAPTCHA_SECRET_KEY"]\nC = os.environ["JWT_SECRET_KEY"]'
    )
    found = environment(tmp_path, text)
    assert found.generated == ("JWT_SECRET_KEY", "SITE_KEY")
    assert found.secrets == ("RECAPTCHA_SECRET_KEY", "STRIPE_SECRET_KEY")


def test_what_may_stay_away_is_no_secret_to_supply(tmp_path: Path) -> None:
    found = environment(tmp_path, 'A = os.getenv("SENTRY_DSN", "")\nB = os.environ["MAIL_PASSWORD"]')
    assert found.secrets == ("MAIL_PASSWORD",)
    assert [item.name for item in found.optional] == ["SENTRY_DSN"]


def test_debug_that_is_on_by_default_is_switched_off(tmp_path: Path) -> None:
    assert environment(tmp_path, 'DEBUG = os.getenv("DEBUG", "True") == "True"').clear == {"DEBUG": "False"}
    assert environment(tmp_path, 'DEBUG = os.getenv("DEBUG") == "True"').clear == {}


def test_the_configuration_for_production_is_chosen_in_the_code_s_own_word(tmp_path: Path) -> None:
    text = 'NAME = os.getenv("FLASK_CONFIG") or "default"\nALL = {"production": 1, "default": 2}'
    assert environment(tmp_path, text).clear == {"FLASK_CONFIG": "production"}


def test_needed_values_come_from_the_project_s_own_files_or_stay_open(tmp_path: Path) -> None:
    dockerfile = "FROM python:3.12\nENV REGION=eu-west-1 ADMIN=you@example.com\n"
    text = 'A = os.environ["REGION"]\nB = os.environ["ADMIN"]\nC = os.environ["PATH"]'
    found = environment(tmp_path, text, Dockerfile=dockerfile)
    assert found.clear == {"REGION": "eu-west-1"}
    assert [item.name for item in found.open] == ["ADMIN"]


@pytest.mark.parametrize(
    ("text", "clear"),
    [
        ('A = os.environ["PYTHON_VERSION"]', {"PYTHON_VERSION": "3.13"}),
        ('A = os.environ.get("PYTHON_VERSION")', {}),
        ('A = os.environ["PYTHONPATH"]', {}),
    ],
)
def test_an_app_that_needs_what_the_python_image_of_docker_sets_has_it(
    tmp_path: Path, text: str, clear: dict[str, str]
) -> None:
    (tmp_path / "app.py").write_text(f"import os\nfrom flask import Flask\napp = Flask(__name__)\n{text}\n")
    assert detect(tmp_path, ("3.13",)).environment.clear == clear


def test_an_app_that_asks_is_told_of_the_proxy_in_front_of_it(tmp_path: Path) -> None:
    compose = (
        "services:\n  web:\n    build: .\n    environment:\n      REVERSE_PROXY: 'true'\n      THEME: dark\n"
    )
    text = 'A = os.getenv("REVERSE_PROXY")\nB = os.getenv("THEME")'
    assert environment(tmp_path, text, **{"compose.yml": compose}).clear == {"REVERSE_PROXY": "true"}
    assert environment(tmp_path, text, **{"compose.yml": ""}).clear == {}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("app.config['SECRET_KEY'] = 'x'", True),
        ("class Config:\n    SECRET_KEY = 'x'", True),
        ("class A:\n    SECRET_KEY = os.getenv('KEY', 'x')\nclass Testing(A):\n    SECRET_KEY = 'x'", False),
        ("class A:\n    SECRET_KEY: str = ini['K'] or new()\nclass TestA(A):\n    SECRET_KEY = 'x'", False),
    ],
)
def test_a_key_in_the_code_is_told_only_where_it_is_one(tmp_path: Path, code: str, said: bool) -> None:
    text = f"import os\nfrom flask import Flask\napp = Flask(__name__)\n{code}\n"
    (tmp_path / "app.py").write_text(text)
    assert any("SECRET_KEY is in" in line for line in detect(tmp_path).check) == said


def test_what_a_branch_alone_reads_is_not_required(tmp_path: Path) -> None:
    found = variables(
        tmp_path,
        "from environs import Env\nenv = Env()\nUSE_S3 = env.bool('USE_S3', False)\n"
        "if USE_S3:\n    BUCKET = env('BUCKET')\nHOST = env('HOST')\n",
    )
    assert not found["BUCKET"].required
    assert found["HOST"].required


def test_a_field_that_another_line_reads_with_a_fallback_is_still_required(tmp_path: Path) -> None:
    found = variables(
        tmp_path,
        "import os\nfrom pydantic_settings import BaseSettings\n"
        "class Settings(BaseSettings):\n    algorithm: str = os.getenv('ALGORITHM')\n    ALGORITHM: str\n",
    )
    assert found["ALGORITHM"].required


def test_scripts_of_developers_ask_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/release.py").write_text("import os\nT = os.environ['GITHUB_TOKEN']\n")
    (tmp_path / "main.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    assert detect(tmp_path).environment.secrets == ()


@pytest.mark.parametrize(
    ("read", "mapped"),
    [
        # The parts of one database go together; a name that only looks like one stays out.
        (("DB_HOST", "DB_PASSWORD", "DB_NAME", "TRAC_DB_NAME"), {"DB_HOST", "DB_PASSWORD", "DB_NAME"}),
        (("POSTGRES_HOST", "POSTGRES_PASSWORD", "PGPORT"), {"POSTGRES_HOST", "POSTGRES_PASSWORD", "PGPORT"}),
        (
            ("POSTGRES_HOST", "POSTGRES_PASSWORD", "MYSQL_HOST", "MYSQL_PASSWORD", "MYSQL_USER"),
            {"MYSQL_HOST", "MYSQL_PASSWORD", "MYSQL_USER"},
        ),
        # Its parts are read where there is no address, and the app is given one.
        (("DATABASE_URL", "DATABASE_HOST", "DATABASE_PASSWORD"), set()),
    ],
)
def test_the_parts_of_one_database_are_filled(
    tmp_path: Path, read: tuple[str, ...], mapped: set[str]
) -> None:
    lines = "".join(f"{name} = os.getenv('{name}')\n" for name in read)
    (tmp_path / "main.py").write_text(f"import os\nfrom flask import Flask\napp = Flask(__name__)\n{lines}")
    (tmp_path / "requirements.txt").write_text("pymysql\n" if "MYSQL_HOST" in read else "psycopg2\n")
    database = detect(tmp_path).database
    assert database is not None
    assert set(database.env) == mapped


def test_a_second_address_has_the_scheme_of_the_example(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "from fastapi import FastAPI\nfrom pydantic_settings import BaseSettings\napp = FastAPI()\n"
        "class Settings(BaseSettings):\n    DATABASE_URL: str\n    DATABASE_ASYNC_URL: str\n"
    )
    (tmp_path / "requirements.txt").write_text("asyncpg\n")
    (tmp_path / ".env.example").write_text("DATABASE_ASYNC_URL=postgresql+asyncpg://a:b@localhost:5432/c\n")
    database = detect(tmp_path).database
    assert database is not None
    assert database.env == {
        "DATABASE_ASYNC_URL": "postgresql+asyncpg://{user}:{password}@{host}:{port}/{name}"
    }


def test_a_variable_that_looks_like_an_engine_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import os\nfrom flask import Flask\napp = Flask(__name__)\nX = os.environ['REDIS_DB']\n"
    )
    assert [variable.name for variable in detect(tmp_path).environment.open] == ["REDIS_DB"]


@pytest.mark.parametrize(
    ("text", "required"),
    [
        ("A = os.environ.get('X').split(',')", True),
        ("A = int(os.getenv('X'))", True),
        ("A = os.environ.get('X', '').split(',')", False),
        ("A = os.getenv('X').split(',') if os.getenv('X') else []", False),
        ("A = os.getenv('X') and os.getenv('X').split(',')", False),
        ("A = os.environ.get('X')", False),
    ],
)
def test_what_fails_without_a_value_is_required(tmp_path: Path, text: str, required: bool) -> None:
    assert variables(tmp_path, f"import os\n{text}")["X"].required is required


def test_a_reader_that_comes_by_a_star_reads_too(tmp_path: Path) -> None:
    found = variables(
        tmp_path, "from base import *\nKEY = config('SECRET_KEY')\n", base="from decouple import config\n"
    )
    assert found["SECRET_KEY"].required


def test_migrations_of_a_folder_below_run_there(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    (tmp_path / "src/main.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    web = detect(tmp_path).web
    assert web is not None
    assert web.release == "sh -c 'cd src && alembic upgrade head'"


@pytest.mark.parametrize(
    ("reads", "clear"),
    [
        ("os.environ.get('LOG_TO_STDOUT')", {"LOG_TO_STDOUT": "1"}),
        ("os.environ.get('LOG_TO_STDOUT', '1')", {}),
    ],
)
def test_logs_go_to_standard_output_where_a_variable_says_so(
    tmp_path: Path, reads: str, clear: dict[str, str]
) -> None:
    app = (
        "from flask import Flask\nimport os\napp = Flask(__name__)\n"
        f"def start():\n    if not {reads}:\n        os.mkdir('logs')\n"
    )
    (tmp_path / "app.py").write_text(app)
    found = detect(tmp_path)
    assert found.environment.clear == clear
    assert any("creates the folder logs" in line for line in found.check) is not bool(clear)
