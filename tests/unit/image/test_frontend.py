"""The layer of a frontend: which files go in, and so what builds it again."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from nuwa.image import frontend
from nuwa.image.app_layer import app_layer
from nuwa.image.build_spec import Recipe
from nuwa.image.layers import Layer
from nuwa.manifest.image import Build, Node
from nuwa.manifest.model import App
from tests.unit.image.samples import app


def shop(family: str = "debian", **node: object) -> App:
    values: dict[str, object] = {"directory": "web", "output": ("web/dist",), **node}
    return replace(app(family), build=Build(node=Node(**values)))  # type: ignore[arg-type]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "web/package.json": "{}",
        "web/package-lock.json": "{}",
        "web/src/main.js": "1",
        "web/.env.production": "VITE_API=/api",
        "web/.env.local": "SECRET=1",
        "web/dist/old.js": "old",
        "web/node_modules/x/index.js": "no",
        "shop/views.py": "code",
        "shop/templates/page.html": "<p>",
        "notes.txt": "n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def layer(project: Path, **node: object) -> Layer:
    return frontend.layer(Recipe.of(shop(**node)), project)


def paths(made: Layer) -> list[str]:
    return [e.path.removeprefix("/srv/app/") for e in made.entries if e.path.startswith("/srv/app/")]


def test_it_is_built_from_its_folder_and_what_files_names(project: Path) -> None:
    own = ["web/package-lock.json", "web/package.json", "web/src/main.js"]
    assert paths(layer(project)) == own
    assert paths(layer(project, files=("shop/templates/",))) == ["shop/templates/page.html", *own]


def test_of_environment_files_only_those_that_git_tracks_go_in(project: Path) -> None:
    for words in (["init", "-q"], ["add", "web/.env.production"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    assert "web/.env.production" in paths(layer(project))
    assert "web/.env.local" not in paths(layer(project))


def test_a_change_of_python_code_changes_nothing_of_it(project: Path) -> None:
    for node in ({}, {"directory": ".", "output": ("static/dist",)}):
        if node:
            for name in ("package.json", "package-lock.json"):
                (project / name).write_text("{}")
        before = layer(project, **node).inputs(("parent",))
        (project / "shop" / "views.py").write_text(f"changed {node}")
        assert layer(project, **node).inputs(("parent",)) == before
        (project / "web" / "src" / "main.js").write_text(f"changed {node}")
        assert layer(project, **node).inputs(("parent",)) != before


def test_the_app_has_nothing_of_its_folder_but_what_comes_out(project: Path) -> None:
    made = app_layer(Recipe.of(shop()), project)
    assert not [entry.path for entry in made.entries if entry.path.startswith("/srv/app/web/")]
    assert f"COPY --from={shop().names.frontend_image(shop().app.version)} / /srv/app/" in made.containerfile
    assert made.parents[-1] == shop().names.frontend_image(shop().app.version)


def test_what_the_frontend_made_goes_on_top_of_the_projects_files(project: Path, tmp_path: Path) -> None:
    made = app_layer(Recipe.of(shop()), project)
    assert made.containerfile.index("\nADD root.tar /\n") < made.containerfile.index("\nCOPY --from=")
    assert "/mnt/root.tar" not in made.containerfile
    context, mount = tmp_path / "context", tmp_path / "mount"
    context.mkdir()
    made.write_archive(context, mount)
    assert (context / "root.tar").is_file()


def test_of_a_frontend_at_the_top_only_an_earlier_result_stays_out(project: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        (project / name).write_text("{}")
    made = app_layer(Recipe.of(shop(directory=".", output=("web/dist",))), project)
    inside = {entry.path for entry in made.entries}
    assert "/srv/app/web/src/main.js" in inside
    assert "/srv/app/web/dist/old.js" not in inside


@pytest.mark.parametrize("family", ["debian", "rockylinux"])
def test_commands_run_where_package_json_is_and_are_named(project: Path, family: str) -> None:
    made = frontend.layer(Recipe.of(shop(family, commands=(("npm", "run", "a b"), ("vite",)))), project)
    text = made.containerfile
    steps = [
        "cd /srv/app/web",
        "npm ci --no-audit",
        "nuwa: npm run 'a b'",
        "nuwa: vite",
        "nuwa: take web/dist",
    ]
    assert [text.replace("'\"'\"'", "'").index(step) for step in steps] == sorted(
        text.replace("'\"'\"'", "'").index(step) for step in steps
    )
    assert text.rstrip().endswith("FROM scratch\nCOPY --from=build /frontend /")


@pytest.mark.parametrize(
    ("lock", "text", "package"),
    [
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'", "pnpm@"),
        ("yarn.lock", "# yarn lockfile v1", "yarn@1."),
        ("yarn.lock", "__metadata:", "@yarnpkg/cli-dist@"),
    ],
)
def test_other_package_managers_come_from_npms_registry(
    project: Path, lock: str, text: str, package: str
) -> None:
    (project / "web" / "package-lock.json").unlink()
    (project / "web" / lock).write_text(text)
    assert f"npm install --global --prefix /opt/node {package}" in layer(project).containerfile
    name = "pnpm" if lock.startswith("pnpm") else "yarn"
    (project / "web" / "package.json").write_text(f'{{"packageManager": "{name}@3.2.1"}}')
    assert "@3.2.1" in layer(project).containerfile


def test_only_variables_that_its_settings_name_are_lent(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPM_TOKEN", "geheim")
    monkeypatch.setenv("OTHER_TOKEN", "geheim")
    (project / "web" / ".npmrc").write_text("//r.example.com/:_authToken=${NPM_TOKEN}\n//x/:_auth=${GONE}\n")
    made = layer(project)
    assert made.variables == ("NPM_TOKEN",)
    assert "geheim" not in made.containerfile
