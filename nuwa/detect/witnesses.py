"""What a project's other deployment files say: Procfile, Dockerfile, compose, app.json, fly.toml, Kamal.

They are read together as one testimony: commands, environment, Python, packages, volumes, services.
"""

from __future__ import annotations

import configparser
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nuwa.detect.model import Started
from nuwa.detect.tree import Tree

_NOT_FOR_PRODUCTION = re.compile(r"dev|test|local|debug|ci\b|override|e2e|lint", re.IGNORECASE)
_OWN_ENGINES = {
    "postgres": "postgresql",
    "postgis": "postgresql",
    "timescale": "postgresql",
    "mysql": "mariadb",
    "mariadb": "mariadb",
    "percona": "mariadb",
}


@dataclass
class Testimony:
    """Everything that the files say.

    Args:
        commands: what they start, the most telling file first.
        environment: values of variables that they set, by name; the file that is met first counts.
        samples: values in files of examples, such as .env.example.
        generated: variables that app.json has made up.
        python: versions and where they stand.
        packages: distribution packages that a Dockerfile or an Aptfile installs, with the file.
        mounts: folders that outlive a container, as absolute paths in it, with the file.
        engine: the database that compose starts, with the file.
        services: other services that compose starts: redis, rabbitmq.
        health: path that a health check asks for, with the file.
    """

    commands: list[Started] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)
    generated: set[str] = field(default_factory=set)
    python: list[tuple[str, str]] = field(default_factory=list)
    packages: dict[str, str] = field(default_factory=dict)
    mounts: dict[str, str] = field(default_factory=dict)
    engine: tuple[str, str] = ("", "")
    services: set[str] = field(default_factory=set)
    health: tuple[str, str] = ("", "")
    folder: str = "/app"
    """Where a Dockerfile puts the project."""

    def set(self, name: str, value: object) -> None:
        if value is not None and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            self.environment.setdefault(name, str(value))

    def started(self, name: str, command: object, where: str, folder: str = "") -> None:
        text = (
            shlex.join(str(word) for word in command)
            if isinstance(command, list)
            else str(command or "").strip()
        )
        if text:
            self.commands.append(Started(name, text, where, folder))

    def asks(self, command: object, where: str) -> None:
        """Take the path out of the command of a health check."""
        text = " ".join(map(str, command)) if isinstance(command, list) else str(command or "")
        found = re.search(
            r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::\d+)?(/[A-Za-z0-9/._~-]*)", text
        )
        if found and not self.health[0]:
            self.health = (found[1], where)


def read(tree: Tree) -> Testimony:
    """Read all of a project's files that say how it is started elsewhere.

    Where the project is a folder of a repository, those at the repository's top count too.
    """
    said = Testimony()
    for reader in (
        _procfile,
        _app_json,
        _fly,
        _kamal,
        _compose,
        _dockerfiles,
        _units,
        _uwsgi,
        _python,
        _samples,
        _aptfile,
        _crontabs,
    ):
        reader(tree, said)
    above = tree.root.resolve().parent
    if (above / ".git").exists() and not (tree.root / ".git").exists():
        _compose(Tree(above, depth=0), said)
        _samples(Tree(above, depth=0), said)
    return said


def _procfile(tree: Tree, said: Testimony) -> None:
    for path in tree.named("Procfile"):
        for line in tree.text(path).splitlines():
            name, colon, command = line.partition(":")
            if colon and re.fullmatch(r"[A-Za-z0-9_-]+", name.strip()):
                said.started(name.strip(), command, path, _folder(path))


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _app_json(tree: Tree, said: Testimony) -> None:
    document = _json(tree, "app.json")
    for name, given in _table(document, "env").items():
        if isinstance(given, dict):
            if given.get("generator") == "secret":
                said.generated.add(name)
            said.set(name, given.get("value") or None)
        elif isinstance(given, str) and given:
            said.set(name, given)
    said.started("release", _table(document, "scripts").get("postdeploy"), "app.json")


def _fly(tree: Tree, said: Testimony) -> None:
    for path in tree.named("fly.toml"):
        document = _toml(tree, path)
        for name, value in _table(document, "env").items():
            said.set(name, value)
        said.started("release", _table(document, "deploy").get("release_command"), path)
        for name, command in _table(document, "processes").items():
            said.started(name, command, path)
        for mount in _list(document.get("mounts")):
            if isinstance(mount, dict) and mount.get("destination"):
                said.mounts.setdefault(str(mount["destination"]), path)
        services = [_table(document, "http_service"), *_list(document.get("services"))]
        for service in services:
            for check in (
                _list(service.get("checks") or service.get("http_checks"))
                if isinstance(service, dict)
                else ()
            ):
                if (
                    isinstance(check, dict)
                    and str(check.get("path", "")).startswith("/")
                    and not said.health[0]
                ):
                    said.health = (str(check["path"]), path)


def _kamal(tree: Tree, said: Testimony) -> None:
    for path in tree.named("config/deploy.yml", "config/deploy.yaml"):
        document = _yaml(tree, path)
        for name, server in _table(document, "servers").items():
            if isinstance(server, dict):
                said.started(name, server.get("cmd"), path)
        environment = _table(document, "env")
        for name, value in _table(environment, "clear").items():
            said.set(name, value)
        for volume in _list(document.get("volumes")):
            _mount(said, str(volume), path)
        check = _table(document, "proxy", "healthcheck") or _table(document, "healthcheck")
        if str(check.get("path", "")).startswith("/") and not said.health[0]:
            said.health = (str(check["path"]), path)


def _compose(tree: Tree, said: Testimony) -> None:
    patterns = (
        "docker-compose*.yml",
        "docker-compose*.yaml",
        "compose*.yml",
        "compose*.yaml",
        "production.yml",
    )
    for path in _for_production(list(tree.named(*patterns))):
        services = _table(_yaml(tree, path), "services")
        for name, service in services.items():
            if isinstance(service, dict):
                image = str(service.get("image", "")).rpartition("/")[2].partition(":")[0]
                own = image == tree.root.resolve().name.lower() and bool(image)
                _service(said, str(name), {"build": ".", **service} if own else service, path)


def _for_production(paths: list[str]) -> list[str]:
    """Files for production first, those for development last."""

    def rank(path: str) -> tuple[int, int, str]:
        name = path.rpartition("/")[2]
        return (0 if "prod" in name else 2 if _NOT_FOR_PRODUCTION.search(name) else 1, path.count("/"), path)

    return sorted(paths, key=rank)


def _service(said: Testimony, name: str, service: dict[str, Any], path: str) -> None:
    image = str(service.get("image", "")).rpartition("/")[2].partition(":")[0]
    engine = next((kind for word, kind in _OWN_ENGINES.items() if word in image), "")
    if engine:
        if not said.engine[0] and not _NOT_FOR_PRODUCTION.search(path.rpartition("/")[0]):
            said.engine = (engine, path)
        return
    if not service.get("build") and "build" not in service:
        for kind in ("redis", "valkey", "rabbitmq", "memcached"):
            if kind in image:
                said.services.add(kind)
        if image and not service.get("command"):
            return
    if "build" not in service and not _runs_python(service.get("command")):
        return
    if _NOT_FOR_PRODUCTION.search(name) or re.search(r"node|webpack|playwright|mail", name):
        return
    for key, value in _environment(service.get("environment")):
        if not _NOT_FOR_PRODUCTION.search(path):
            said.set(key, value)
    said.started(name, service.get("command"), path)
    for volume in _list(service.get("volumes")):
        target = volume.get("target") if isinstance(volume, dict) else volume
        source = volume.get("source", "") if isinstance(volume, dict) else ""
        _mount(said, f"{source}:{target}" if isinstance(volume, dict) else str(target), path)
    said.asks(_table(service, "healthcheck").get("test"), path)


def _runs_python(command: object) -> bool:
    text = " ".join(map(str, command)) if isinstance(command, list) else str(command or "")
    return bool(
        re.search(r"\b(?:python3?|gunicorn|uvicorn|celery|rq|flask|manage\.py|daphne|hypercorn)\b", text)
    )


def _environment(given: object) -> Iterator[tuple[str, str]]:
    pairs = (
        given.items() if isinstance(given, dict) else (str(item).partition("=")[::2] for item in _list(given))
    )
    for name, value in pairs:
        text = "" if value is None else str(value)
        if text and "$" not in text:
            yield str(name), text


def _mount(said: Testimony, volume: str, path: str) -> None:
    """A volume of a container; one that brings the whole project in is for development."""
    source, _, target = re.sub(r"\$\{[^}]*\}", "VAR", volume).partition(":")
    target = target.partition(":")[0]
    own_code = source.rstrip("/") in ("", ".", "..") or source.startswith(("./src", "./app:", "${PWD}"))
    if (
        target.startswith("/")
        and not own_code
        and target.rstrip("/") not in ("/app", "/code", "/srv/app", "/src")
    ) and not target.endswith((".sock", ".conf", ".env", ".py", ".sh")):
        said.mounts.setdefault(target.rstrip("/"), path)


def _dockerfiles(tree: Tree, said: Testimony) -> None:
    for path in _for_production(list(tree.named("Dockerfile*", "*.Dockerfile", "Containerfile*"))):
        if _NOT_FOR_PRODUCTION.search(path.rpartition("/")[2]):
            continue
        _dockerfile(tree, said, path)


def _dockerfile(tree: Tree, said: Testimony, path: str) -> None:
    text = re.sub(r"\\\s*\n(?:\s*#[^\n]*\n)*", " ", tree.text(path))
    arguments = dict(re.findall(r"(?m)^ARG\s+(\w+)=[\"']?([^\s\"']+)", text))
    entry = ""
    for instruction, rest in re.findall(r"(?mi)^\s*([A-Z]+)\s+(.+)$", text):
        word = instruction.upper()
        rest = re.sub(r"\$\{?(\w+)\}?", lambda found: arguments.get(found[1], found[0]), rest.strip())
        if word == "FROM":
            found = re.search(r"\bpython:(\d\.\d+)|\bpython(\d\.\d+)-", rest)
            if found:
                said.python.append((found[1] or found[2], path))
        elif word == "ENV":
            for name, value in _env_line(rest):
                said.set(name, value)
        elif word == "WORKDIR" and rest.startswith("/"):
            said.folder = rest.rstrip("/") or said.folder
        elif word == "RUN":
            for package in _installed(rest):
                said.packages.setdefault(package, path)
        elif word == "ENTRYPOINT":
            entry = _words(rest)
        elif word == "CMD":
            said.started(
                "web", f"{entry} {_words(rest)}".strip() if _is_script(entry) else _words(rest), path
            )
            entry = ""
        elif word == "HEALTHCHECK":
            said.asks(rest, path)
        elif word == "VOLUME":
            for target in _words(rest).split():
                _mount(said, f"data:{target}", path)
    if entry:
        said.started("web", entry, path)


def _is_script(entry: str) -> bool:
    return entry.endswith(".sh")


def _words(text: str) -> str:
    """The command of CMD or ENTRYPOINT, in either of its forms."""
    try:
        listed = json.loads(text)
    except ValueError:
        return text
    return shlex.join(map(str, listed)) if isinstance(listed, list) else text


def _env_line(text: str) -> Iterator[tuple[str, str]]:
    pairs = re.findall(r"([A-Za-z_][A-Za-z0-9_]*)=(\"[^\"]*\"|'[^']*'|\S*)", text)
    if not pairs and " " in text:
        pairs = [tuple(text.split(None, 1))]
    for name, value in pairs:
        if "$" not in value:
            yield name, value.strip("\"'")


_NOT_NEEDED = re.compile(
    r"^(?:build-essential|gcc|g\+\+|make|git|curl|wget|vim|nano|sudo|gnupg\d?|ca-certificates|apt-utils|nodejs|npm|python\S*|pip|bash|netcat\S*|procps|unzip|locales|supervisor|nginx|cron|openssh-\S+|software-properties-common|lsb-release|less|htop|dumb-init|tini|gosu|postgresql-client\S*|default-mysql-client|mariadb-client|redis-tools)$"
)


def _installed(run: str) -> Iterator[str]:
    """Packages of Debian that a RUN line installs."""
    for found in re.finditer(r"apt(?:-get)?\s+(?:-\S+\s+)*install\s+([^&|;]+)", run):
        for word in found[1].split():
            name = word.partition("=")[0]
            if re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) and not _NOT_NEEDED.match(name):
                yield name


def _aptfile(tree: Tree, said: Testimony) -> None:
    for path in tree.named("Aptfile"):
        for line in tree.text(path).splitlines():
            name = line.partition("#")[0].strip()
            if re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) and not _NOT_NEEDED.match(name):
                said.packages.setdefault(name, path)


def _units(tree: Tree, said: Testimony) -> None:
    """supervisor's programs and systemd's units."""
    for path in tree.named(
        "supervisor*.conf", "supervisor/*.conf", "supervisord.conf", "*supervisor*/*.conf", "*.supervisor"
    ):
        parser = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";",))
        try:
            parser.read_string(tree.text(path))
        except configparser.Error:
            continue
        for section in parser.sections():
            if section.startswith("program:"):
                said.started(section.partition(":")[2], parser.get(section, "command", fallback=""), path)
    for path in tree.named("*.service"):
        text = re.sub(r"\\\n", " ", tree.text(path))
        found = re.search(r"(?m)^ExecStart=[-@:+!]*(.+)$", text)
        if found:
            said.started(path.rpartition("/")[2].removesuffix(".service"), found[1], path)
        for value in re.findall(r"(?m)^Environment=(.+)$", text):
            for name, given in _env_line(value.strip("\"'")):
                said.set(name, given)


def _uwsgi(tree: Tree, said: Testimony) -> None:
    for path in tree.named("uwsgi*.ini", "*uwsgi*.ini"):
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        try:
            parser.read_string(tree.text(path))
        except configparser.Error:
            continue
        if not parser.has_section("uwsgi"):
            continue
        given = dict(parser.items("uwsgi"))
        module = given.get("module") or given.get("wsgi") or ""
        if not module and given.get("wsgi-file"):
            module = str(given["wsgi-file"]).removesuffix(".py").strip("./").replace("/", ".")
        if module:
            callable_name = f" --callable {given['callable']}" if given.get("callable") else ""
            said.started("web", f"uwsgi --module {module}{callable_name}", path)
        for line in tree.text(path).splitlines():
            key, _, value = (part.strip() for part in line.partition("="))
            if key in ("attach-daemon", "attach-daemon2"):
                said.started("", value, path)
            elif key == "env":
                name, _, text = value.partition("=")
                said.set(name, text)


def _python(tree: Tree, said: Testimony) -> None:
    """Versions of Python; those of files that are made for that go first."""
    version = r"(?:c?python[-@= ]*)?(2\.7|3\.\d{1,2})"
    own: list[tuple[str, str]] = []
    for name, pattern in (
        (".python-version", rf"(?m)^\s*{version}(?:\.\d+)?\s*(?:#.*)?$"),
        ("runtime.txt", rf"(?m)^\s*{version}"),
        (".tool-versions", rf"(?m)^\s*python\s+{version}"),
        ("Pipfile", r"(?m)^\s*python_(?:full_)?version\s*=\s*[\"'](2\.7|3\.\d{1,2})"),
    ):
        found = re.search(pattern, tree.text(name)) if tree.has(name) else None
        if found:
            own.append((found[1], name))
    said.python = [*own, *said.python]


def _samples(tree: Tree, said: Testimony) -> None:
    patterns = (
        ".env.*",
        "*.env.*",
        "env.example",
        "env.sample",
        "example.env",
        "sample.env",
        ".env-*",
        "*.env",
    )
    for path in tree.named(*patterns):
        name = path.rpartition("/")[2]
        if re.search(r"example|sample|template|dist|default|dummy", name):
            for line in tree.text(path).splitlines():
                found = re.match(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$", line)
                if found:
                    said.samples.setdefault(found[1], re.sub(r"\s+#.*$", "", found[2]).strip("\"'"))


_SCHEDULE = re.compile(r"^\s*((?:[\d*/,-]+\s+){5}|@(?:hourly|daily|weekly|monthly)\s+)(\S.*)$")


def _crontabs(tree: Tree, said: Testimony) -> None:
    for path in tree.named("crontab", "crontab.txt", "*.crontab", "cron/*", "cron.d/*"):
        for line in tree.text(path).splitlines():
            found = _SCHEDULE.match(line)
            if found and "python" in found[2]:
                said.started(f"cron {found[1].strip()}", found[2], path)


def _json(tree: Tree, path: str) -> dict[str, Any]:
    try:
        read = json.loads(tree.text(path)) if tree.has(path) else {}
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _toml(tree: Tree, path: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(tree.text(path))
    except (ValueError, RecursionError):
        return {}


def _yaml(tree: Tree, path: str) -> dict[str, Any]:
    import yaml

    try:
        read = yaml.load(tree.text(path), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _table(value: object, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []
