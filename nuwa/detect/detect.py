"""Puts together everything that is found in a project."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nuwa.detect import (
    app_files,
    app_names,
    databases,
    django,
    elsewhere,
    env_files,
    environment,
    frameworks,
    frontend,
    packages,
    processes,
    requirement_files,
    servers,
    services,
    sqlite_files,
    variables,
    volumes,
    witnesses,
)
from nuwa.detect.model import (
    Database,
    Environment,
    Frontend,
    Obstacle,
    Project,
    Service,
    Variable,
    Volume,
    Web,
)
from nuwa.detect.notes import Notes, conclude
from nuwa.detect.testimony import Testimony
from nuwa.detect.tree import SCRIPTS, Tree
from nuwa.detect.versions import choose_python
from nuwa.requirements import kinds


def detect(folder: Path, pythons: Sequence[str] = (), family: str = "debian") -> Project:
    """Examine a project.

    Args:
        folder: the project's folder.
        pythons: the Python versions that its family of images offers, the default first.
        family: the family of images; its package names are used.
    """
    tree, notes = Tree(folder), Notes()
    pyproject = kinds.load_toml(folder / "pyproject.toml")
    if tree.has("pyproject.toml") and not pyproject and tree.content("pyproject.toml").strip():
        notes.check.append("pyproject.toml cannot be read: it is not valid TOML")
    said = witnesses.read(tree)
    requirements, groups = requirement_files.choose(tree, notes)
    required = packages.required_names(tree, requirements, groups)
    server = servers.server(tree, said)
    web = django.recognise(tree, said, server, set(required)) or frameworks.recognise(
        tree, server, set(required)
    )
    base = Project(
        name=app_names.choose(folder, pyproject),
        python=choose_python(
            said,
            pyproject,
            pythons,
            lambda version: packages.too_old(tree, requirements, required, version),
            notes,
        ),
        requirements="" if requirements.startswith("../") else requirements,
        groups=groups,
    )
    others = elsewhere.folders(tree, web)
    if web is None or others:
        return replace(base, elsewhere=tuple(others), found=tuple(notes.found), check=tuple(notes.check))
    notes.found.append(web.found)
    if server and server.module == web.module:
        notes.why["server.module"] = server.where
    python = base.python or next(iter(pythons), "")
    return _whole(tree, said, base, web, _Required(requirements, required, python, family), notes)


@dataclass(frozen=True)
class _Required:
    """What the app requires.

    Args:
        file: the file that lists it.
        packages: Python packages, with their extras.
        python: the version that the image will have.
        family: the family of images.
    """

    file: str
    packages: Mapping[str, set[str]]
    python: str
    family: str


def _with_driver(
    tree: Tree, database: Database | None, of: _Required, web: Web, *, reads_url: bool
) -> Database | None:
    """The database with the driver in its address, if SQLAlchemy would otherwise use another one."""
    if database is None or web.framework == "Django":
        return database
    version = packages.pinned(tree, of.file, "sqlalchemy")
    is_async = any(b"create_async_engine" in tree.content(path) for path in tree.python)
    scheme = databases.sqlalchemy_scheme(database.engine, set(of.packages), version, is_async)
    return databases.with_driver(database, scheme, reads_url=reads_url) if scheme else database


def _whole(tree: Tree, said: Testimony, base: Project, web: Web, of: _Required, notes: Notes) -> Project:
    modules = _modules(tree, web)
    web = _with_sqlite_files(tree, modules, web)
    read = variables.read(tree, modules)
    database = _database(tree, said, of, web, read)
    service = _service(read, said, of, notes)
    given = {**web.clear, **environment.of_the_python_image(read, of.python)}
    env = environment.sort(read, tree, said, database, service, web.keys, given)
    node, include = _frontend(tree, notes)
    if web.framework != "Django":
        notes.check += app_files.missing(tree, modules, node.output if node else ())
        web = replace(web, volumes=(*web.volumes, *app_files.made_at_import(tree, modules)))
    folders = volumes.find(web, said, database)
    env = replace(env, clear={**env.clear, **volumes.variables(folders, said, env.clear, read)})
    web = _with_release(tree, said, of, web, notes)
    web = _with_health(said, web, notes)
    workers = processes.processes(tree, said)
    run, build = _libraries(tree, said, of, notes)
    commands = _commands(tree, modules, notes)
    notes.check += _still_to_check(web, database, env, folders)
    conclude(web, database, env, workers, of.packages, said, notes)
    return replace(
        base,
        web=web,
        packages=run,
        build_packages=build,
        include=include,
        frontend=node,
        commands=commands,
        service=service,
        processes=tuple(workers),
        jobs=tuple(processes.jobs(tree, said)),
        volumes=tuple(folders),
        database=database,
        environment=env,
        found=tuple(notes.found),
        check=tuple(notes.check),
        why=notes.why,
    )


def _database(
    tree: Tree, said: Testimony, of: _Required, web: Web, read: Sequence[Variable]
) -> Database | None:
    if web.without_address:
        return None
    database = databases.find(read, of.packages, said, web.database)
    reads_url = any(variable.name == databases.DATABASE_URL for variable in read)
    return _with_driver(tree, database, of, web, reads_url=reads_url)


def _service(read: Sequence[Variable], said: Testimony, of: _Required, notes: Notes) -> Service | None:
    service, to_check = services.find(read, of.packages, said)
    notes.check += to_check
    if service:
        notes.found.append(f"Valkey (Redis) for {', '.join(service.env)} ({service.where})")
    return service


def _frontend(tree: Tree, notes: Notes) -> tuple[Frontend | None, tuple[str, ...]]:
    """The frontend that Node builds, and files built beforehand to include in the image."""
    node, include, to_check = frontend.find(tree)
    notes.check += to_check
    if node:
        notes.found.append(f"frontend: {node.where}, built to {', '.join(node.output)}")
    return node, include


def _libraries(
    tree: Tree, said: Testimony, of: _Required, notes: Notes
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Distribution packages that the app needs when it runs, and those for compiling."""
    to_build = packages.without_wheel(tree, of.file, of.packages, of.python)
    run, build = packages.libraries(dict(of.packages), of.family, to_build)
    known = {name.removesuffix("t64") for name, _ in run}
    more = packages.from_dockerfile(said, of.family)
    run += [item for item in more if item[0].removesuffix("t64") not in known]
    if run:
        notes.why["image.packages"] = _because(run)
    if build:
        notes.why["image.build_packages"] = _because(build)
    return tuple(dict(run)), tuple(dict(build))


def _commands(tree: Tree, modules: Sequence[str], notes: Notes) -> tuple[str, ...]:
    """Commands of the build, which create files that the app needs to start."""
    files = env_files.needed(tree, modules)
    for file, where in files.items():
        notes.found.append(f"{file}: {where} does not start without it; an empty one is enough")
        notes.why["build.commands"] = where
    return (shlex.join(["touch", *files]),) if files else ()


def _with_health(said: Testimony, web: Web, notes: Notes) -> Web:
    """The application, with the health path of a deployment file if its code has none of its own."""
    by_default = web.health in ("", "/docs") or web.health.endswith("login/")
    if not by_default or said.health[0] in ("", "/"):
        return web
    health, notes.why["health.path"] = said.health
    return replace(web, health=health)


def _still_to_check(
    web: Web, database: Database | None, env: Environment, folders: Sequence[Volume]
) -> list[str]:
    """What a person should look at in the app, except for what the manifest settles."""
    logged = any(environment.sends_logs_out(name) for name in env.clear)

    def is_settled(obstacle: Obstacle) -> bool:
        if obstacle.is_database:
            return database is not None
        return (logged and obstacle.path.startswith("log")) or volumes.holds(folders, obstacle.path)

    return [*web.check, *(item.sentence for item in web.obstacles if not is_settled(item))]


def _with_sqlite_files(tree: Tree, modules: Sequence[str], web: Web) -> Web:
    kept = sqlite_files.find(tree, modules)
    return replace(
        web,
        volumes=(*web.volumes, *kept.volumes),
        clear={**web.clear, **kept.clear},
        check=(*web.check, *kept.check),
    )


def _because(items: list[tuple[str, str]]) -> str:
    return ", ".join(dict.fromkeys(why for _, why in items))


def _modules(tree: Tree, web: Web) -> list[str]:
    """The modules whose variables count: settings first, then other configuration, then the rest."""
    name = web.clear.get("DJANGO_SETTINGS_MODULE", "")
    first = django.settings_modules(tree, name) if name else []
    other_settings = re.compile(
        r"(?:^|/)settings/|(?:^|/)(?:local_)?settings\w*\.py$|(?:dev|test|local)\w*\.py$"
    )
    rest = [path for path in tree.python if path not in first and path != "manage.py"]
    rest = [path for path in rest if not SCRIPTS.intersection(path.split("/")[:-1])]
    rest = [path for path in rest if not (first and other_settings.search(path))]
    return [
        *first,
        *sorted(rest, key=lambda path: (not re.search(r"config|settings|conf", path), path.count("/"), path)),
    ]


def _for_flask(release: str, version: str) -> str:
    """A release hook that the pinned Flask understands: before 2.2, its command does not have --app."""
    found = re.fullmatch(r"flask --app (\S+) (.+)", release)
    numbers = tuple(int(part) for part in version.split(".")[:2] if part)
    return f"env FLASK_APP={found[1]} flask {found[2]}" if found and () < numbers < (2, 2) else release


def _with_release(tree: Tree, said: Testimony, of: _Required, web: Web, notes: Notes) -> Web:
    web = _release(tree, said, web, notes)
    return replace(web, release=_for_flask(web.release, packages.pinned(tree, of.file, "flask")))


def _release(tree: Tree, said: Testimony, web: Web, notes: Notes) -> Web:
    """The application with its release hook: the migrations that the project runs before it serves."""
    told = processes.releases(tree, said)
    others, file = processes.before_serving(tree, said)
    if others:
        notes.check.append(
            f"before the server starts, {file} also runs {', '.join(others)}: "
            "what each release needs of it goes into [hooks] release"
        )
    if web.framework == "Django":
        return web
    for command, where in told:
        if command.startswith("flask "):
            spec = web.module.removesuffix("()")
            kept = re.sub(r"^flask (?:--app \S+ )?", "", command)
            notes.why["hooks.release"] = where
            return replace(web, release=f"flask --app {spec} {kept}")
        if command.startswith(("alembic ", "aerich ")):
            notes.why["hooks.release"] = where
            return replace(web, release=command)
    if web.release:
        notes.why["hooks.release"] = "alembic.ini" if web.release.startswith("alembic") else "migrations/"
    return web
