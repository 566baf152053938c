"""What goes into the stand-in: stub packages by release, and the files that make it look like Rocky Linux."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from nuwa.image import families
from nuwa.image.families import Python, Release

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "data"
RELEASES = {"8": "8.10", "9": "9.6", "10": "10.0"}
"""The releases, with the version that each says it is."""
PYTHON = "python3.13"
"""Debian's, which every Python of the stand-in is."""
PRESENT = {
    "": ["ca-certificates", "gawk", "gzip", "hostname", "shadow-utils", "stand-in-release", "tar", "tzdata"],
    "8": ["util-linux", "zlib"],
    "9": ["findutils", "python3", "util-linux", "zlib"],
    "10": ["findutils", "python3", "util-linux"],
}
"""What Rocky's images have already, all of them and each release, as far as it is known."""
UNLISTED = {"8": {"jemalloc": "EPEL", "xorg-x11-fonts-75dpi": "AppStream"}}
"""What no list knows, and tests/unit/image/test_packages.py excuses."""

Package = dict[str, Any]
"""A stub rpm, with the keys of packages.toml."""


def root_files() -> dict[str, bytes]:
    """What the root is made of, by path below /mnt/standin."""
    releases: dict[str, dict[str, Any]] = {
        name: {"repository": repositories(name), "packages": own(name)} for name in RELEASES
    }
    described = tomllib.loads((HERE / "packages.toml").read_text())
    differ = {name for release in releases.values() for name in release["packages"]}
    known = {name for release in releases.values() for name in release["repository"]}
    shared = {name: described.get(name, {}) for name in sorted({*known, *described} - differ)}
    return {
        **_folder("root"),
        "releases.json": json.dumps(releases, sort_keys=True).encode(),
        "packages.json": json.dumps(shared, sort_keys=True).encode(),
    }


def repositories(release: str) -> dict[str, str]:
    """The repository of each package that is known of a release; of several that are possible, the first."""
    lines = (DATA / f"packages-el{release}.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    listed = {row[0]: row[1].partition("|")[0].replace("?", "AppStream") for row in rows}
    return listed | UNLISTED.get(release, {}) | {"stand-in-release": "BaseOS"}


def own(release: str) -> dict[str, Package]:
    """The packages whose content differs by release: its name, and its Pythons."""
    provided = ("system-release", "system-release(releasever)", "rocky-release")
    packages: dict[str, Package] = {
        "stand-in-release": {"provides": [f"{name} = {release}" for name in provided]}
    }
    for python in _release(release).pythons:
        packages |= _python(python)
    return packages


def _python(python: Python) -> dict[str, Package]:
    link = {python.executable: PYTHON} if python.executable != f"/usr/bin/{PYTHON}" else {}
    module = {"/usr/lib64/httpd/modules/mod_wsgi_python3.so": f"/usr/lib64/stand-in/mod_wsgi.so-{PYTHON[6:]}"}
    programs: dict[str, Package] = {name: {"links": link} for name in python.packages}
    return programs | {name: {"requires": ["stand-in-mod-wsgi"], "links": module} for name in python.mod_wsgi}


def _release(name: str) -> Release:
    return families.load("rockylinux").release(name)


def release_files(release: str) -> dict[str, bytes]:
    """What a release adds to the root, by path below /mnt/standin."""
    return {
        **_folder("release"),
        "os-release": _os_release(release).encode(),
        "rocky.repo": _repositories_file(_release(release).extra_repository).encode(),
        "present": "".join(f"{name}\n" for name in PRESENT[""] + PRESENT[release]).encode(),
    }


def _os_release(release: str) -> str:
    version = RELEASES[release]
    values = {
        "NAME": "Rocky Linux",
        "VERSION": f"{version} (stand-in)",
        "ID": "rocky",
        "ID_LIKE": "rhel centos fedora",
        "VERSION_ID": version,
        "PLATFORM_ID": f"platform:el{release}",
        "PRETTY_NAME": f"Stand-in for Rocky Linux {version}, made of Debian's packages",
    }
    return "".join(f'{name}="{value}"\n' for name, value in values.items())


def _repositories_file(extra: str) -> str:
    """A file of dnf's; its variable `standin` says where the repositories are."""
    folders = {"baseos": "BaseOS", "appstream": "AppStream", "extras": "extras", extra: "CRB"}
    return "\n".join(
        f"[{name}]\nname=Stand-in for Rocky Linux $releasever: {folder}\n"
        f"baseurl=$standin/el$releasever/{folder}/\nenabled={int(name != extra)}\ngpgcheck=0\n"
        for name, folder in folders.items()
    )


def _folder(name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (HERE / name).iterdir() if path.is_file()}
