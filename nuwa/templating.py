"""The one Jinja environment. Only this module imports jinja2; it also runs inside images (Python 3.9)."""

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
"""A folder of templates, or what `compiled` gives."""


MODULES = "templates"
"""The folder of a zipapp that holds `modules`."""


def environment(sources: Sources) -> Environment:
    """An environment that fails on undefined names and knows one quoting filter per language.

    Args:
        sources: as inside the zipapp, where there is no folder, or a folder.
    """
    made = Environment(  # noqa: S701 - no HTML is written here; each target language has its own filter
        loader=FileSystemLoader(sources) if isinstance(sources, str) else sources,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(FILTERS)
    return made


def render(sources: Sources, name: str, /, **values: object) -> str:
    """Render one template; every value that it names must be given."""
    return _kept_environment(sources).get_template(name).render(**values)


def page(folder: str, name: str, /, **values: object) -> str:
    """Render one template of HTML; every value is escaped, and must be given."""
    return pages(folder).get_template(name).render(**values)


@cache
def pages(folder: str) -> Environment:
    """The environment for HTML, which a caller may give filters of its own."""
    made = environment(folder)
    made.autoescape = True
    return made


def modules(folder: str, kinds: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The templates in the folders `kinds` of a folder as Python modules: the name of each file and its code.

    They are rendered without reading a template: see `compiled`.
    """
    made = environment(folder)
    for name in made.list_templates(filter_func=lambda name: name.split("/")[0] in kinds):
        text = Path(folder, name).read_text(encoding="utf-8")
        yield ModuleLoader.get_module_filename(name), made.compile(text, name, raw=True, defer_init=True)


def compiled(path: str) -> BaseLoader:
    """The templates of the `modules` in a folder, or in a folder of a zip archive."""
    return ModuleLoader(path)


@cache
def _kept_environment(sources: Sources) -> Environment:
    """Kept, so that each template is compiled or loaded once."""
    made = environment(sources)
    if isinstance(sources, str):
        made.bytecode_cache = _kept[-1] if _kept else None
    return made


def keep_compiled(folder: Path) -> None:
    """Keep what the templates that `render` reads are compiled to, for the next command of the same nuwa.

    Args:
        folder: where; it is made if need be. Where it cannot be written to, nothing is kept.
    """
    from hashlib import sha256
    from importlib.metadata import version

    # Compiling also works out filters with constants, so what they do belongs to what is kept.
    code = b"".join(Path(module).read_bytes() for module in (__file__, str(quoting.__file__)))
    place = folder / sha256(code + version("jinja2").encode()).hexdigest()[:16]
    with suppress(OSError):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        _kept.append(_Kept(str(place)))


class _Kept(FileSystemBytecodeCache):
    """What cannot be written, or cannot be read, is compiled again."""

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            super().load_bytecode(bucket)
        except (OSError, EOFError, UnpicklingError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)


_kept: list[_Kept] = []
