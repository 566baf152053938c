"""A frontend that Node builds: what of it is in the image, and what builds it again. Needs npm's registry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from building import Project, project

from nuwa.engine import Engine
from nuwa.errors import BuildError
from nuwa.image.built import Built

PACKAGE = """\
{"name": "shop", "private": true, "scripts": {"build": "node build.mjs"}, "dependencies": {"ms": "2.1.3"}}
"""
LOCK = """\
{
  "name": "shop", "lockfileVersion": 3, "requires": true,
  "packages": {
    "": {"name": "shop", "dependencies": {"ms": "2.1.3"}},
    "node_modules/ms": {
      "version": "2.1.3",
      "resolved": "https://registry.npmjs.org/ms/-/ms-2.1.3.tgz",
      "integrity": "sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA=="
    }
  }
}
"""  # noqa: E501 - the checksum
BUILD = """\
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import ms from "ms"
mkdirSync("dist/assets", { recursive: true })
const page = readFileSync("../pages/home.html", "utf8").trim()
writeFileSync("dist/assets/main.js", `${page} ${ms("2 days")} ${process.env.NODE_ENV}`)
"""
NODE = """\
[build.node]
directory = "frontend"
output = "frontend/dist"
files = ["pages/"]

[server]
"""


@pytest.fixture(scope="module")
def shop(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with project(engine, tmp_path_factory.mktemp("frontend"), "frontend") as made:
        made.replace("nuwa.toml", "[server]\n", NODE)
        made.write("frontend/package.json", PACKAGE)
        made.write("frontend/package-lock.json", LOCK)
        made.write("frontend/build.mjs", BUILD)
        made.write("frontend/node_modules/ms/index.js", "throw new Error('of the machine')")
        made.write("pages/home.html", "home\n")
        try:
            made.build()
            yield made
        finally:
            engine.remove_image(made.app.names.frontend_image("1"))


def made_again(built: Built) -> list[str]:
    return [layer.name for layer in built.layers if not layer.cached]


def test_nothing_of_it_but_the_results_is_in_the_image(shop: Project) -> None:
    assert shop.sh("cd /srv/app/frontend; find . -type f; cat dist/assets/main.js").split("\n") == [
        "./dist/assets/main.js",
        "home 172800000 production",
    ]
    assert shop.sh("stat -c '%U %a' /srv/app/frontend/dist/assets/main.js") == "root 644\n"
    assert shop.sh("command -v node npm; find / -xdev -name node_modules; ls /mnt") == ""


def test_only_a_change_of_its_own_files_builds_it_again(shop: Project) -> None:
    shop.write("shop.py", (shop.folder / "shop.py").read_text() + "# changed\n")
    assert made_again(shop.build()) == ["app"]
    shop.write("pages/home.html", "other\n")
    assert made_again(shop.build()) == ["frontend", "app"]
    assert shop.sh("cat /srv/app/frontend/dist/assets/main.js").startswith("other ")


def test_a_failure_names_the_command_and_shows_what_it_printed(shop: Project) -> None:
    shop.write("frontend/build.mjs", 'throw new Error("no such component")\n')
    try:
        with pytest.raises(BuildError, match="frontend: npm run build failed") as caught:
            shop.build()
        assert "no such component" in caught.value.details
    finally:
        shop.write("frontend/build.mjs", BUILD)
    shop.replace("nuwa.toml", 'output = "frontend/dist"', 'output = "frontend/out"')
    try:
        with pytest.raises(BuildError, match="frontend: take frontend/out failed") as caught:
            shop.build()
        assert "frontend/out" in caught.value.details
    finally:
        shop.replace("nuwa.toml", 'output = "frontend/out"', 'output = "frontend/dist"')
