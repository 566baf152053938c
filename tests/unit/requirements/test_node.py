"""Which package manager builds a frontend: the one whose lock file is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.errors import BuildError
from nuwa.requirements.node import manager, package


def frontend(folder: Path, package_json: str = "{}", **locks: str) -> Path:
    (folder / "package.json").write_text(package_json)
    for name, text in locks.items():
        (folder / name.replace("__", ".").replace("_", "-")).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("lock", "text", "kind", "install"),
    [
        ("package_lock__json", "{}", "npm", "npm ci --no-audit --no-fund"),
        ("npm_shrinkwrap__json", "{}", "npm", "npm ci --no-audit --no-fund"),
        ("pnpm_lock__yaml", "lockfileVersion: '9.0'\n", "pnpm-9", "pnpm install --frozen-lockfile"),
        ("pnpm_lock__yaml", "lockfileVersion: '6.0'\n", "pnpm-6", "pnpm install --frozen-lockfile"),
        ("yarn__lock", "# yarn lockfile v1\n", "yarn-1", "yarn install --frozen-lockfile --non-interactive"),
        ("yarn__lock", "__metadata:\n  version: 8\n", "yarn-berry", "yarn install --immutable"),
    ],
)
def test_the_lock_file_chooses(tmp_path: Path, lock: str, text: str, kind: str, install: str) -> None:
    chosen = manager(frontend(tmp_path, **{lock: text}), "the project")
    assert (chosen.format, " ".join(chosen.install), chosen.version) == (kind, install, "")


def test_package_json_says_which_version_and_which_of_several_locks(tmp_path: Path) -> None:
    named = '{"packageManager": "yarn@4.1.0+sha224.abc"}'
    folder = frontend(tmp_path, named, package_lock__json="{}", yarn__lock="__metadata:\n")
    chosen = manager(folder, "the project")
    assert (chosen.name, chosen.format, chosen.version) == ("yarn", "yarn-berry", "4.1.0")


def test_without_its_files_the_folder_and_the_remedy_are_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"frontend/ has no package\.json") as caught:
        manager(tmp_path, "frontend/")
    assert "[build.node]" in caught.value.hint
    with pytest.raises(BuildError, match=r"frontend/ has no lock file \(pnpm-lock\.yaml, ") as caught:
        manager(frontend(tmp_path, '{"packageManager": "pnpm@9.1.0"}'), "frontend/")
    assert "pnpm install there, which writes pnpm-lock.yaml" in caught.value.hint


def test_a_package_json_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    for text in ("{", "[]"):
        (tmp_path / "package.json").write_text(text)
        with pytest.raises(BuildError, match=r"package\.json"):
            package(tmp_path)
