"""`nuwa check` looks at the disk too: what a manifest names is there, what the code needs is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.detect.against import Difference, differences
from nuwa.detect.tree import Tree
from nuwa.manifest.load import load

MANIFEST = '[app]\nname = "shop"\n[server]\nmodule = "shop.web:app"\n'


def found(root: Path, manifest: str = "", **files: str) -> list[Difference]:
    (root / "shop").mkdir()
    (root / "shop" / "web.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    (root / "requirements.txt").write_text("flask\n")
    (root / "nuwa.toml").write_text(MANIFEST + manifest)
    for name, content in files.items():
        (root / name.replace("__", ".")).write_text(content)
    return list(differences(load(root / "nuwa.toml"), Tree(root)))


def test_a_manifest_that_fits_its_project_differs_in_nothing(tmp_path: Path) -> None:
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("manifest", "path", "message"),
    [
        ('[image]\nrequirements = "nope.txt"\n', ("image", "requirements"), "nope.txt is not in the project"),
        ('[static]\ndirectory = "nowhere"\n', ("static", "directory"), "nowhere is not in the project"),
        (
            '[[process]]\nname = "w"\ncommand = "scripts/missing.sh"\n',
            ("process", 0, "command"),
            "scripts/missing.sh is not in the project",
        ),
        (
            '[hooks]\nrelease = "python manage.py migrate"\n',
            ("hooks", "release"),
            "manage.py is not in the project",
        ),
    ],
)
def test_what_is_named_and_not_there_cannot_work(
    tmp_path: Path, manifest: str, path: tuple[str | int, ...], message: str
) -> None:
    (item,) = found(tmp_path, manifest)
    assert (item.path, item.message, item.certain) == (path, message, True)


def test_lines_of_nginx_that_reach_beyond_the_site_are_found_before_a_build(tmp_path: Path) -> None:
    manifest = '[site]\ninclude = "site.conf"\n'
    (item,) = found(tmp_path, manifest, site__conf="expires 1h;\nroot /etc;\n")
    assert (item.path, item.certain) == (("site", "include"), True)
    assert item.message.startswith("site.conf: line 2: root may not be used here")
    (tmp_path / "site.conf").unlink()
    (item,) = differences(load(tmp_path / "nuwa.toml"), Tree(tmp_path))
    assert item.message == "site.conf is not a file of the project"


@pytest.mark.parametrize(
    ("module", "message"),
    [("no.such:app", "the project has no module no.such"), ("shop.web:site", "shop/web.py has no site")],
)
def test_a_module_that_is_not_there_cannot_work(tmp_path: Path, module: str, message: str) -> None:
    items = found(tmp_path)
    assert items == []
    (tmp_path / "nuwa.toml").write_text(MANIFEST.replace("shop.web:app", module))
    (item,) = differences(load(tmp_path / "nuwa.toml"), Tree(tmp_path))
    assert (item.path, item.message) == (("server", "module"), message)


def test_commands_of_packages_and_what_the_build_makes_are_no_differences(tmp_path: Path) -> None:
    manifest = (
        '[build]\ncommands = ["make assets"]\n[static]\ndirectory = "made"\n'
        '[[process]]\nname = "w"\ncommand = "celery -A shop worker"\n'
    )
    assert found(tmp_path, manifest) == []


def test_variables_that_the_code_needs_and_nobody_names_are_worth_a_look(tmp_path: Path) -> None:
    code = "import os\nA = os.environ['STRIPE_KEY']\nB = os.environ['REGION']\nC = os.environ['SECRET_KEY']\n"
    items = found(tmp_path, '[env]\ngenerated = ["SECRET_KEY"]\n', config__py=code)
    assert [item.certain for item in items] == [False, False]
    assert ["STRIPE_KEY" in items[0].message, "REGION" in items[1].message] == [True, True]


def test_a_database_without_its_driver_is_worth_a_look(tmp_path: Path) -> None:
    (item,) = found(tmp_path, '[database]\nengine = "postgresql"\n')
    assert "psycopg" in item.message
    assert not item.certain


NODE = '[build.node]\ndirectory = "web"\noutput = "web/dist"\n[static]\ndirectory = "web/dist"\n'


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "web/ has no package.json"),
        ({"package.json": "{}"}, "web/ has no lock file (pnpm-lock.yaml, yarn.lock"),
        ({"package.json": "{}", "yarn.lock": ""}, "package.json in web/ has no script called build"),
        (
            {"package.json": '{"scripts": {"build": "vite"}}', "yarn.lock": "", "views.py": ""},
            "web/views.py is Python code in the frontend's folder",
        ),
        ({"package.json": '{"scripts": {"build": "vite"}}', "yarn.lock": ""}, ""),
    ],
)
def test_a_frontend_has_what_its_build_starts_from(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    (tmp_path / "web").mkdir()
    for name, content in files.items():
        (tmp_path / "web" / name).write_text(content)
    items = found(tmp_path, NODE)
    assert [item.path for item in items] == ([("build", "node", "directory")] if message else [])
    assert not message or items[0].message.startswith(message)
