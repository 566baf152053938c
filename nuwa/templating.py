"""The one Jinja environment. Only this module imports jinja2; it also runs inside images (Python 3.9)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Union

from jinja2 import BaseLoader, Environment, FileSystemLoader, FunctionLoader, StrictUndefined

from nuwa.quoting import FILTERS

Sources = Union[Mapping[str, str], str]


def environment(sources: Sources) -> Environment:
    """An environment that fails on undefined names and knows one quoting filter per language.

    Args:
        sources: a folder, or template texts by name (as inside the zipapp, where there is no folder).
    """
    loader: BaseLoader
    loader = FileSystemLoader(sources) if isinstance(sources, str) else FunctionLoader(sources.get)
    made = Environment(  # noqa: S701 - no HTML is written here; each target language has its own filter
        loader=loader,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(FILTERS)
    return made


def render(sources: Sources, name: str, /, **values: object) -> str:
    """Render one template; every value that it names must be given."""
    made = _of_folder(sources) if isinstance(sources, str) else environment(sources)
    return made.get_template(name).render(**values)


def page(folder: str, name: str, /, **values: object) -> str:
    """Render one template of HTML; every value is escaped, and must be given."""
    return pages(folder).get_template(name).render(**values)


@cache
def pages(folder: str) -> Environment:
    """The environment for HTML, which a caller may give filters of its own."""
    made = environment(folder)
    made.autoescape = True
    return made


@cache
def _of_folder(folder: str) -> Environment:
    """Kept, so that each template of a folder is compiled once."""
    return environment(folder)
