"""What is published about the manifest: schema, reference, annotated example; all made from one model."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from nuwa.detect import annotated_manifest
from nuwa.detect.model import Project, Web
from nuwa.errors import ManifestError
from nuwa.manifest import schema
from nuwa.manifest.fields import fields_of, sections
from nuwa.manifest.load import validate
from nuwa.reference import manifest

PUBLISHED = Path(__file__).parents[3] / "docs" / "reference"
TEXT = annotated_manifest.text(annotated_manifest.EXAMPLE)


def uncommented(text, only=""):
    """The example with its optional lines taken in; `only` those of one section, by its header."""
    lines, inside = [], not only
    for line in text.splitlines():
        header = re.match(r"#?(\[.*\])$", line)
        if header and only:
            inside = header[1] == only or header[1].strip("[]").startswith(only.strip("[]") + ".")
        setting = re.match(r"#(\[|[A-Za-z_]+ = )", line)
        lines.append(line[1:] if setting and inside else line)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", manifest.pages())
def test_the_published_pages_are_current(name):
    assert (PUBLISHED / name).read_text() == manifest.pages()[name], "run script/generate"


def test_the_example_is_valid_as_it_stands():
    app = validate(tomllib.loads(TEXT), "nuwa.toml")
    assert app.name == "shop"
    assert app.static.directory == "staticfiles"


def test_the_example_names_every_field_and_shows_its_default():
    document = tomllib.loads(uncommented(TEXT))
    for name, section in sections().items():
        table = document[name][0] if section.repeated else document[name]
        table = next(iter(table.values())) if section.keyed else table
        assert set(table) == set(fields_of(section.section)), name
    assert set(document["backup"]["keep"]) == {"daily", "weekly", "monthly"}


def test_commented_values_are_defaults_where_there_is_one():
    """A line that is taken in as it stands changes nothing, unless its default is to have none."""
    document = tomllib.loads(uncommented(TEXT))
    before = validate(tomllib.loads(TEXT), "nuwa.toml")
    after = validate(document, "nuwa.toml")
    for name in ("server", "health", "extras", "tls", "app", "image"):
        for key, field in fields_of(sections()[name].section).items():
            changed = getattr(getattr(after, name), key) != getattr(getattr(before, name), key)
            assert not changed or field.default in ((), ""), f"{name}.{key}"


def test_all_optional_lines_together_are_valid():
    app = validate(tomllib.loads(uncommented(TEXT)), "nuwa.toml")
    assert app.backup.keep.daily == 7
    assert app.process[0].name == "worker"


@pytest.mark.parametrize("header", sorted(set(re.findall(r"^#?(\[[a-z.\[\]]+\])$", TEXT, re.MULTILINE))))
def test_each_section_taken_in_alone_is_valid(header):
    text = uncommented(TEXT, header)
    if header.count(".") and header.split(".")[0].strip("[") == "backup":
        text = uncommented(TEXT, "[backup]")
    validate(tomllib.loads(text), "nuwa.toml")


@pytest.mark.parametrize("kind", ["gunicorn", "uvicorn", "mod_wsgi"])
@pytest.mark.parametrize("family", ["", "debian"])
def test_every_kind_of_project_gets_a_valid_manifest(kind, family):
    web = Web("", "a.b:c", kind=kind, found="", websocket=kind == "uvicorn")
    text = annotated_manifest.text(
        Project("x", python="3.12", requirements='a "b".txt', web=web), family=family
    )
    with pytest.raises(ManifestError, match=r"image\.requirements.*contains a quote"):
        validate(tomllib.loads(text), "nuwa.toml")
    text = annotated_manifest.text(
        Project("x", python="3.12", requirements="ü b.txt", web=web), family=family
    )
    for document in (tomllib.loads(text), tomllib.loads(uncommented(text))):
        assert validate(document, "nuwa.toml").image.requirements == "ü b.txt"


VALIDATOR = jsonschema.Draft202012Validator(schema.schema())


def test_the_schema_is_a_schema_and_takes_the_example():
    jsonschema.Draft202012Validator.check_schema(schema.schema())
    VALIDATOR.validate(tomllib.loads(TEXT))
    VALIDATOR.validate(tomllib.loads(uncommented(TEXT)))


def test_the_schema_describes_every_field():
    definitions = schema.schema()["$defs"]
    for section in sections().values():
        for name, field in definitions[section.section.__name__]["properties"].items():
            assert field.get("description"), f"{section.name}.{name}"


SMALLEST = '[app]\nname = "x"\n[server]\nmodule = "a:b"\n'


@pytest.mark.parametrize(
    "text",
    [
        "",
        '[app]\nname = "x"\n',
        SMALLEST.replace('"x"', '"X"'),
        SMALLEST.replace('"x"', "1"),
        SMALLEST + "thread = 4\n",
        SMALLEST + "threads = 0\n",
        SMALLEST + "threads = 513\n",
        SMALLEST + 'threads = "4"\n',
        SMALLEST + "threads = 1.5\n",
        SMALLEST + 'kind = "gunicron"\n',
        SMALLEST + 'workers = "four"\n',
        SMALLEST + "websocket = 1\n",
        SMALLEST + "[image]\npython = 3.12\n",
        SMALLEST + '[image]\npython = "3.12.1"\n',
        SMALLEST + '[image]\npackages = "x"\n',
        SMALLEST + '[image]\npackages = ["x;y"]\n',
        SMALLEST + '[process]\nname = "x"\ncommand = "x"\n',
        SMALLEST + '[[process]]\nname = "x"\n',
        SMALLEST + '[command]\nrun = "x"\n',
        SMALLEST + "[command.x]\n",
        SMALLEST + '[command.X]\nrun = "x"\n',
        SMALLEST + '[[process]]\nname = "x"\ncommand = [1]\n',
        SMALLEST + "[env.clear]\nA = 1\n",
        SMALLEST + '[env.clear]\nA-B = "1"\n',
        SMALLEST + "[limits]\nmemory_max = true\n",
        SMALLEST + "[limits]\ncpu = 0\n",
        SMALLEST + "[extra]\n",
        SMALLEST + '[tls]\nserver = "x"\n',
        'name = "x"\n' + SMALLEST,
    ],
)
def test_the_schema_refuses_what_load_refuses(text):
    document = tomllib.loads(text)
    assert list(VALIDATOR.iter_errors(document))
    with pytest.raises(ManifestError):
        validate(document, "nuwa.toml")


def test_the_reference_shows_each_key_with_its_default():
    page = manifest.page()
    assert '| `max_body` | a size: a number of bytes, or a string such as "512M" | `"64M"` |' in page
    assert "| `name` | a string | required |" in page
    for name, section in sections().items():
        heading = f"[[{name}]]" if section.repeated else f"[{name}.NAME]" if section.keyed else f"[{name}]"
        assert f"`{heading}`" in page
        for key in fields_of(section.section):
            assert f"`{key}`" in page or f"[{name}.{key}]" in page
