"""The variables that a project reads, sorted into generated, supplied and clear ones."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from nuwa.detect.model import Database, Environment, Service, Variable
from nuwa.detect.testimony import Testimony
from nuwa.detect.tree import Tree
from nuwa.names import is_reserved

FRAMEWORK_KEYS = frozenset(
    {
        *("SECRET_KEY", "DJANGO_SECRET_KEY", "FLASK_SECRET_KEY", "APP_SECRET_KEY", "JWT_SECRET_KEY"),
        *("JWT_SIGNING_KEY", "SECURITY_PASSWORD_SALT", "WTF_CSRF_SECRET_KEY"),
    }
)
"""Keys that the app itself signs with. Those of third parties are never generated."""
_SECRET_WORDS = re.compile(
    r"(?:^|_)(?:API_?)?(?:KEY|KEYS|APIKEY|TOKEN|SECRET|SECRETS|PASSWORD|PASSWD|PASS|DSN|CREDENTIALS?|SALT|PRIVATE)(?:_|$)"
    r"|(?:BROKER|REDIS|AMQP|RABBITMQ|CLOUDINARY|CELERY_RESULT|MONGO\w*|SMTP|EMAIL|CACHE|SENTRY)_UR[LI]$|_RESULT_BACKEND$"
)
_NO_SECRET = re.compile(
    r"PUBLIC_KEY|PUBLISHABLE|BUCKET|_KEY_ID$|ACCESS_KEY_ID|TOKEN_(?:EXPIRE|LIFETIME|URL|TTL|MINUTES|ALGORITHM)|EXPIRE|_PATH$|_FILE$|"
    r"PASSWORD_(?:MIN|MAX|LENGTH|RESET|HASHERS?)|KEY_PREFIX|_MINUTES$|_SECONDS$|_DAYS$|_HOURS$|_ALGORITHM$|_ENABLED$"
)
_OF_THE_CONTAINER = frozenset(
    {"HOME", "HOST", "HOSTNAME", "LANG", "PATH", "PORT", "PWD", "SHELL", "TERM", "TMPDIR", "TZ", "USER"}
)
_OF_THE_SERVER = frozenset(
    {"DATABASE_URL", "GID", "GUNICORN_CMD_ARGS", "SERVER_SOFTWARE", "UID", "WEB_CONCURRENCY"}
)
_OF_PYTHON = frozenset({"DJANGO_SETTINGS_MODULE", "PYTHONPATH", "VIRTUAL_ENV"})
_OF_PLATFORMS = frozenset({"CI", "DYNO", "GITHUB_ACTIONS", "HEROKU"})
_OF_TOOLS = frozenset({"APPDATA", "EDITOR", "PYTEST_CURRENT_TEST", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"})
_OF_DEVELOPMENT = frozenset(
    {
        "DEBUG_TOOLBAR",
        "DJANGO_READ_DOT_ENV_FILE",
        "FLASK_APP",
        "FLASK_RUN_FROM_CLI",
        "READ_DOT_ENV_FILE",
        "RUN_MAIN",
        "WERKZEUG_RUN_MAIN",
    }
)
_OTHERS = _OF_THE_CONTAINER | _OF_THE_SERVER | _OF_PYTHON | _OF_PLATFORMS | _OF_TOOLS | _OF_DEVELOPMENT
"""Variables that are not the app's own: something else sets them."""
_PLATFORM_PREFIXES = (
    "PYTHON",
    "HEROKU_",
    "RENDER_",
    "RAILWAY_",
    "FLY_",
    "GITHUB_RUN",
    "PYTEST_",
    "VERCEL",
    "K_",
    "WERKZEUG_",
)
_DEBUG = re.compile(r"^(?:[A-Z0-9]+_)?DEBUG(?:_MODE)?$")
_STAGE = re.compile(
    r"^(?:FLASK_CONFIG|FLASK_ENV|FLASK_DEBUG_ENV|APP_CONFIG|APP_ENV|APP_SETTINGS|ENVIRONMENT|ENV|MODE|DJANGO_ENV|DJANGO_ENVIRONMENT|STAGE|CONFIG_NAME|CONFIG_MODE|PYTHON_ENV|ENV_STATE|DJANGO_CONFIGURATION)$"
)
_HOSTS = re.compile(r"^(?:[A-Z0-9]+_)*ALLOWED_HOSTS$")
"""Django's ALLOWED_HOSTS. Whatever its value, nginx passes on only requests for the site's domains."""
_BEHIND_PROXY = re.compile(r"^(?:[A-Z0-9]+_)*(?:(?:REVERSE|BEHIND(?:_A)?|TRUST(?:ED)?)_PROXY|PROXY_FIX)$")
"""Variables that say that a proxy is in front of the app, as nginx is here."""
_LOGS = re.compile(r"^(?:[A-Z0-9]+_)*LOGS?_TO_(?:STDOUT|STDERR|CONSOLE)$")
"""Variables that send logs to the container's output, and not to a file in the project."""
_ENGINE = re.compile(
    r"^(?:[A-Z0-9]+_)*(?:DB|SQL|DATABASE|POSTGRES)(?:_(?:ENGINE|TYPE|DRIVER|BACKEND|DIALECT))?$"
)
_ENGINE_WORDS = {"postgresql": r"postg|psycopg", "mariadb": r"mysql|maria"}
_FALSE = ("", "0", "false", "no", "off", "none")


def sort(
    variables: Iterable[Variable],
    tree: Tree,
    said: Testimony,
    database: Database | None,
    service: Service | None = None,
    own_keys: Collection[str] = (),
    given: Mapping[str, str] | None = None,
) -> Environment:
    """Sort the variables that the project's code reads.

    Args:
        variables: those that `variables.read` returns.
        database, service: nuwa sets the variables of these.
        own_keys: variables that the code assigns to the framework's own key.
        given: clear values that are known already.
    """
    clear = dict(given or {})
    is_django = "DJANGO_SETTINGS_MODULE" in clear
    generated: list[str] = []
    secrets: list[Variable] = []
    unknown: list[Variable] = []
    optional: list[Variable] = []
    filled = {*(database.env if database else ()), *(service.env if service else ())}
    for variable in variables:
        name = variable.name
        if name in filled or name in clear or not belongs_to_the_app(name) or _is_debug_off(variable):
            continue
        if name in FRAMEWORK_KEYS or name in own_keys:
            generated.append(name)
        elif (value := _decided(variable, tree, said, database, is_django)) is not None:
            clear[name] = value
        elif is_secret(name):
            (secrets if variable.required else optional).append(variable)
        elif not variable.required:
            optional.append(variable)
        elif (value := _said(name, said)) is not None:
            clear[name] = value
        else:
            unknown.append(variable)
    made_up = sorted({*generated, *(name for name in said.generated if name in FRAMEWORK_KEYS)})
    return Environment(
        tuple(made_up),
        tuple(sorted({variable.name for variable in secrets} - set(made_up))),
        clear,
        tuple(sorted(unknown, key=lambda item: item.name)),
        tuple(sorted(optional, key=lambda item: (not is_secret(item.name), item.name))),
    )


def _is_debug_off(variable: Variable) -> bool:
    return bool(_DEBUG.match(variable.name)) and not variable.required and _is_false(variable)


def _is_false(variable: Variable) -> bool:
    return (variable.default or "").lower() in _FALSE


def _decided(
    variable: Variable, tree: Tree, said: Testimony, database: Database | None, is_django: bool
) -> str | None:
    """The value that a public site behind nginx needs, if a variable's name implies one; else None."""
    name = variable.name
    if _DEBUG.match(name):
        return "False" if (variable.default or "True").title() in ("True", "False") else "0"
    if is_django and _HOSTS.match(name) and "*" not in (variable.default or ""):
        return "*"
    if (stage := _stage(variable, tree, said)) is not None:
        return stage
    if _ENGINE.match(name) and (engine := _engine(variable, said, database, is_django)) is not None:
        return engine
    if _LOGS.match(name) and _is_false(variable):
        return "1"
    return _said(name, said) if _BEHIND_PROXY.match(name) else None


def of_the_python_image(variables: Iterable[Variable], python: str) -> dict[str, str]:
    """PYTHON_VERSION, which Docker Hub's image `python` sets, if the code requires it."""
    wanted = any(variable.name == "PYTHON_VERSION" and variable.required for variable in variables)
    return {"PYTHON_VERSION": python} if wanted and python else {}


def sends_logs_out(name: str) -> bool:
    """Whether a variable of that name sends logs to standard output instead of files."""
    return bool(_LOGS.match(name))


def is_secret(name: str) -> bool:
    """Whether a variable of that name holds a secret."""
    return bool(_SECRET_WORDS.search(name.upper())) and not _NO_SECRET.search(name.upper())


def belongs_to_the_app(name: str) -> bool:
    """Whether a variable is the app's own, and not one of the container, the platform or a tool."""
    if name in _OTHERS or is_reserved(name) or name.startswith(_PLATFORM_PREFIXES):
        return False
    return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name)) and not name.endswith(("_TEST", "TESTING"))


_PLACE = re.compile(
    r"HOST|SERVER|UR[IL]|ADDR|DOMAIN|ORIGIN|PATH|DIR|FILE|PORT|BUCKET|ENDPOINT|EMAIL|MAIL|USER"
)
"""Names of values that differ between hosts, so that an example's value says nothing about them."""
_FIRST_USER = re.compile(
    r"^(?:[A-Z0-9]+_)*(?:(?:FIRST|INITIAL)_(?:SUPER_?USER|ADMIN|USER)|SUPERUSER|ADMIN_USER)(?:_?NAME)?$"
)
"""The first user's login name: an example's is as good as any, since only its password is secret."""


def _said(name: str, said: Testimony) -> str | None:
    """The value that the project's own files give, unless it is a placeholder or a local address."""
    value = said.environment.get(name)
    if _FIRST_USER.match(name) and (login := value or said.samples.get(name, "")) and "$" not in login:
        return login
    if value is None and not _PLACE.search(name):
        value = said.samples.get(name)
    if value is None or re.search(
        r"localhost|127\.0\.0\.1|example\.|change|replace|your[-_ ]|xxx|^\s*$", value, re.IGNORECASE
    ):
        return None
    return value


def _stage(variable: Variable, tree: Tree, said: Testimony) -> str | None:
    """`production`, as the code spells it, for a variable that chooses between configurations."""
    if not _STAGE.match(variable.name):
        return None
    value = said.environment.get(variable.name, "")
    if re.search(r"prod", value, re.IGNORECASE):
        return value
    words = re.findall(
        r"[\"'](prod|production|Production|PRODUCTION|PROD|Prod)[\"']", tree.text(variable.where)
    )
    if variable.name == "FLASK_ENV":
        return None
    return words[0] if words else None


def _engine(
    variable: Variable, said: Testimony, database: Database | None, django: bool = False
) -> str | None:
    """The value that selects the database's engine, if the code's default is another one."""
    words = _ENGINE_WORDS.get(database.engine if database else "")
    if database is None or words is None or re.search(words, variable.default or "", re.IGNORECASE):
        return None
    for values in (said.environment, said.samples):
        if re.search(words, values.get(variable.name, ""), re.IGNORECASE):
            return values[variable.name]
    if "django.db.backends" in (variable.default or "") or (django and variable.name.endswith("ENGINE")):
        return f"django.db.backends.{'mysql' if database.engine == 'mariadb' else database.engine}"
    return None
