"""Reads all of a project's deployment files into one `Testimony`."""

from __future__ import annotations

import configparser
import re
import shlex

from nuwa.detect import compose, containerfile, samples
from nuwa.detect.documents import entries, json_document, table, toml_document, yaml_document
from nuwa.detect.testimony import Testimony, assignments
from nuwa.detect.tree import Tree


def read(tree: Tree) -> Testimony:
    """Read all files of a project that show how it is deployed elsewhere.

    If the project is a folder of a repository, compose and example files in the folders above count too.
    """
    said = Testimony()
    for reader in (
        _procfile,
        _app_json,
        _fly,
        _kamal,
        compose.read,
        containerfile.read,
        _units,
        _uwsgi,
        _python,
        samples.read,
        containerfile.read_aptfile,
        _crontabs,
        _cron_recipes,
    ):
        reader(tree, said)
    for above in tree.folders_above:
        compose.read(Tree(above, depth=0), said, tree.root.resolve().relative_to(above).as_posix())
        samples.read(Tree(above, depth=0), said)
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
    document = json_document(tree, "app.json")
    for name, given in table(document, "env").items():
        if isinstance(given, dict):
            if given.get("generator") == "secret":
                said.generated.add(name)
            said.set(name, given.get("value") or None)
        elif isinstance(given, str) and given:
            said.set(name, given)
    said.started("release", table(document, "scripts").get("postdeploy"), "app.json")


def _fly(tree: Tree, said: Testimony) -> None:
    for path in tree.named("fly.toml"):
        document = toml_document(tree, path)
        for name, value in table(document, "env").items():
            said.set(name, value)
        said.started("release", table(document, "deploy").get("release_command"), path)
        for name, command in table(document, "processes").items():
            said.started(name, command, path)
        for mount in entries(document.get("mounts")):
            if isinstance(mount, dict) and mount.get("destination"):
                said.mounts.setdefault(str(mount["destination"]), path)
        services = [table(document, "http_service"), *entries(document.get("services"))]
        for service in services:
            for check in (
                entries(service.get("checks") or service.get("http_checks"))
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
        document = yaml_document(tree, path)
        for name, server in table(document, "servers").items():
            if isinstance(server, dict):
                said.started(name, server.get("cmd"), path)
        environment = table(document, "env")
        for name, value in table(environment, "clear").items():
            said.set(name, value)
        for volume in entries(document.get("volumes")):
            said.mounted(str(volume), path)
        check = table(document, "proxy", "healthcheck") or table(document, "healthcheck")
        if str(check.get("path", "")).startswith("/") and not said.health[0]:
            said.health = (str(check["path"]), path)


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
        given: dict[str, str] = {}
        for value in re.findall(r"(?m)^Environment=(.+)$", text):
            given |= _environment(value)
        for name, value in given.items():
            said.set(name, value)
        found = re.search(r"(?m)^ExecStart=[-@:+!]*(.+)$", text)
        if found:
            known = re.sub(r"\$\{?(\w+)\}?", lambda use: given.get(use[1], use[0]), found[1])  # noqa: B023 - used within this iteration
            said.started(path.rpartition("/")[2].removesuffix(".service"), known, path)


def _environment(line: str) -> dict[str, str]:
    """The variables in a line `Environment=` of a unit, each quoted or not."""
    try:
        words = shlex.split(line)
    except ValueError:
        return dict(assignments(line))
    return {name: value for name, _, value in (word.partition("=") for word in words)}


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
    """Python versions; those of files with that very purpose come first."""
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


_SCHEDULE = re.compile(r"^\s*((?:[\d*/,-]+\s+){5}|@(?:hourly|daily|weekly|monthly)\s+)(\S.*)$")


def _crontabs(tree: Tree, said: Testimony) -> None:
    for path in tree.named("crontab", "crontab.txt", "*.crontab", "cron/*", "cron.d/*"):
        for line in tree.text(path).splitlines():
            found = _SCHEDULE.match(line)
            if found and "python" in found[2]:
                said.started(f"cron {found[1].strip()}", found[2], path)


_RECIPE = re.compile(
    r"^@?(cron\w*|\w+[_-]cron|scheduled?[_-](?:jobs|tasks))(?:\s[^:=]*)?:(?!=)", re.MULTILINE
)


def _cron_recipes(tree: Tree, said: Testimony) -> None:
    """Recipes of a justfile or Makefile for scheduled jobs, which do not say when they run."""
    for path in tree.named("justfile", "Justfile", ".justfile", "Makefile"):
        text = tree.text(path)
        for found in _RECIPE.finditer(text):
            body = re.match(r"[^\n]*\n((?:[ \t]+\S.*\n?)+)", text[found.start() :])
            lines = [line.strip().lstrip("@-") for line in body[1].splitlines()] if body else []
            said.scheduled += [(line, path) for line in lines if not line.startswith("#")]
