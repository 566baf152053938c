"""What is written as YAML is what every reader gets: PyYAML by YAML 1.1, and the core schema of YAML 1.2."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nuwa.kubernetes import yaml_text

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text("ynoe1.-+:_0xX~ \n\"'#&*!|>%@`{}[],?=$\\\t", max_size=12),
    st.sampled_from(
        [
            "no",
            "1e3",
            "on",
            "Null",
            "~",
            "0o17",
            "0x1f",
            ".inf",
            "1_000",
            "12:30:45",
            "2026-01-01",
            "=",
            "<<",
            "y",
        ]
    ),
)
CORE = re.compile(
    r"null|Null|NULL|~||true|True|TRUE|false|False|FALSE|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|"
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
"""What YAML 1.2 takes for something else than a text, where it stands without quotes."""


def made(value):
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "a"},
        "data": {"x": value, value: [value]},
    }


@given(TEXTS)
def test_every_text_arrives_unharmed(value):
    assert yaml_text.read(yaml_text.write([made(value)])) == [made(value)]


@given(TEXTS)
def test_no_text_without_quotes_is_something_else_for_yaml_1_2(value):
    for event in yaml.parse(yaml_text.write([made(value)])):
        if isinstance(event, yaml.ScalarEvent) and event.style is None:
            assert not CORE.fullmatch(event.value)
            assert event.value.lower() not in ("y", "n", "yes", "no", "on", "off")


def test_numbers_and_truth_values_stay_what_they_are():
    objects = [{"kind": "x", "metadata": {"a": 1, "b": True, "c": None, "d": [], "e": 1.5}}]
    assert yaml_text.read(yaml_text.write(objects)) == objects


def test_a_list_is_its_items():
    items = [{"kind": "A", "metadata": {"name": "a"}}, {"kind": "B", "metadata": {"name": "b"}}]
    text = yaml_text.write([{"kind": "List", "apiVersion": "v1", "items": items, "metadata": {}}])
    assert yaml_text.read(text) == items


@pytest.mark.parametrize("text", ["a: [", "- 1\n", "text", "kind: x\n"])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(ValueError, match="this"):
        yaml_text.read(text)
