"""The only Jinja environment. Only this module imports jinja2; it also runs inside images (Python 3.9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Union

from jinja2 import (
    BaseLoader,
    Environment,
    FileSystemBytecodeCache,
    FileSystemLoader,
    ModuleLoader,
    StrictUndefined,
)
from jinja2.bccache import Bucket

from nuwa import quoting
from nuwa.quoting import FILTERS

Sources = Union[BaseLoader, str]
"""A folder of templates, or the result of `compiled`."""


MODULES = "templates"
"""The folder of a zipapp that contains the output of `modules`."""


def environment(sources: Sources) -> Environment:
    """An environment that fails on undefined names and has one quoting filter per language.

    Args:
        sources: a folder of templates, or a loader, as in the zipapp, which has no folder.
    """
    made = Environment(  # noqa: S701 - this does not write HTML; each target language has its own filter
        loader=FileSystemLoader(sources) if isinstance(sources, str) else sources,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(FILTERS)
    return made


def render(sources: Sources, name: str, /, **values: object) -> str:
    """Render one template; all variables that it uses must be given."""
    return _kept_environment(sources).get_template(name).render(**values)


def page(folder: str, name: str, /, **values: object) -> str:
    """Render one HTML template; all variables are escaped, and must be given."""
    return pages(folder).get_template(name).render(**values)


@cache
def pages(folder: str) -> Environment:
    """The environment for HTML, to which a caller may add filters."""
    made = environment(folder)
    made.autoescape = True
    return made


def modules(folder: str, kinds: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The templates in the subfolders `kinds` as Python modules: the name of each file and its code.

    They are rendered without reading a template; see `compiled`.
    """
    made = environment(folder)
    for name in made.list_templates(filter_func=lambda name: name.split("/")[0] in kinds):
        text = Path(folder, name).read_text(encoding="utf-8")
        yield ModuleLoader.get_module_filename(name), made.compile(text, name, raw=True, defer_init=True)


def compiled(path: str) -> BaseLoader:
    """A loader for the `modules` in a folder, or in a folder of a zip archive."""
    return ModuleLoader(path)


@cache
def _kept_environment(sources: Sources) -> Environment:
    """Cached, so that each template is compiled or loaded only once."""
    made = environment(sources)
    if isinstance(sources, str):
        made.bytecode_cache = _kept[-1] if _kept else None
    return made


def keep_compiled(folder: Path) -> None:
    """Cache the compiled templates of `render` for later commands of the same nuwa.

    Args:
        folder: the cache; it is created if necessary. If it is not writable, nothing is cached.
    """
    from hashlib import sha256
    from importlib.metadata import version

    # Compiling also evaluates filters of constants, so the filters' code is part of the cache key.
    code = b"".join(Path(module).read_bytes() for module in (__file__, str(quoting.__file__)))
    place = folder / sha256(code + version("jinja2").encode()).hexdigest()[:16]
    with suppress(OSError):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        _kept.append(_Kept(str(place)))


class _Kept(FileSystemBytecodeCache):
    """Compiles again if the cache cannot be written or read."""

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            super().load_bytecode(bucket)
        except (OSError, EOFError, UnpicklingError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)


_kept: list[_Kept] = []
