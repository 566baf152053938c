"""`nuwa init`: what it writes is valid, whatever the project is called, and nothing is ever overwritten."""

from __future__ import annotations

import json
import os

import pytest

from nuwa.cli.main import run
from nuwa.cli.shared import Settings, settings
from nuwa.manifest.load import load

FLASK = "from flask import Flask\napp = Flask('x')\n"


@pytest.fixture(autouse=True)
def fresh_settings():
    """Each command line starts without options."""
    yield
    vars(settings).update(vars(Settings()))


@pytest.fixture
def project(tmp_path):
    (tmp_path / "app.py").write_text(FLASK)
    return tmp_path


def test_writes_a_valid_manifest_and_says_what_it_found(project, capsys):
    (project / "requirements.txt").write_text("flask\n")
    assert run(["init", str(project), "--name", "shop"]) == 0
    app = load(project / "nuwa.toml")
    assert (app.name, app.server.module, app.server.kind) == ("shop", "app:app", "gunicorn")
    assert app.image.requirements == "requirements.txt"
    out = capsys.readouterr().out
    assert "Flask: application app:app" in out
    assert "requirements: requirements.txt" in out


def test_the_result_as_json(project, capsys):
    assert run(["init", str(project), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["file"] == str(project / "nuwa.toml")
    assert data["found"] == ["Flask: application app:app"]


def test_never_overwrites_unless_told_to(project, capsys):
    (project / "nuwa.toml").write_text("mine")
    assert run(["init", str(project)]) == 1
    assert (project / "nuwa.toml").read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert run(["init", str(project), "--force"]) == 0
    assert load(project / "nuwa.toml").server.module == "app:app"


def test_where_nothing_is_recognised_it_asks_for_the_module_and_writes_nothing(tmp_path, capsys):
    assert run(["init", str(tmp_path)]) == 1
    assert "--module" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert run(["init", str(tmp_path), "--module", "site.asgi:app", "--kind", "uvicorn", "--name", "x"]) == 0
    server = load(tmp_path / "nuwa.toml").server
    assert (server.module, server.kind) == ("site.asgi:app", "uvicorn")


@pytest.mark.parametrize(
    ("options", "path"),
    [(["--module", "no module"], "server.module"), (["--name", "No Name"], "app.name")],
)
def test_wrong_options_are_refused_and_nothing_is_written(project, capsys, options, path):
    assert run(["init", str(project), *options]) == 3
    assert path in capsys.readouterr().err
    assert not (project / "nuwa.toml").exists()


def test_a_missing_folder_is_an_error(tmp_path, capsys):
    assert run(["init", str(tmp_path / "no")]) == 1
    assert "there is no folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    [
        'we "ird\\ $x`',
        "ünï 日本",
        "-dash",
        "2048",
        "...",
        "a'b",
        "tab\tline\nbreak",
        "x" * 200,
        "é\\u0000",
        b"\xff\xfe",
    ],
)
def test_any_name_of_a_folder_gives_a_valid_manifest(tmp_path, name):
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    (folder / "app.py").write_text(FLASK)
    assert run(["init", str(folder)]) == 0
    assert load(folder / "nuwa.toml").server.module == "app:app"


def test_takes_the_family_and_server_that_are_asked_for(project):
    assert run(["init", str(project), "--family", "debian", "--kind", "mod_wsgi"]) == 0
    app = load(project / "nuwa.toml")
    assert (app.image.family, app.server.kind) == ("debian", "mod_wsgi")


def test_the_families_on_offer_are_those_that_there_is_data_for():
    from typing import get_args

    from nuwa.cli.shared import Family
    from nuwa.manifest.fields import describe, kind_at
    from nuwa.resources import IMAGES

    there = {path.stem for path in (IMAGES / "families").glob("*.toml")}
    offered = {word for part in get_args(get_args(Family)[0]) for word in get_args(part)}
    assert offered == there
    assert all(f'"{name}"' in describe(kind_at(("image", "family"))) for name in there)


def test_check_says_what_the_project_lacks_with_line_and_remedy(project, capsys):
    assert run(["init", str(project), "--name", "shop"]) == 0
    file = project / "nuwa.toml"
    file.write_text(f'{file.read_text()}\n[[process]]\nname = "w"\ncommand = "scripts/missing.sh"\n')
    assert run(["check", str(project)]) == 3
    said = capsys.readouterr().err
    assert "process[0].command: scripts/missing.sh is not in the project" in said
    line = file.read_text().splitlines().index('command = "scripts/missing.sh"') + 1
    assert f"nuwa.toml:{line}:" in said
