"""Every value that a template writes passes the quoting filter of the language that it writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from nuwa.quoting import FILTERS
from nuwa.resources import BIN_TEMPLATES, TEMPLATES

LANGUAGES = {
    "systemd": {"systemd", "systemd_argv", "systemd_text", "number"},
    "nginx": {"nginx", "nginx_argv", "nginx_pattern", "nginx_lines", "number"},
    "monit": {"monit", "monit_word", "number"},
    "cron": {"cron", "cron_times", "number"},
    "lib": {"sh", "sh_argv"},
    "label": {"sh", "sh_argv"},
}
TEMPLATE_FILES = [path for folder in LANGUAGES for path in sorted((TEMPLATES / folder).glob("*.j2"))]
TEMPLATE_FILES += sorted(BIN_TEMPLATES.rglob("*.j2"))


def outputs(text: str) -> Iterator[nodes.Expr]:
    """Each `{{ … }}` of a template; its plain text is none."""
    for output in Environment().parse(text).find_all(nodes.Output):
        yield from (node for node in output.nodes if not isinstance(node, nodes.TemplateData))


def test_each_language_has_templates():
    assert {path.parent.name for path in TEMPLATE_FILES} == set(LANGUAGES)


@pytest.mark.parametrize("path", TEMPLATE_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_value_passes_a_filter_of_its_language(path: Path):
    for node in outputs(path.read_text()):
        assert isinstance(node, nodes.Filter), f"{path.name}:{node.lineno}: a value without a quoting filter"
        allowed = LANGUAGES[path.parent.name] | {"comment"}
        assert node.name in allowed, (
            f"{path.name}:{node.lineno}: {node.name} is not a filter of this language"
        )
        assert node.name in FILTERS


@pytest.mark.parametrize("path", TEMPLATE_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_text_that_only_comments_may_hold_stands_in_comments(path: Path):
    for line in path.read_text().splitlines():
        if "| comment" in line:
            assert line.lstrip().startswith("#")
