"""What an export would change in an earlier one, object by object; values of secrets are not shown."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator

from nuwa.kubernetes.context import Object
from nuwa.kubernetes.yaml_text import write

Key = tuple[str, str]


def compare(old: Iterable[Object], new: Iterable[Object]) -> Iterator[str]:
    """Lines of a unified diff; none if nothing changes."""
    before, after = _by_key(old), _by_key(new)
    for key in sorted(before.keys() | after.keys()):
        left, right = (write([_masked(found[key])]) if key in found else "" for found in (before, after))
        names = (_title(key, left), _title(key, right))
        yield from difflib.unified_diff(
            left.splitlines(), right.splitlines(), names[0], names[1], lineterm=""
        )


def _by_key(objects: Iterable[Object]) -> dict[Key, Object]:
    return {(str(made["kind"]), str(made["metadata"].get("name"))): made for made in objects}


def _title(key: Key, there: str) -> str:
    return "/".join(key) if there else "/dev/null"


def _masked(made: Object) -> Object:
    """A Secret whose values are replaced by marks that differ if the values do, but do not reveal them."""
    if made["kind"] != "Secret":
        return made
    hidden = {
        part: {
            name: f"sha256:{hashlib.sha256(str(value).encode()).hexdigest()[:12]}"
            for name, value in values.items()
        }
        for part, values in made.items()
        if part in ("data", "stringData") and isinstance(values, dict)
    }
    return {**made, **hidden}
