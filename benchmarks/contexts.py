"""Build contexts of the opponents, and this machine's resources for them: the same that nuwa's builds get."""

from __future__ import annotations

import shlex
import shutil
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nuwa.image import build_inputs, families, indexes, layers
from nuwa.image.app_layer import app_layer
from nuwa.image.build import required
from nuwa.image.build_spec import Recipe
from nuwa.image.layers import Layer
from nuwa.manifest.load import load
from nuwa.manifest.model import App
from nuwa.process import run


@dataclass(frozen=True)
class Lent:
    """Package archives, indexes and certificates of this machine, as options of `podman build`.

    Args:
        folder: the folder that is mounted at /mnt.
        words: the options, including nuwa's download caches.
    """

    folder: Path
    words: tuple[str, ...]

    @property
    def plain_words(self) -> tuple[str, ...]:
        """The options without those caches: a build by hand keeps none, and deletes what it finds there."""
        caches = ("/var/lib/apt/lists", "/var/cache/apt/archives", "/mnt/cache")
        pairs = list(zip(self.words[::2], self.words[1::2], strict=True))
        kept = [pair for pair in pairs if not any(f":{place}:" in pair[1] for place in caches)]
        return tuple(word for pair in kept for word in pair)


def lend(folder: Path, family: str) -> Lent:
    """Prepare in `folder` what builds use of this machine; pip gets the same indexes as uv."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    offer = families.load(family)
    settings = tomllib.loads(indexes.find().toml)
    pip = "".join(
        f"{name} = {_words(value)}\n" for name, value in settings.items() if name != "index-strategy"
    )
    words = build_inputs.lay_out(
        folder, offer, offer.release(offer.releases[0]), {"pip.conf": f"[global]\n{pip}".encode()}
    )
    return Lent(folder, tuple(words))


def _words(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


@dataclass(frozen=True)
class Stage:
    """One of nuwa's layers, as anyone with its Containerfile would build it with podman."""

    name: str
    containerfile: str
    context: Path
    words: tuple[str, ...]


def stages(project: Path, folder: Path, family: str, lent: Lent) -> list[Stage]:
    """The Containerfiles and contexts of all layers of an app."""
    app = load(project / "nuwa.toml", family=family)
    recipe = Recipe.of(app)
    wanted = required(app, project)
    made = [
        layers.base(recipe, recipe.platform.bootstrap_image),
        layers.python(recipe),
        layers.nuwa_python(recipe),
        layers.requirements(recipe, wanted, compile=False),
        *([layers.packages(recipe)] if recipe.installs_packages else []),
        app_layer(recipe, project),
    ]
    return [_stage(layer, folder / layer.name, lent) for layer in made]


def _stage(layer: Layer, context: Path, lent: Lent) -> Stage:
    context.mkdir(parents=True)
    layer.write_archive(context, lent.folder)
    for path, content in layer.lent.items():
        (lent.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (lent.folder / path).write_bytes(content)
    labels = [word for pair in layer.labels.items() for word in ("--label", "=".join(pair))]
    words = ("--format", "docker", "--pull=never", "--layers", "--network=host", *labels, *lent.words)
    return Stage(layer.name, layer.containerfile, context, words)


def supervisord(source: Path, context: Path, app: App) -> Path:
    """A context with supervisord from PyPI and its configuration, for the app's server and processes."""
    shutil.rmtree(context, ignore_errors=True)
    root = context / "rootfs"
    places = {
        "supervisord": "usr/local/bin/supervisord",
        "rsyslog.conf": "etc/rsyslog-plain.conf",
        "supervisord.conf": "etc/supervisord.conf",
    }
    for name, place in places.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, root / place)
    uv = Path(sys.executable).with_name("uv")
    run([uv, "pip", "install", "--quiet", "--target", root / "opt/supervisor", "supervisor"])
    commands = {"server": (*GUNICORN, app.server.module), **{item.name: item.command for item in app.process}}
    with (root / "etc/supervisord.conf").open("a") as file:
        file.writelines(_program(name, command) for name, command in commands.items())
    shutil.copy(source / "Containerfile", context)
    return context


PORT = 18790
GUNICORN = (
    "/opt/nuwa/venv/bin/gunicorn",
    f"--bind=0.0.0.0:{PORT}",
    "--workers=2",
    "--threads=4",
    "--worker-tmp-dir=/dev/shm",
    "--access-logfile=-",
    "--no-control-socket",
)
"""gunicorn as it is usually started, with as many workers and threads as under nuwa."""


def _program(name: str, command: Sequence[str]) -> str:
    return f"""
[program:{name}]
command={shlex.join(command)}
directory=/srv/app
user=app
priority=30
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
redirect_stderr=true
"""
