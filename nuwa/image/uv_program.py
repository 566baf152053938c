"""The uv that builds use: the one installed with nuwa, or the same version for another processor."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from nuwa.architecture import machine_of
from nuwa.errors import BuildError, CommandError
from nuwa.image import indexes
from nuwa.process import run
from nuwa.resources import PACKAGE, cache_folder

REQUIREMENTS = PACKAGE / "requirements.lock"
_TIMEOUT_S = 600
_ENVIRONMENT = {"UV_SYSTEM_CERTS": "1", "VIRTUAL_ENV": ""}


def find(architecture: str) -> Path:
    """The program; `architecture` is empty for this machine's own.

    Raises:
        BuildError: the one for another processor cannot be downloaded from this machine's index.
    """
    import uv

    own = Path(uv.find_uv_bin())
    if not architecture:
        return own
    requirement = _requirement()
    version = requirement.split()[0].rpartition("=")[2]
    place = cache_folder() / "downloads" / f"uv-{version}-{architecture}"
    if not (place / "bin/uv").exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="uv-", dir=place.parent) as folder:
            _download(own, requirement, architecture, Path(folder))
            if not place.exists():
                Path(folder, "installed").rename(place)
    return place / "bin/uv"


def _requirement() -> str:
    """uv's entry in the locked requirements: its version, and the checksums of its wheels."""
    found = re.search(r"^uv==(?:.*\\\n)*.*\n", REQUIREMENTS.read_text(), flags=re.MULTILINE)
    assert found, f"{REQUIREMENTS} has no uv"
    return found[0]


def _download(own: Path, requirement: str, architecture: str, folder: Path) -> None:
    (folder / "requirements.txt").write_text(requirement)
    (folder / "uv.toml").touch(mode=0o600)
    (folder / "uv.toml").write_text(indexes.of_this_machine())
    words: list[str | Path] = [
        own,
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
    ]
    words += ["--python", sys.executable, "--target", folder / "installed"]
    words += [
        "--python-platform",
        f"{machine_of(architecture)}-manylinux_2_28",
        "-r",
        folder / "requirements.txt",
    ]
    try:
        run(words, env={**_ENVIRONMENT, "UV_CONFIG_FILE": str(folder / "uv.toml")}, timeout=_TIMEOUT_S)
    except CommandError as error:
        raise BuildError(
            f"uv for {architecture}, which installs the app's Python packages, cannot be downloaded",
            details=error.output,
            hint="It comes from the index in uv's or pip's settings, else from PyPI.",
        ) from None
