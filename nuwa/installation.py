"""This installation of nuwa: its wheel, the packages that it needs, its place on a host.

The name `nuwa` on the public index belongs to somebody else, so nuwa is never installed by its name: it
installs its own wheel wherever it is needed. Only its requirements come from an index, each with its sha256.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

from nuwa.errors import CommandError, NuwaError
from nuwa.image import indexes
from nuwa.process import run
from nuwa.resources import BIN_TEMPLATES, DISTRIBUTION, IMAGES, PACKAGE, TEMPLATES

PLACE = Path("/opt/nuwa")
"""Where nuwa is installed on a host: a virtual environment that every user may read."""
COMMAND = Path("/usr/local/bin/nuwa")
REQUIREMENTS = PACKAGE / "requirements.lock"
"""The packages that nuwa and its agent need, by version and sha256."""
_OLDEST = (3, 11)
_INSTALL_TIMEOUT_S = 600
_WHEEL = "Wheel-Version: 1.0\nGenerator: nuwa\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def is_in_place(place: Path = PLACE) -> bool:
    """Whether the running nuwa is the one installed in its place on a host."""
    return Path(sys.prefix).resolve() == place.resolve()


def write_wheel(folder: Path) -> Path:
    """Write this nuwa as a wheel into a folder, byte for byte the same from a checkout and from that wheel.

    Files are stored uncompressed: compressed data differs between versions of zlib.

    Raises:
        NuwaError: this nuwa is not installed, so its requirements are unknown.
    """
    own = _metadata()
    name = f"{DISTRIBUTION.replace('-', '_')}-{own.version}"
    wheel, record = folder / f"{name}-py3-none-any.whl", []
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content, mode in _entries(own, f"{name}.dist-info"):
            _add(archive, path, content, mode)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(content)}\n")
        path = f"{name}.dist-info/RECORD"
        _add(archive, path, "".join([*record, f"{path},,\n"]).encode(), 0o644)
    return wheel


def install_into(target: list[str], wheel: Path) -> None:
    """Install nuwa from its wheel, with its requirements from the indexes configured on this machine.

    Args:
        target: the options of `uv pip install` that state the destination and the Python.

    Raises:
        NuwaError: the requirements cannot be installed.
    """
    install_requirements(target)
    _uv("pip", "install", *target, "--no-deps", "--offline", "--reinstall", str(wheel))


def install_requirements(target: list[str]) -> None:
    """Install what nuwa and its agent need; `target` as in `install_into`.

    Raises:
        NuwaError: they cannot be downloaded.
    """
    words = ["pip", "install", *target, "--only-binary", ":all:", "--require-hashes", "-r", str(REQUIREMENTS)]
    with tempfile.TemporaryDirectory(prefix="nuwa-install-") as folder:
        settings = Path(folder, "uv.toml")
        settings.touch(mode=0o600)
        settings.write_text(indexes.of_this_machine())
        try:
            _uv(*words, env={"UV_CONFIG_FILE": str(settings)})
        except CommandError as error:
            hint = (
                "They come from the index in uv's or pip's settings, else from PyPI; from a folder of wheels "
                "with UV_NO_INDEX=1 UV_FIND_LINKS=FOLDER before the command."
            )
            raise NuwaError(
                "the packages that nuwa needs cannot be installed", details=error.output, hint=hint
            ) from None


def is_current(place: Path = PLACE, command: Path = COMMAND) -> bool:
    """Whether exactly this nuwa is in its place on this host, with all its requirements.

    Raises:
        NuwaError: this nuwa is not installed.
    """
    if not (command.is_symlink() and command.readlink() == place / "bin/nuwa"):
        return False
    if is_in_place(place):
        return not _differing()
    with tempfile.TemporaryDirectory(prefix="nuwa-wheel-") as folder:
        wheel = write_wheel(Path(folder))
        kept = place / "share" / wheel.name
        return kept.exists() and kept.read_bytes() == wheel.read_bytes()


def install_here(place: Path = PLACE, command: Path = COMMAND) -> None:
    """Install the running nuwa in its place on this host, with the agent's requirements; safe to repeat.

    Raises:
        NuwaError: it could not be installed.
    """
    former = os.umask(0o022)
    try:
        if is_in_place(place):
            # pip installed what the command line needs: the agent needs more, and pinned versions.
            install_requirements(["--python", str(place)])
        else:
            _bring(place)
        _link(command, place / "bin/nuwa")
        # Any user could write to uv's lock, and thereby block the next update.
        (place / ".lock").unlink(missing_ok=True)
    finally:
        os.umask(former)


def _bring(place: Path) -> None:
    """Install this nuwa's wheel there; the wheel is kept, to detect later whether it is the same one."""
    with tempfile.TemporaryDirectory(prefix="nuwa-wheel-") as folder:
        wheel = write_wheel(Path(folder))
        for old in place.glob("share/*.whl"):
            old.unlink()
        if not (place / "bin/python").exists():
            _uv("venv", "--python", _python(), "--allow-existing", str(place))
        install_into(["--python", str(place)], wheel)
        # Done last: until it exists, the next run installs everything again.
        kept = place / "share" / wheel.name
        kept.parent.mkdir(exist_ok=True)
        shutil.copyfile(wheel, kept.with_suffix(".part"))
        kept.with_suffix(".part").rename(kept)


def _differing() -> list[str]:
    """Requirements that this environment lacks, or has in another version."""
    pins = re.findall(r"^([\w.-]+)==(\S+) \\$", REQUIREMENTS.read_text(), flags=re.MULTILINE)
    there = {_normal(own.name): own.version for own in distributions()}
    return [name for name, version in pins if there.get(_normal(name)) != version]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _link(command: Path, target: Path) -> None:
    if command.exists() and not command.is_symlink():
        raise NuwaError(f"{command} is not a link to nuwa", hint=f"Move it away: mv {command} {command}.old")
    command.unlink(missing_ok=True)
    command.symlink_to(target)


def _python() -> str:
    """The Python for the environment: the system's, which every user can run and which gets updates."""
    test = f"import sys; sys.exit(sys.version_info < {_OLDEST})"
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11"):
        found = shutil.which(name, path="/usr/bin:/usr/local/bin")
        if found and run([found, "-c", test], check=False).ok:
            return found
    raise NuwaError(
        "this host has no Python 3.11 or newer in /usr/bin",
        hint="apt-get install python3 (Debian 12 or newer), dnf install python3.12 (Rocky Linux)",
    )


def _uv(*words: str, env: dict[str, str] | None = None) -> None:
    import uv

    own = {"UV_SYSTEM_CERTS": "1", "VIRTUAL_ENV": "", **(env or {})}
    run([uv.find_uv_bin(), "--quiet", *words], env=own, timeout=_INSTALL_TIMEOUT_S)


def _metadata() -> Distribution:
    try:
        return distribution(DISTRIBUTION)
    except PackageNotFoundError:
        raise NuwaError(
            f"this nuwa runs from {PACKAGE.parent} without being installed", hint="script/bootstrap"
        ) from None


def _entries(own: Distribution, information: str) -> Iterator[tuple[str, bytes, int]]:
    """The files of the wheel: path in the wheel, content, mode."""
    roots = {f"nuwa/_data/{folder.name}": folder for folder in (BIN_TEMPLATES, IMAGES, TEMPLATES)}
    roots["nuwa"] = PACKAGE
    for prefix, root in sorted(roots.items()):
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            inside = path.relative_to(root)
            if "__pycache__" in inside.parts or (root == PACKAGE and inside.parts[0] == "_data"):
                continue
            mode = 0o755 if path.stat().st_mode & 0o111 else 0o644
            yield f"{prefix}/{inside.as_posix()}", path.read_bytes(), mode
    for name in ("METADATA", "entry_points.txt", "licenses/LICENSE"):
        yield f"{information}/{name}", (own.read_text(name) or "").encode(), 0o644
    yield f"{information}/WHEEL", _WHEEL.encode(), 0o644


def _add(archive: zipfile.ZipFile, path: str, content: bytes, mode: int) -> None:
    entry = zipfile.ZipInfo(path)
    entry.create_system = 3
    entry.external_attr = (0o100000 | mode) << 16
    archive.writestr(entry, content)
