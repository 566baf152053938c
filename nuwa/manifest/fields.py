"""Introspection of the model: each section's keys and their types, in words that errors and docs share."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union

from nuwa.manifest.marks import Between, Check, Doc
from nuwa.manifest.model import App
from nuwa.manifest.positions import Path


@dataclass(frozen=True)
class Field:
    """A key of a section.

    Args:
        kind: its type, including the model's markers.
        default: the value if the key is absent; `MISSING`: the key is required.
    """

    name: str
    kind: Any
    doc: str
    default: Any

    @property
    def required(self) -> bool:
        return self.default is MISSING

    @property
    def section(self) -> type | None:
        """The section that this key holds, when it holds one (or a list of them)."""
        return section_of(self.kind)

    @property
    def repeated(self) -> bool:
        """Whether it is a list of tables: `[[process]]`."""
        return self.section is not None and _is_list(_core(self.kind))

    @property
    def keyed(self) -> bool:
        """Whether it is a table of tables, each under a name that the user chooses: `[command.import]`."""
        return self.section is not None and _is_dict(_core(self.kind))


@cache
def fields_of(section: type) -> dict[str, Field]:
    """The keys that a section takes, in the order of the model."""
    hints = typing.get_type_hints(section, include_extras=True)
    found = {}
    for field in dataclasses.fields(section):
        kind = hints[field.name]
        default = field.default if field.default_factory is MISSING else field.default_factory()
        found[field.name] = Field(field.name, kind, _doc(kind), default)
    return found


def sections(root: type = App) -> dict[str, Field]:
    """The sections of a document, by default of a manifest."""
    return fields_of(root)


def section_of(kind: Any) -> type | None:
    """The dataclass in a type: `Static` in `Optional[Static]`, `Process` in `tuple[Process, ...]`, and
    `NamedCommand` in `dict[str, NamedCommand]`."""
    core = _core(kind)
    if dataclasses.is_dataclass(core):
        return typing.cast("type", core)
    if _is_dict(core):
        return section_of(typing.get_args(core)[1])
    return section_of(typing.get_args(core)[0]) if _is_list(core) else None


def kind_at(path: Path, root: type = App) -> Any:
    """The type that the model `root` gives to a path of a document; None if the path is unknown to it."""
    kind: Any = root
    for part in path:
        core = _core(kind)
        if is_table(core):
            field = fields_of(typing.cast("type", core)).get(str(part))
            kind = field.kind if field else None
        elif _is_list(core):
            kind = typing.get_args(core)[0]
        elif _is_dict(core):
            kind = typing.get_args(core)[1]
        else:
            kind = None
        if kind is None:
            return None
    return kind


def is_table(kind: Any) -> bool:
    """Whether a type is one section, not a list of them."""
    return dataclasses.is_dataclass(_core(kind))


def checked_by(kind: Any, function: Any) -> bool:
    """Whether values of a type are checked by `function`."""
    return any(isinstance(mark, Check) and mark.function is function for mark in _marks(kind))


def describe(kind: Any) -> str:
    """What a type accepts, in words: "a whole number from 1 to 512"."""
    own = next((mark.words for mark in _marks(kind) if isinstance(mark, Check) and mark.words), "")
    if own:
        return own
    core = _core(kind)
    origin, arguments = typing.get_origin(core), typing.get_args(core)
    if origin is Literal:
        words = [f'"{each}"' if isinstance(each, str) else str(each) for each in arguments]
        return words[0] if len(words) == 1 else "one of " + ", ".join(words)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(argument) for argument in arguments)
    if origin in (list, tuple):
        inner = section_of(core)
        return "a list of tables" if inner else f"a list of {_plural(arguments[0])}"
    if _is_dict(core):
        return f"a table of {_plural(arguments[1])}"
    limits = next((mark for mark in _marks(kind) if isinstance(mark, Between)), None)
    basic = {str: "a string", bool: "true or false", int: "a whole number", float: "a number"}
    return basic.get(core, "a table") + (f" from {limits.low} to {limits.high}" if limits else "")


def _plural(kind: Any) -> str:
    noun = describe(kind).removeprefix("a ").split(":")[0]
    return f"{noun}s" if noun.isalpha() else f"items, each {describe(kind)}"


def _core(kind: Any) -> Any:
    """A type without its markers and without `Optional`."""
    if typing.get_origin(kind) is Annotated:
        return _core(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (Union, types.UnionType):
        options = [option for option in typing.get_args(kind) if option is not type(None)]
        return _core(options[0]) if len(options) == 1 else kind
    return kind


def _is_list(core: Any) -> bool:
    return typing.get_origin(core) in (list, tuple)


def _is_dict(core: Any) -> bool:
    return typing.get_origin(core) is dict


def _marks(kind: Any) -> Iterator[Any]:
    """The markers on a type, including those inside `Optional`."""
    if typing.get_origin(kind) is Annotated:
        yield from typing.get_args(kind)[1:]
        yield from _marks(typing.get_args(kind)[0])
    elif typing.get_origin(kind) in (Union, types.UnionType):
        options = [option for option in typing.get_args(kind) if option is not type(None)]
        if len(options) == 1:
            yield from _marks(options[0])


def _doc(kind: Any) -> str:
    text = next((mark.text for mark in _marks(kind) if isinstance(mark, Doc)), "")
    section = section_of(kind)
    return text or (section.__doc__ or "" if section else "")
