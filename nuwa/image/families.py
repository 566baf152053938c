"""The distributions that images are based on: data of `images/families/*.toml`, read only once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from nuwa.errors import BuildError
from nuwa.image.pins import pins
from nuwa.resources import IMAGES

Provider = Literal["distribution", "uv", "conda"]


@dataclass(frozen=True)
class Python:
    """A Python version that a release offers, and where it comes from."""

    version: str
    """Such as `3.13`."""
    provider: Provider
    """distribution: its packages; uv: a build that uv downloads; conda: conda-forge, by Miniforge."""
    executable: str = ""
    """Path of the distribution's interpreter."""
    packages: tuple[str, ...] = ()
    devel: tuple[str, ...] = ()
    """Packages with its headers, for the build image."""
    mod_wsgi: tuple[str, ...] = ()
    """Packages with an Apache module made for it; empty: there is none."""

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.version.split("."))


@dataclass(frozen=True)
class Release:
    """One release of a distribution."""

    name: str
    image: str
    """The name of its image in a registry."""
    pythons: tuple[Python, ...]
    """All Python versions that it offers, the default first."""
    codename: str = ""
    """The name of its suite in the package archive."""
    extra_repository: str = ""
    """A repository that exists but is disabled by default."""
    packages: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Package names by purpose."""
    node_streams: tuple[str, ...] = ()
    """Module streams to enable before Node is installed; empty: its packages belong to no module."""

    def python(self, version: str) -> Python:
        """The Python of that version.

        Raises:
            BuildError: it is not offered; the message lists what is.
        """
        for python in self.pythons:
            if python.version == version:
                return python
        offered = ", ".join(python.version for python in self.pythons)
        raise BuildError(f"Python {version} is not offered here", hint=f"Offered: {offered}")


@dataclass(frozen=True)
class Family:
    """A distribution that images are based on."""

    name: str
    title: str
    init: Literal["nuwa-init", "s6-overlay"]
    """What provides PID 1: `rootfs-<init>` of a layer is copied on top of its `rootfs`."""
    package_manager: Literal["apt", "dnf"]
    paths: dict[str, str]
    """Paths of programs and libraries by name: `httpd`, `cron`, `jemalloc` and so on; some contain `*`."""
    pruned: tuple[str, ...]
    """Patterns (`*`) of files of Python that no app needs; the layers that contain them remove them."""
    wkhtmltopdf: tuple[str, ...]
    """The packages that wkhtmltopdf needs; empty: it is not available for this family."""
    all_releases: tuple[Release, ...]

    @property
    def releases(self) -> tuple[str, ...]:
        """The names of its releases, the default first."""
        return tuple(release.name for release in self.all_releases)

    def release(self, name: str) -> Release:
        for release in self.all_releases:
            if release.name == name:
                return release
        offered = ", ".join(self.releases)
        raise BuildError(f"{self.title} {name} is not offered", hint=f"Offered: {offered}")

    def pythons(self, release: str) -> tuple[str, ...]:
        """The Python versions of a release, the default first."""
        return tuple(python.version for python in self.release(release).pythons)


@cache
def load(name: str) -> Family:
    """The family of that name (`image.family` of the manifest)."""
    data = tomllib.loads((IMAGES / "families" / f"{name}.toml").read_text())
    shared = data["packages"]
    return Family(
        name=name,
        title=data["title"],
        init=data["init"],
        package_manager=data["package_manager"],
        paths=data["paths"],
        pruned=tuple(data["pruned"]),
        wkhtmltopdf=tuple(data["extras"]["wkhtmltopdf"]),
        all_releases=tuple(_release(entry, shared) for entry in data["release"]),
    )


def _release(data: dict[str, Any], shared: dict[str, list[str]]) -> Release:
    own = tuple(_python(entry) for entry in data["python"])
    taken = {python.version for python in own}
    others = tuple(python for python in _downloaded() if python.version not in taken)
    packages = {**shared, **data.get("packages", {})}
    return Release(
        name=data["name"],
        image=data["image"],
        pythons=own + others,
        codename=data.get("codename", ""),
        extra_repository=data.get("extra_repository", ""),
        packages={purpose: tuple(names) for purpose, names in packages.items()},
        node_streams=tuple(data.get("node_streams", ())),
    )


def _python(data: dict[str, Any]) -> Python:
    lists = {key: tuple(data.get(key, ())) for key in ("packages", "devel", "mod_wsgi")}
    return Python(data["version"], "distribution", data["executable"], **lists)


def _downloaded() -> tuple[Python, ...]:
    """The versions that are independent of the distribution's packages."""
    versions = pins()["python"]
    return tuple(Python(version, "uv") for version in versions["uv"]) + tuple(
        Python(version, "conda") for version in versions["conda"]
    )
