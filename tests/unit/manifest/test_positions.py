"""Places in a TOML text."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuwa.manifest.positions import Place, dotted, scan
from nuwa.quoting import toml

TEXT = '''# comment with = and [x]
top = 1
"a b"."c\\"d" = { x = 1, y = [ # not here
] }

[table] # trailing
list = [
  "one", # comment, with ]
  'two',
  [3, 4],
]
text = """
a "quoted" ""\\" [no] = #
"""
raw = \'\'\'
it\'s \'\' [no]\'\'\'
date = 1979-05-27 07:32:00  # when
[[many]]
name = "x"
[many.inner]
deep = true
[[many]]
name = "y"
inner = {}
[[many.more]]
z = 1
'''

LINES = {
    ("top",): 2,
    ("a b",): 3,
    ("a b", 'c"d'): 3,
    ("a b", 'c"d', "y"): 3,
    ("table",): 6,
    ("table", "list"): 7,
    ("table", "list", 0): 8,
    ("table", "list", 1): 9,
    ("table", "list", 2, 1): 10,
    ("table", "text"): 12,
    ("table", "raw"): 15,
    ("table", "date"): 17,
    ("many",): 18,
    ("many", 0): 18,
    ("many", 0, "name"): 19,
    ("many", 0, "inner"): 20,
    ("many", 0, "inner", "deep"): 21,
    ("many", 1): 22,
    ("many", 1, "name"): 23,
    ("many", 1, "more", 0, "z"): 26,
}


@pytest.mark.parametrize("path", LINES, ids=map(dotted, LINES))
def test_knows_the_line_of_each_part(path):
    assert scan(TEXT)[path].line == LINES[path]


def test_knows_how_a_value_is_written():
    places = scan("a = 3.10 # why\nb = [1,\n2]\n")
    assert places["a",] == Place(1, "3.10")
    assert places["b",].text == "[1,\n2]"
    assert places["b", 1] == Place(3, "2")


def test_copes_with_windows_line_ends():
    assert scan("a = 1\r\n[b]\r\nc = 2\r\n")["b", "c"] == Place(3, "2")


def paths(value, path=()):
    """Every path of a document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*path, key))


def written(value):
    """A value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",\n ".join(map(written, value)) + "]"
    return (
        {True: "true", False: "false"}[value]
        if isinstance(value, bool)
        else toml(value)
        if isinstance(value, str)
        else repr(value)
    )


SCALARS = (
    st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False)
)
KEYS = st.text(max_size=6)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4), max_size=4))
def test_finds_every_path_of_any_document(document):
    text = "".join(
        f"[{toml(name)}]\n" + "".join(f"{toml(key)} = {written(value)}\n" for key, value in table.items())
        for name, table in document.items()
    )
    assert tomllib.loads(text) == document
    assert set(scan(text)) == set(paths(document))


def test_writes_paths_as_a_person_does():
    assert dotted(("volume", 0, "path")) == "volume[0].path"
    assert dotted(("env", "clear", "a b")) == 'env.clear."a b"'
