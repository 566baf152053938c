"""Markers for the fields of every model (checks, limits, descriptions), and the types built from them.

During a build, pydantic calls the markers. Inside images nothing does, so this module needs only the standard
library and Python 3.9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Union

from nuwa.manifest import checks, commands, quantities


class Section:
    """A table of the manifest: unknown keys are errors, and no value is converted to another type."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True)
class Check:
    """Marks a field whose value is checked, by a function such as those of `checks`, before it is accepted.

    pydantic calls the two methods; without pydantic they are never called.

    Args:
        function: takes the value and returns it in its canonical spelling, or raises ValueError.
        accepts: the type of the value in the file, if that is more than the field's own type.
        words: the same in words.
    """

    function: Callable[[Any], Any]
    accepts: Any = None
    words: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        inner = handler.generate_schema(self.accepts) if self.accepts else handler(source)
        return core_schema.no_info_after_validator_function(self.function, inner)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        made = handler(schema)
        expression = getattr(self.function, "expression", "")
        return {**made, "pattern": f"^(?:{expression})$"} if expression else made


@dataclass(frozen=True)
class Doc:
    """Describes a field: shown in the reference, the JSON Schema and the annotated example."""

    text: str

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return {**handler(schema), "description": self.text}


@dataclass(frozen=True)
class Between:
    """The smallest and the largest number that a field accepts."""

    low: float
    high: float

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.within, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return {**handler(schema), "minimum": self.low, "maximum": self.high}

    def within(self, value: float) -> float:
        if not self.low <= value <= self.high:
            raise ValueError(f"{value} is not from {self.low} to {self.high}")
        return value


Size = Annotated[
    int, Check(quantities.size, Union[int, str], 'a size: a number of bytes, or a string such as "512M"')
]
Duration = Annotated[
    int,
    Check(quantities.duration, Union[int, str], 'a duration: a number of seconds, or a string such as "10m"'),
]
BitRate = Annotated[
    int,
    Check(
        quantities.bit_rate,
        Union[int, str],
        'a number of bits a second, or a string such as "50M" for 50 Mbit/s',
    ),
]
Command = Annotated[
    tuple[str, ...], Check(commands.command, Union[str, list[str]], "a command: a string, or a list of words")
]
Commands = Annotated[
    tuple[tuple[str, ...], ...],
    Check(
        commands.commands,
        Union[str, list[Union[str, list[str]]]],
        "a command (a string, or a list of words), or a list of commands",
    ),
]
Domain = Annotated[str, Check(checks.domain)]
Package = Annotated[str, Check(checks.package)]
Glob = Annotated[str, Check(checks.glob)]
Locale = Annotated[str, Check(checks.locale)]
RelativePath = Annotated[str, Check(checks.relative_path)]
RelativePaths = Annotated[
    tuple[str, ...],
    Check(checks.relative_paths, Union[str, list[str]], "a path in the project, or a list of paths"),
]
AbsolutePath = Annotated[str, Check(checks.absolute_path)]
HostPath = Annotated[str, Check(checks.OrEmpty(checks.absolute_path))]
VariableName = Annotated[str, Check(checks.variable_name)]
Seconds = Annotated[int, Between(1, 86400)]
PartName = Annotated[str, Check(checks.part_name)]
RemoteHost = Annotated[str, Check(checks.remote_host)]
