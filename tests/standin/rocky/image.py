"""The stand-in as images in podman's store: one root of Debian's packages, a thin layer for each release."""

from __future__ import annotations

import json
from hashlib import sha256

from nuwa import names
from nuwa.console import Progress, Quiet
from nuwa.engine import Engine, Image
from nuwa.image import bootstrap, build_dir, build_inputs, families, pins
from nuwa.image.build_layer import finish
from nuwa.lock import in_turn
from nuwa.names import Platform
from tests.standin.rocky import contents

NAME = "localhost/nuwa-test/stand-in-for-rocky"
RELEASES = tuple(contents.RELEASES)
_DEBIAN = Platform("debian", "13")
_BORROWED = ("APT_CONFIG", "SSL_CERT_FILE")

Files = dict[str, bytes]


def ensure(engine: Engine, release: str, progress: Progress | None = None) -> str:
    """The name of the stand-in for a release; it is made unless it is here, made of the same inputs.

    Any number of processes may ask at once. An image gets its name when it is whole, so one that was
    interrupted leaves nothing that another would use.
    """
    progress = progress or Quiet()
    with in_turn("test-stand-in"):
        bare = bootstrap.ensure(engine, _DEBIAN, progress)
        root = _ensure(engine, "root", bare, contents.root_files(), progress)
        return _ensure(engine, release, root, contents.release_files(release), progress)


def ensure_variant(engine: Engine, release: str, tag: str, files: Files) -> str:
    """An image on a release's; its Containerfile starts from `{{bare}}`, other files are at /mnt/standin."""
    with in_turn("test-stand-in"):
        return _ensure(engine, tag, f"{NAME}:{release}", files, Quiet())


def _ensure(engine: Engine, tag: str, below: str, files: Files, progress: Progress) -> str:
    name = f"{NAME}:{tag}"
    found = engine.image_inspect(name, below)
    parent = found[below]
    assert parent, f"{below} is missing, and was made before"
    inputs = _inputs(files, parent.id)
    if not _is_current(found[name], inputs):
        # Debian's packages come through the cache that builds of Debian use, one at a time.
        with progress.step(f"make {name}, of Debian's packages"), in_turn(f"build-{_DEBIAN.key}"):
            _make(engine, name, parent.id, files, inputs)
    return name


def _make(engine: Engine, name: str, parent: str, files: Files, inputs: str) -> None:
    time = str(pins.source_date_epoch())
    options = ["--format=docker", "--layers=false", "--force-rm", "--pull=never", "--network=host"]
    options += ["--timestamp", time, "--identity-label=false", "--security-opt=label=disable"]
    options += ["--build-arg", f"SOURCE_DATE_EPOCH={time}"]
    with build_dir.opened(engine) as folder:
        (folder / "context").mkdir()
        (folder / "mnt").mkdir(mode=0o755)
        debian = families.load(_DEBIAN.family)
        mounted = {f"standin/{path}": content for path, content in files.items()}
        options += build_inputs.lay_out(
            folder / "mnt", debian, debian.release(_DEBIAN.release), mounted, _BORROWED
        )
        text = files["Containerfile"].decode().replace("{{bare}}", parent)
        built = engine.build(text, folder / "context", options)
        labels = {names.LABEL_INPUTS: inputs, names.LABEL_LAYER: "bootstrap", names.LABEL_FAMILY: "stand-in"}
        finish(engine, built, "bootstrap", name, labels, parent, folder / "sealed")


def _inputs(files: Files, parent: str) -> str:
    content = {path: sha256(text).hexdigest() for path, text in files.items()}
    return sha256(json.dumps([content, parent], sort_keys=True).encode()).hexdigest()


def _is_current(image: Image | None, inputs: str) -> bool:
    return image is not None and image.labels.get(names.LABEL_INPUTS) == inputs
