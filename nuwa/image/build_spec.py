"""What a manifest chooses from what the families offer, each choice checked once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from nuwa.architecture import here, machine_of
from nuwa.errors import BuildError
from nuwa.image import families, pins
from nuwa.image.families import Family, Python, Release
from nuwa.image.pins import Downloads
from nuwa.manifest.model import App, Kind
from nuwa.manifest.resolve import resolve
from nuwa.names import Platform
from nuwa.resources import IMAGES

MAX_TAG = 128
"""Characters of an image's tag."""


@dataclass(frozen=True)
class Recipe:
    """An app with its distribution and its Python version."""

    app: App
    family: Family
    release: Release
    python: Python
    architecture: str = ""
    """The target processor, such as `arm64`, if it is not this machine's own."""

    @classmethod
    def of(cls, app: App, architecture: str = "") -> Recipe:
        """The recipe of an app; `architecture` as in the class.

        Raises:
            BuildError: something it asks for is not offered; the message lists what is.
        """
        family = families.load(app.image.family)
        app = resolve(app.for_image(), family)
        release = family.release(app.image.release)
        made = cls(app, family, release, release.python(app.image.python), architecture)
        made._check()
        return made

    @property
    def platform(self) -> Platform:
        return replace(self.app.platform, architecture=self.architecture)

    @property
    def version(self) -> str:
        """The app's version as it appears in the tag of its images."""
        return f"{self.app.app.version}{self.platform.suffix}"

    @property
    def tag(self) -> str:
        """The image's name; one for another processor is not a release of this machine."""
        return self.app.names.image(self.version)

    @property
    def machine(self) -> str:
        """The kernel's name for the target processor, which pins.toml uses too."""
        return machine_of(self.architecture or here())

    @property
    def kind(self) -> Kind:
        return self.app.server.kind

    @property
    def own_python(self) -> Python:
        """The distribution's own Python, which runs nuwa's tools in the image."""
        return self.release.pythons[0]

    @property
    def nuwa_python_image(self) -> str:
        variant = "" if self.kind == "gunicorn" else self.kind
        return self.platform.nuwa_python_image(self.python.version, variant)

    @property
    def server_packages(self) -> tuple[str, ...]:
        """Packages for this Python and this server that the layer below does not have."""
        packages = () if self.python == self.own_python else self.python.packages
        if self.kind == "mod_wsgi":
            packages += self.release.packages["httpd"] + self.python.mod_wsgi
        return packages

    @property
    def installs_packages(self) -> bool:
        """Whether the app needs the layer for the distribution's packages and its own Containerfile lines."""
        extras, image = self.app.extras, self.app.image
        wanted = (image.packages, image.containerfile_extra, extras.fonts, extras.locales, extras.wkhtmltopdf)
        return any(wanted)

    @property
    def app_parent(self) -> str:
        """The image that the app's own layer is built on."""
        names, version = self.app.names, self.version
        return names.packages_image(version) if self.installs_packages else names.requirements_image(version)

    @property
    def extra_devel(self) -> tuple[str, ...]:
        """Headers of this Python, if the build image has those of another version."""
        return () if self.python == self.own_python else self.python.devel

    @cached_property
    def lock(self) -> str:
        """The pinned packages of the server: a file of `images/nuwa_python/locks`; empty for Apache."""
        if self.kind == "mod_wsgi":
            return ""
        offered = {}
        for file in (IMAGES / "nuwa_python" / "locks").glob(f"{self.kind}-*.txt"):
            oldest = tuple(int(part) for part in file.stem.rpartition("-")[2].split("."))
            offered[oldest] = file.name
        fitting = [oldest for oldest in offered if oldest <= self.python.numbers]
        if not fitting:
            least = ".".join(map(str, min(offered)))
            raise BuildError(
                f"{self.kind} needs Python {least} or newer, and image.python is {self.python.version}"
            )
        return offered[max(fitting)]

    @property
    def wkhtmltopdf(self) -> Downloads | None:
        if not self.app.extras.wkhtmltopdf:
            return None
        downloads = pins.downloads("wkhtmltopdf", self.machine, self.release.name)
        return downloads if self.family.wkhtmltopdf and downloads.files else None

    def _check(self) -> None:
        where = f"{self.family.title} {self.release.name}"
        if len(self.version) > MAX_TAG:
            raise BuildError(
                f"the version {self.app.app.version} is too long for an image's tag for {self.architecture}",
                hint=f"Shorten app.version to at most {MAX_TAG - len(self.platform.suffix)} characters.",
            )
        if self.kind == "mod_wsgi" and not self.python.mod_wsgi:
            fitting = ", ".join(python.version for python in self.release.pythons if python.mod_wsgi)
            raise BuildError(
                f"{where} has no mod_wsgi for Python {self.python.version}",
                hint=f'Use Python {fitting}, or server.kind = "gunicorn".',
            )
        if self.app.extras.wkhtmltopdf and not self.wkhtmltopdf:
            raise BuildError(
                f"there is no wkhtmltopdf for {where} on {self.machine}",
                hint="Its authors have archived it; WeasyPrint, a Python package, also makes PDF from HTML.",
            )
        _ = self.lock
