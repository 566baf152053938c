"""Objects as YAML, written and read: the only importer of `yaml` in this package.

Strings stay strings for every reader. YAML 1.1 reads `no` and `on` as booleans, 1.2 reads `1e3` as a number,
so every string that is not a plain word or path is in double quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from nuwa.kubernetes.context import Object

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*(?:[:@][A-Za-z0-9_./-]+)*")
_BLOCK = re.compile(r"(?! )(?: *[!-~]+(?: +[!-~]+)*\n){2,}")
"""Lines that a block scalar can represent unchanged."""
_WORDS_WITH_A_MEANING = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


class _Writer(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML has no types
    """Without anchors, which are hard to read; lists are indented below their keys."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's name
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML passes it
        super().increase_indent(flow, False)


def _text(writer: yaml.SafeDumper, value: str) -> yaml.Node:
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS_WITH_A_MEANING
    style = None if is_plain else "|" if _BLOCK.fullmatch(value) else '"'
    return writer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Writer.add_representer(str, _text)


def write(objects: Iterable[Object]) -> str:
    """One document per object. The same objects give the same bytes, with keys in their given order."""
    return "".join(f"---\n{_document(made)}" for made in objects)


def _document(made: Object) -> str:
    text: str = yaml.dump(made, Dumper=_Writer, sort_keys=False, default_flow_style=False, width=2**31)
    return text


def read(text: str) -> list[Object]:
    """The objects in a stream of documents; a List is replaced by its items.

    Raises:
        ValueError: it is not YAML, or it holds something else.
    """
    try:
        found = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        raise ValueError(f"this is not YAML: {error}") from None
    objects = [
        item
        for document in found
        for item in (document.get("items", []) if _is_list(document) else [document])
    ]
    for item in objects:
        if not (isinstance(item, dict) and isinstance(item.get("metadata"), dict) and "kind" in item):
            raise ValueError("this contains something that is not a Kubernetes object")
    return objects


def _is_list(document: Any) -> bool:
    return isinstance(document, dict) and document.get("kind") == "List"
