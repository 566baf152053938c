"""The guide says of each key of nuwa.toml where it goes on Kubernetes, and of no key that there is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nuwa.kubernetes.command import HELP
from nuwa.manifest.fields import fields_of
from nuwa.manifest.model import App

GUIDE = (Path(__file__).parents[3] / "docs/guide/kubernetes.md").read_text()


def keys(section: type = App, prefix: str = "") -> Iterator[str]:
    for name, field in fields_of(section).items():
        yield from keys(field.section, f"{prefix}{name}.") if field.section else [f"{prefix}{name}"]


def test_each_key_has_its_row_and_no_other():
    table = GUIDE.partition("| key | on Kubernetes |")[2].partition("\n\n")[0]
    rows = [re.match(r"\| ([^|]*) \| (.+) \|$", line) for line in table.splitlines()[2:]]
    named = [key for row in rows if row for key in re.findall(r"`([a-z_.]+)`", row[1])]
    assert sorted(named) == sorted(keys())


def test_the_options_of_the_guide_are_there():
    known = {f"--{name.replace('_', '-')}" for name in HELP} | {"--output", "--diff"}
    lines = [line for line in GUIDE.splitlines() if "nuwa export" in line or line.startswith("| `--")]
    used = {option for line in lines for option in re.findall(r"--[a-z-]+", line)}
    assert used <= known
    assert len(used) > 6
