"""`nuwa init` finds a frontend that Node builds, and where its result goes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from nuwa.detect import annotated_manifest
from nuwa.detect.detect import detect
from nuwa.manifest import load, positions


def project(root: Path, files: dict[str, str], **package: object) -> Path:
    made = {
        "app.py": "from flask import Flask\napp = Flask(__name__)\n",
        "requirements.txt": "flask\n",
        **files,
    }
    if package:
        folder = str(package.pop("folder", "frontend/"))
        lock = str(package.pop("lock", "package-lock.json"))
        made[f"{folder}package.json"] = json.dumps(package)
        if lock:
            made[f"{folder}{lock}"] = ""
    for name, text in made.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


VITE = {"scripts": {"build": "vite build"}, "devDependencies": {"vite": "^6"}}


@pytest.mark.parametrize(
    ("files", "package", "expected"),
    [
        ({}, VITE, ("frontend", ("frontend/dist",), ())),
        ({}, {**VITE, "folder": ""}, (".", ("dist",), ())),
        (
            {"frontend/vite.config.ts": "export default { build: { outDir: '../static/dist' } }"},
            VITE,
            ("frontend", ("static/dist",), ()),
        ),
        (
            {"vite.config.js": 'export default { root: "client", build: { outDir: resolve("./assets") } }'},
            {**VITE, "folder": ""},
            (".", ("assets",), ()),
        ),
        (
            {"vite.config.js": 'export default { root: "client", build: { outDir: "out" } }'},
            {**VITE, "folder": ""},
            (".", ("client/out",), ()),
        ),
        (
            {"shop/templates/a/b.html": ""},
            {
                "scripts": {"build": "tailwindcss -i in.css -o ../shop/static/site.css --minify"},
                "devDependencies": {"tailwindcss": "^3"},
                "lock": "yarn.lock",
            },
            ("frontend", ("shop/static/site.css",), ("shop/templates/",)),
        ),
        (
            {},
            {"scripts": {"build": "react-scripts build"}, "dependencies": {"react-scripts": "5"}},
            ("frontend", ("frontend/build",), ()),
        ),
        (
            {
                "frontend/webpack.config.js": "module.exports = { output: { path: "
                "path.resolve(__dirname, '../static/bundles') } }"
            },
            {"scripts": {"build": "webpack"}, "devDependencies": {"webpack": "5"}},
            ("frontend", ("static/bundles",), ()),
        ),
        (
            {},
            {
                **VITE,
                "scripts": {
                    "build": "vite build",
                    "types": "openapi-typescript ../openapi.yaml -o src/api.ts",
                    "book": "storybook build --output-dir book",
                    "prebuild": "npm run types",
                },
            },
            ("frontend", ("frontend/dist",), ()),
        ),
        (
            {},
            {
                "scripts": {
                    "build": "npm run build:css && yarn -s js && run-s 'post:*'",
                    "build:css": "tailwindcss -i in.css -o css/site.css",
                    "js": "esbuild a.js --outdir=js",
                    "post:icons": "svg -o icons && npm run build",
                    "watch": "tailwindcss -i in.css -o /tmp/site.css --watch",
                },
                "devDependencies": {"tailwindcss": "^3"},
            },
            ("frontend", ("frontend/css/site.css", "frontend/js", "frontend/icons"), ()),
        ),
    ],
)
def test_the_frontend_and_its_output(
    tmp_path: Path, files: dict[str, str], package: dict[str, object], expected: tuple[object, ...]
) -> None:
    found = detect(project(tmp_path, files, **package))
    node = found.frontend
    assert node is not None
    assert (node.directory, node.output, node.files) == expected
    text = annotated_manifest.text(found)
    app = load.validate(tomllib.loads(text), "nuwa.toml", positions.scan(text))
    assert app.build.node is not None
    assert app.build.node.output == node.output


@pytest.mark.parametrize(
    "package",
    [
        {},
        {"scripts": {"test": "jest"}},
        {"scripts": {"build": "next build"}, "dependencies": {"next": "15"}},
        {**VITE, "folder": "docs/"},
    ],
)
def test_what_is_no_frontend_is_none(tmp_path: Path, package: dict[str, object]) -> None:
    found = detect(project(tmp_path, {}, **package))
    assert (found.frontend, found.include) == (None, ())
    assert not [line for line in found.check if "frontend" in line]


def test_without_a_lock_file_or_an_output_it_is_told(tmp_path: Path) -> None:
    found = detect(project(tmp_path, {}, **{**VITE, "lock": ""}))
    assert found.frontend is None
    assert any("frontend/package.json builds a frontend and has no lock file" in line for line in found.check)
    (tmp_path / "frontend/package-lock.json").write_text("{}")
    (tmp_path / "frontend/package.json").write_text('{"scripts": {"build": "make"}}')
    assert any("its output folder is unknown" in line for line in detect(tmp_path).check)


def test_a_result_that_git_ignores_and_nothing_can_build_is_included(tmp_path: Path) -> None:
    files = {"frontend/.gitignore": "dist/\n", "frontend/dist/index.html": ""}
    found = detect(project(tmp_path, files, **{**VITE, "lock": ""}))
    assert found.include == ("frontend/dist/",)
    assert 'include = ["*", "frontend/dist/"]' in annotated_manifest.text(found)
