"""Apps that the tests of this folder build on paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nuwa.errors import BuildError
from nuwa.image.build_spec import Recipe
from nuwa.image.families import load
from nuwa.manifest.image import Image
from nuwa.manifest.model import App, AppSection, Extras, Server


def app(family: str = "debian", *, kind: str = "gunicorn", **image: object) -> App:
    return App(
        app=AppSection(name="shop"),
        server=Server(module="shop.wsgi:application", kind=kind),  # type: ignore[arg-type]
        image=Image(family=family, **image),  # type: ignore[arg-type]
    )


def full(family: str) -> App:
    """An app that asks for everything that its family has."""
    made = app(family, packages=("libpq5",), build_packages=("libpq-dev",))
    extras = Extras(wkhtmltopdf=family == "rockylinux", fonts=("fonts-x",), locales=("de_DE.UTF-8",))
    return replace(made, extras=extras)


def all_recipes() -> Iterator[Recipe]:
    """Every family, release, Python and server that can be had."""
    for name in ("debian", "rockylinux"):
        family = load(name)
        for release in family.releases:
            for python in family.pythons(release):
                for kind in ("gunicorn", "uvicorn", "mod_wsgi"):
                    try:
                        yield Recipe.of(app(name, kind=kind, release=release, python=python))
                    except BuildError:
                        continue
