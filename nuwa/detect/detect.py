"""All that is found in a project, put together."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nuwa.detect import (
    databases,
    django,
    environment,
    frameworks,
    frontend,
    packages,
    processes,
    servers,
    services,
    variables,
    witnesses,
)
from nuwa.detect.django_settings import accepted
from nuwa.detect.model import Database, Environment, Process, Project, Variable, Volume, Web
from nuwa.detect.testimony import Testimony
from nuwa.detect.tree import SCRIPTS, Tree
from nuwa.detect.versions import choose_python
from nuwa.manifest import checks
from nuwa.names import PROJECT
from nuwa.requirements import kinds, project_file

_GENERIC = frozenset(
    {
        *(
            "app",
            "src",
            "backend",
            "web",
            "project",
            "django",
            "flask",
            "fastapi",
            "celery",
            "api",
            "server",
            "code",
            "site",
        ),
        *("website", "main", "application", "service", "back", "www", "core", "config", "services"),
    }
)
"""Names that say nothing: the folder above says more."""
_WORKER_PACKAGES = (
    "celery",
    "rq",
    "django-rq",
    "arq",
    "dramatiq",
    "huey",
    "django-q",
    "django-q2",
    "taskiq",
    "procrastinate",
    "saq",
)


@dataclass
class _Notes:
    found: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)


def detect(folder: Path, pythons: Sequence[str] = (), family: str = "debian") -> Project:
    """Look at a project.

    Args:
        folder: where it lies.
        pythons: the Python versions that its family of images offers, the default first.
        family: of images, whose package names are used.
    """
    tree, notes = Tree(folder), _Notes()
    pyproject = kinds.load_toml(folder / "pyproject.toml")
    if tree.has("pyproject.toml") and not pyproject and tree.content("pyproject.toml").strip():
        notes.check.append("pyproject.toml cannot be read: it is no valid TOML")
    said = witnesses.read(tree)
    requirements, groups = _requirements(tree, notes)
    required = packages.required_names(tree, requirements, groups)
    server = servers.server(tree, said)
    web = django.recognise(tree, said, server, set(required)) or frameworks.recognise(
        tree, server, set(required)
    )
    base = Project(
        name=_name(folder, pyproject),
        python=choose_python(said, pyproject, pythons, notes.found, notes.check, notes.why),
        requirements="" if requirements.startswith("../") else requirements,
        groups=groups,
    )
    elsewhere = _elsewhere(tree, web)
    if web is None or elsewhere:
        return replace(base, elsewhere=tuple(elsewhere), found=tuple(notes.found), check=tuple(notes.check))
    notes.found.append(web.found)
    if server and server.module == web.module:
        notes.why["server.module"] = server.where
    python = base.python or next(iter(pythons), "")
    return _whole(tree, said, base, web, _Required(requirements, required, python, family), notes)


@dataclass(frozen=True)
class _Required:
    """What the app requires.

    Args:
        file: where that stands.
        packages: of Python, with their extras.
        python: the version that the image will have.
        family: of images.
    """

    file: str
    packages: Mapping[str, set[str]]
    python: str
    family: str


def _with_driver(
    tree: Tree, database: Database | None, of: _Required, web: Web, *, reads_url: bool
) -> Database | None:
    """The database with the driver in its address, where SQLAlchemy would look for another one."""
    if database is None or web.framework == "Django":
        return database
    version = packages.pinned(tree, of.file, "sqlalchemy")
    is_async = any(b"create_async_engine" in tree.content(path) for path in tree.python)
    scheme = databases.sqlalchemy_scheme(database.engine, set(of.packages), version, is_async)
    return databases.with_driver(database, scheme, reads_url=reads_url) if scheme else database


def _whole(
    tree: Tree,
    said: Testimony,
    base: Project,
    web: Web,
    of: _Required,
    notes: _Notes,
) -> Project:
    required = of.packages
    read = variables.read(tree, _modules(tree, web))
    database = None if web.without_address else databases.find(read, required, said, web.database)
    reads_url = any(variable.name == databases.DATABASE_URL for variable in read)
    database = _with_driver(tree, database, of, web, reads_url=reads_url)
    service, said_of_service = services.find(read, required, said)
    notes.check += said_of_service
    given = {**web.clear, **environment.of_the_python_image(read, of.python)}
    env = environment.sort(read, tree, said, database, service, web.keys, given)
    node, include, said_of_node = frontend.find(tree)
    notes.check += said_of_node
    if service:
        notes.found.append(f"Valkey (Redis) for {', '.join(service.env)} ({service.where})")
    if node:
        notes.found.append(f"frontend: {node.where}, built to {', '.join(node.output)}")
    to_build = packages.without_wheel(tree, of.file, required, of.python)
    run, build = packages.libraries(dict(required), of.family, to_build)
    known = {name.removesuffix("t64") for name, _ in run}
    more = packages.from_dockerfile(said, of.family)
    run += [item for item in more if item[0].removesuffix("t64") not in known]
    workers = processes.processes(tree, said)
    volumes = _volumes(web, said, database)
    env = replace(env, clear={**env.clear, **_folders(volumes, said, env.clear, read)})
    web = _release(tree, said, web, notes)
    by_default = web.health in ("", "/docs") or web.health.endswith("login/")
    if by_default and said.health[0] not in ("", "/"):
        web, notes.why["health.path"] = replace(web, health=said.health[0]), said.health[1]
    if run:
        notes.why["image.packages"] = _because(run)
    if build:
        notes.why["image.build_packages"] = _because(build)
    notes.check += [line for line in web.check if not (database and "lies next to the code" in line)]
    _sentences(web, database, env, workers, required, said, notes)
    return replace(
        base,
        web=web,
        packages=tuple(dict(run)),
        build_packages=tuple(dict(build)),
        include=include,
        frontend=node,
        service=service,
        processes=tuple(workers),
        jobs=tuple(processes.jobs(tree, said)),
        volumes=tuple(volumes),
        database=database,
        environment=env,
        found=tuple(notes.found),
        check=tuple(notes.check),
        why=notes.why,
    )


def _because(items: list[tuple[str, str]]) -> str:
    return ", ".join(dict.fromkeys(why for _, why in items))


def _modules(tree: Tree, web: Web) -> list[str]:
    """The modules whose variables count: settings first, then what else is configuration, then the rest."""
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


def _release(tree: Tree, said: Testimony, web: Web, notes: _Notes) -> Web:
    """The release hook: what the project's own files run before they serve, in words that hold here."""
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


_NOT_A_VOLUME = (  # folders of the system
    "/var/run",
    "/var/log",
    "/run",
    "/tmp",  # noqa: S108 - a prefix, not a file
    "/etc",
    "/usr",
    "/root",
    "/home",
    "/proc",
    "/sys",
    "/dev",
    "/opt/nuwa",
    "/var/lib/postgresql",
    "/var/lib/mysql",
)


def _volumes(web: Web, said: Testimony, database: Database | None) -> list[Volume]:
    """Folders that the app writes to: what its code names, and what its containers keep elsewhere."""
    found = list(web.volumes)
    folder = said.folder or "/app"
    for target, where in said.mounts.items():
        path = re.sub(rf"^{re.escape(folder)}(?=/)", PROJECT, target)
        static = f"{PROJECT}/{web.static_directory}" if web.static_directory else ""
        if path.startswith(_NOT_A_VOLUME) or path == folder or (static and _touch(path, static)):
            continue
        if "static" in path.rpartition("/")[2]:
            continue
        found.append(Volume(path.rpartition("/")[2], path, "", where))
    kept: list[Volume] = []
    for volume in found:
        name = re.sub(r"[^a-z0-9_-]+", "-", volume.name.lower()).strip("-_")
        if not accepted(checks.volume_name, name) or not accepted(checks.absolute_path, volume.path):
            continue
        if not any(_touch(volume.path, other.path) or name == other.name for other in kept):
            kept.append(replace(volume, name=name))
    if database and database.engine == "sqlite" and not any(not volume.url for volume in kept):
        kept.append(Volume("data", "/srv/data", "", "the SQLite database"))
    return kept


def _folders(
    volumes: Sequence[Volume], said: Testimony, known: Mapping[str, str], read: Sequence[Variable]
) -> dict[str, str]:
    """Variables by which the project's own files hand a volume's folder to the app: UPLOAD_FOLDER.

    Libraries may read them too; Django's settings of such names are none that it reads.
    """
    folder = said.folder or "/app"
    found = {}
    settings = {"MEDIA_ROOT", "STATIC_ROOT"} - {variable.name for variable in read}
    for name, value in sorted(said.environment.items()):
        path = re.sub(rf"^{re.escape(folder)}(?=/)", PROJECT, value.rstrip("/"))
        inside = any(f"{path}/".startswith(f"{volume.path}/") for volume in volumes)
        if inside and name not in settings and name not in known and environment.belongs_to_the_app(name):
            found[name] = path
    return found


def _touch(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _sentences(
    web: Web,
    database: Database | None,
    env: Environment,
    workers: Sequence[Process],
    required: Mapping[str, set[str]],
    said: Testimony,
    notes: _Notes,
) -> None:
    if database:
        notes.found.append(f"database: {database.engine} ({database.where})")
    elif not web.without_address and (
        driver := next((name for _, names in databases.DRIVERS for name in names if name in required), "")
    ):
        notes.check.append(
            f"{driver} is required, but no variable with the address of a database was found: see [database]"
        )
    if web.framework == "Flask" and "flask-migrate" in required and not web.release:
        notes.check.append(
            "Flask-Migrate is required, but there is no folder migrations/: where it is made, set "
            f'release = "flask --app {web.module.removesuffix("()")} db upgrade"'
        )
    for process in workers:
        notes.found.append(f"process {process.name}: {process.command} ({process.where})")
    if not workers and (worker := next((name for name in _WORKER_PACKAGES if name in required), "")):
        notes.check.append(
            f"{worker} is required, but no file says how its worker is started: add a [[process]]"
        )
    for file in dict.fromkeys(where for _, where in said.scheduled):
        commands = [command for command, where in said.scheduled if where == file]
        notes.check.append(
            f"{file} has a recipe of scheduled jobs ({', '.join(commands)}) and does not say when they run: "
            "add a [[cron]] for each"
        )
    if env.secrets:
        notes.found.append(f"secrets that you supply: {', '.join(env.secrets)}")
    if env.open:
        notes.check.append(
            f"the app does not start without {_list(env.open)}: give each a value in [env.clear]"
        )
    hosts = [name for name, value in env.clear.items() if name.endswith("ALLOWED_HOSTS") and value == "*"]
    if hosts:
        notes.check.append(
            f'{hosts[0]} is "*", as nginx passes on requests for the site\'s domains alone: '
            "name them to be stricter"
        )
    others = [name for name in sorted(said.services) if name not in ("memcached", "redis", "valkey")]
    if others:
        notes.check.append(
            f"{' and '.join(others)} runs next to the app elsewhere: it needs one on this host, or a URL"
        )
    if web.websocket and web.workers == 1:
        notes.check.append("Flask-SocketIO keeps its sessions in one process: workers = 1")


def _list(items: Sequence[Variable]) -> str:
    return ", ".join(item.name for item in items)


def _elsewhere(tree: Tree, web: Web | None) -> list[str]:
    """Folders below that are projects of their own, where the top is none or cannot import what was found."""
    if web is not None and web.framework == "Django":
        return []
    if web is not None:
        folder = _own_root(tree, web.module)
        return [folder] if folder else []
    manages = [
        posixpath.dirname(path)
        for path in tree.named("manage.py")
        if "/" in path and b"django" in tree.content(path).lower()
    ]
    return manages or _others(tree)


def _own_root(tree: Tree, module: str) -> str:
    """The folder that a module's own imports start from, where that is not the project's."""
    top, _, rest = module.partition(":")[0].partition(".")
    source = tree.module(module.partition(":")[0])
    if source is None:
        return ""
    names = {name.split(".")[0] for name in source.imported_modules() if name}
    for folder in map(str, source.path.parents[:-1]):
        in_root = folder.split("/")[0] in names or (folder == "src" and kinds.find(tree.root))
        if not in_root and not tree.has(f"{folder}/__init__.py") and kinds.every(tree.root / folder):
            return folder
    if not rest or tree.has(f"{top}/__init__.py") or source.path.parts[0] == "src":
        return ""
    inside = {name for name in names if tree.has(f"{top}/{name}.py") or (tree.root / top / name).is_dir()}
    outside = {name for name in names if tree.has(f"{name}.py") or (tree.root / name).is_dir()}
    return top if inside - outside and top not in names else ""


def _others(tree: Tree) -> list[str]:
    """Deeper folders with an application and requirements of their own."""
    found = []
    for path in tree.named("pyproject.toml", "requirements.txt", "setup.py"):
        folder = posixpath.dirname(path)
        if folder and folder.count("/") < 4 and folder not in found and not folder.startswith("docs"):
            below = Tree(tree.root / folder)
            if frameworks.recognise(below, None, set()) is not None:
                found.append(folder)
    return found


def app_name(text: str) -> str:
    """The nearest name that an app may have."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    named = words if words[:1].isalpha() else f"app-{words}"
    return named[:39].strip("-")


def _name(folder: Path, pyproject: dict[str, Any]) -> str:
    named = [
        kinds.table(pyproject, "project").get("name"),
        kinds.table(pyproject, "tool", "poetry").get("name"),
    ]
    here = folder.resolve()
    choices = [str(name) for name in named if isinstance(name, str) and name.strip()] + [here.name]
    useful = [
        name for name in choices if app_name(name) not in ("app", "app-") and app_name(name) not in _GENERIC
    ]
    above = next((folder.name for folder in here.parents[:3] if app_name(folder.name) not in _GENERIC), "")
    if (
        not useful
        and above
        and not re.fullmatch(r"tmp|home|srv|root|opt|mnt|var|usr|work\w*|projects|repos", above)
    ):
        return app_name(above)
    return app_name(next(iter([*useful, *choices])))


_PRODUCTION_GROUPS = ("prod", "production", "deploy", "deployment")
_MAIN_GROUPS = ("main", "default", "base", "app")
_WITH_GROUPS = ("uv.lock", "poetry.lock", "pdm.lock", "pyproject.toml")


def _requirements(tree: Tree, notes: _Notes) -> tuple[str, tuple[str, ...]]:
    """The file of the requirements, and those of its groups that are for production."""
    every = kinds.every(tree.root)
    offered = project_file.groups(tree.root)
    if not every and any(group in _MAIN_GROUPS for group in offered):
        every = ["pyproject.toml"]
        chosen = tuple(group for group in offered if group in (*_MAIN_GROUPS, *_PRODUCTION_GROUPS))
    else:
        chosen = tuple(group for group in offered if group in _PRODUCTION_GROUPS)
    if not every:
        notes.check.append(
            f"pyproject.toml names requirements in groups alone ({', '.join(offered)}): set requirements = "
            f'"pyproject.toml" in [image], and in groups those that the app needs'
            if offered
            else f"none of {', '.join(kinds.KINDS)} names requirements: the app gets none"
        )
        return "", ()
    name, *others = every
    chosen = chosen if name.rpartition("/")[2] in _WITH_GROUPS else ()
    notes.found.append(f"requirements: {name}{' with ' if chosen else ''}{', '.join(chosen)}")
    included = packages.included(tree, name)
    others = [other for other in others if other not in included]
    if name.endswith(".lock"):
        others = [other for other in others if other not in checks.PROJECT_FILES]
    if others:
        notes.check.append(f"requirements come from {name}, and not from {', '.join(others)}")
    return name, chosen
