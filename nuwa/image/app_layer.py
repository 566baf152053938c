"""The uppermost layer: an app's code, static files, services, renderer and labels."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from nuwa import names
from nuwa.image import context, git, layer_tree, pins, renderer, services
from nuwa.image.build_spec import Recipe
from nuwa.image.files import File, Files, script
from nuwa.image.layers import Layer, containerfile, rootfs, shared_labels
from nuwa.manifest import checks
from nuwa.manifest.model import App, to_json
from nuwa.quoting import comment, sh
from nuwa.render import zipapp
from nuwa.setup_label import write

PLACEHOLDER = "nuwa-build"
"""How the placeholder of each secret begins while the image is built, for settings that require a value."""
_SUFFIX = "there-are-no-secrets-while-an-image-is-built"
"""How it ends: some settings refuse keys that are short, or that are equal to each other."""
_SERVER_PLACEHOLDER = f"{PLACEHOLDER}:{PLACEHOLDER}@127.0.0.1:1/{PLACEHOLDER}"
DATABASE_PLACEHOLDERS = {
    "postgresql": f"postgresql://{_SERVER_PLACEHOLDER}",
    "mariadb": f"mysql://{_SERVER_PLACEHOLDER}",
    "sqlite": "sqlite:////tmp/nuwa-build.sqlite3",
}
"""DATABASE_URL while the image is built, by engine: well-formed, but nothing answers at that address."""


def app_layer(recipe: Recipe, project: Path) -> Layer:
    """The layer of the app whose project is in the folder `project`.

    Raises:
        BuildError: a file of the project cannot go into an image, or the Setup label would be too long.
    """
    app, time = recipe.app, project_time(project)
    parent = recipe.app_parent
    frontend = app.names.frontend_image(recipe.version) if app.build.node else ""
    return Layer(
        name="app",
        tag=recipe.tag,
        parents=(parent, *([frontend] if frontend else [])),
        containerfile=containerfile(recipe, "app", parent, {**_values(app), "frontend": frontend}),
        entries=_entries(recipe, project),
        labels=_labels(recipe, time),
        workdir=names.PROJECT,
        time=time,
    )


def project_time(project: Path) -> int:
    """The timestamp of the image: SOURCE_DATE_EPOCH, or the time of the last commit to the project."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given.isdecimal():
        return int(given)
    committed = git.commit_time(project)
    return pins.source_date_epoch() if committed is None else committed


def _values(app: App) -> dict[str, object]:
    collects = bool(app.static and app.static.collect)
    static = f"{names.PROJECT}/{app.static.directory}" if app.static else ""
    return {
        "port": names.PORT,
        "placeholders": "".join(f" {name}={sh(value)}" for name, value in placeholders(app).items()),
        "folders": [volume.path for volume in app.volume] + ([static] if static else []),
        "writable": [volume.path for volume in app.volume if volume.policy != "read-only"],
        "static": static,
        "collect": collects,
        "collect_command": names.Names.command("collect"),
        "build": [comment(shlex.join(command)) for command in app.build.commands],
        "checks": [comment(shlex.join(command)) for command in app.hooks.checks],
    }


def placeholders(app: App) -> dict[str, str]:
    """Placeholders for secrets while the image is built: the real values exist only on the host."""
    found = {name: f"{PLACEHOLDER}-{name}-{_SUFFIX}" for name in (*app.env.secrets, *app.env.generated)}
    if app.database:
        found[names.DATABASE_SECRET] = DATABASE_PLACEHOLDERS[app.database.engine]
    for service in app.service:
        found |= {name: _address(checks.service_text(part)) for name, part in service.env.items()}
    for host_port in app.host_port:
        found |= {name: _address(text) for name, text in host_port.variables.items()}
    return {name: value for name, value in found.items() if name not in app.env.clear}


def _address(text: str) -> str:
    """Fill an address into a text as hosts do it; all other braces in it, such as those of JSON, stay."""
    for part, value in {"host": "127.0.0.1", "port": "1", "password": PLACEHOLDER}.items():
        text = text.replace(f"{{{part}}}", value)
    return text


def _entries(recipe: Recipe, project: Path) -> tuple[layer_tree.Entry, ...]:
    app = recipe.app
    return layer_tree.merge(
        _project(app, project),
        rootfs("app", recipe.family.init, recipe.family.name, recipe.kind),
        layer_tree.generated(services.files(app, recipe.family)),
        layer_tree.generated(_generated(recipe, project)),
    )


def _project(app: App, project: Path) -> list[layer_tree.Entry]:
    """The project's files, without what an earlier build left there: collected static files and a built
    frontend that git does not track. A frontend in its own folder is left out entirely."""
    node = app.build.node
    found = context.entries(project, app.image)
    if node and node.directory != ".":
        found = [entry for entry in found if not _below(entry.path, [node.directory])]
    made = list(node.output) if node else []
    if app.static and app.static.collect:
        made.append(app.static.directory)
    if not made:
        return found
    kept = {f"{names.PROJECT}/{path}" for path in git.tracked(project) or ()}
    return [entry for entry in found if entry.path in kept or not _below(entry.path, made)]


def _below(path: str, folders: Sequence[str]) -> bool:
    """Whether a path in the image is one of these paths of the project, or below one."""
    return any(f"{path}/".startswith(f"{names.PROJECT}/{folder}/") for folder in folders)


def _generated(recipe: Recipe, project: Path) -> Files:
    app = recipe.app
    made = {
        renderer.PATH: File(zipapp.build(app)),
        _path_file(recipe): File.text(_search_path(project)),
    }
    if app.static and app.static.collect:
        made[names.Names.command("collect")] = script(app.static.collect)
    return made


def _path_file(recipe: Recipe) -> str:
    """The .pth file that adds the project to Python's search path, so that every command can import it."""
    return f"{names.VENV}/lib/python{recipe.python.version}/site-packages/nuwa-project.pth"


def _search_path(project: Path) -> str:
    folders = [names.PROJECT, *([f"{names.PROJECT}/src"] if (project / "src").is_dir() else [])]
    return "".join(f"{folder}\n" for folder in folders)


def _labels(recipe: Recipe, time: int) -> dict[str, str]:
    app = recipe.app
    return {
        **shared_labels(recipe, "app"),
        names.LABEL_COMPILED: "",
        names.LABEL_APP: app.name,
        # podman expands variables in labels as in a Dockerfile, so `$` is written as a JSON escape.
        names.LABEL_MANIFEST: json.dumps(to_json(app), ensure_ascii=False, sort_keys=True).replace(
            "$", "\\u0024"
        ),
        names.LABEL_SETUP: write.setup_script(app),
        names.LABEL_RUN_SETUP: write.run_setup(),
        names.LABEL_RUN_KUBERNETES: write.run_kubernetes(),
        "org.opencontainers.image.title": app.name,
        "org.opencontainers.image.version": app.app.version,
        "org.opencontainers.image.created": datetime.fromtimestamp(time, UTC).isoformat(),
    }
