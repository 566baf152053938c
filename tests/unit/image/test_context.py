"""Which files of a project go into its image."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from nuwa.errors import BuildError
from nuwa.image import context
from nuwa.manifest.image import Image


def lay(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")


def taken(root: Path, image: Image | None = None) -> list[str]:
    found = [entry.path for entry in context.entries(root, image or Image())]
    assert all(path.startswith("/srv/app/") for path in found)
    return [path.removeprefix("/srv/app/") for path in found]


def test_version_control_caches_environments_and_secret_files_stay_out(tmp_path: Path) -> None:
    lay(
        tmp_path,
        "manage.py",
        ".git/config",
        "a/__pycache__/b.pyc",
        "node_modules/x/y.js",
        ".env",
        ".env.prod",
    )
    lay(
        tmp_path,
        ".mypy_cache/x",
        "tools/pyvenv.cfg",
        "tools/bin/python",
        ".venv/x",
        "site.egg-info/PKG",
        "a/b.py",
    )
    assert taken(tmp_path) == ["a/b.py", "manage.py"]


def test_gitignore_counts_with_its_exceptions_and_the_nearest_first(tmp_path: Path) -> None:
    lay(
        tmp_path, "a.log", "keep.log", "sub/b.log", "sub/only.txt", "other/only.txt", "build/x", "sub/build/y"
    )
    (tmp_path / ".gitignore").write_text("*.log\n!keep.log\n/build/\n")
    (tmp_path / "sub" / ".gitignore").write_text("!b.log\n/only.txt\n")
    assert taken(tmp_path) == ["keep.log", "other/only.txt", "sub/b.log", "sub/build/y"]


def test_the_manifest_excludes_what_git_keeps_and_includes_only_what_it_names(tmp_path: Path) -> None:
    lay(tmp_path, "site/a.py", "site/tests/t.py", "docs/x.md", "manage.py")
    image = Image(include=("/site/", "manage.py"), exclude=("tests",))
    assert taken(tmp_path, image) == ["manage.py", "site/a.py"]


def test_odd_names_are_taken_as_they_are(tmp_path: Path) -> None:
    names = ["grüße.txt", "new\nline", "quote'\"$`.txt", " space ", os.fsdecode(b"latin\xe9")]
    lay(tmp_path, *names)
    assert sorted(taken(tmp_path)) == sorted(names)


def test_links_inside_the_project_are_kept(tmp_path: Path) -> None:
    lay(tmp_path, "a/b.txt")
    (tmp_path / "a" / "link").symlink_to("../a/b.txt")
    (tmp_path / "folder").symlink_to("a")
    (tmp_path / "dangling").symlink_to("later")
    links = {entry.path: entry.link for entry in context.entries(tmp_path, Image()) if entry.link}
    assert links == {
        "/srv/app/a/link": "../a/b.txt",
        "/srv/app/folder": "a",
        "/srv/app/dangling": "later",
    }


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "a/../../outside"])
def test_links_out_of_the_project_are_refused(tmp_path: Path, target: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "a").mkdir()
    (project / "bad").symlink_to(target)
    with pytest.raises(BuildError, match="bad is a link to") as caught:
        context.entries(project, Image())
    assert "image.exclude" in caught.value.hint


def test_a_link_through_a_linked_folder_cannot_leave_either(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "deep" / "er").mkdir(parents=True)
    (project / "deep" / "er" / "up").symlink_to("../../../outside")
    with pytest.raises(BuildError, match="up is a link"):
        context.entries(project, Image())


def test_an_excluded_bad_link_does_no_harm(tmp_path: Path) -> None:
    lay(tmp_path, "a.py")
    (tmp_path / "bad").symlink_to("/etc")
    assert taken(tmp_path, Image(exclude=("bad",))) == ["a.py"]


def test_sockets_and_pipes_are_passed_over(tmp_path: Path) -> None:
    lay(tmp_path, "a.py")
    os.mkfifo(tmp_path / "pipe")
    assert taken(tmp_path) == ["a.py"]


def test_only_the_owners_right_to_execute_is_kept_of_permissions(tmp_path: Path) -> None:
    lay(tmp_path, "run", "read")
    (tmp_path / "run").chmod(0o700)
    (tmp_path / "read").chmod(0o666)
    assert {entry.path: entry.mode for entry in context.entries(tmp_path, Image())} == {
        "/srv/app/run": 0o755,
        "/srv/app/read": 0o644,
    }


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)


def test_what_git_tracks_goes_in_though_gitignore_names_it(tmp_path: Path) -> None:
    lay(tmp_path, "static/lib/jquery.js", "static/lib/own.js", "locale/de.mo", "locale/fr.mo", "manage.py")
    (tmp_path / ".gitignore").write_text("lib/\n*.mo\n")
    git(tmp_path, "init")
    git(tmp_path, "add", "--force", "static/lib/jquery.js", "locale/de.mo")
    assert taken(tmp_path) == ["locale/de.mo", "manage.py", "static/lib/jquery.js"]


def test_what_git_tracks_in_a_folder_below_the_repository_goes_in(tmp_path: Path) -> None:
    lay(tmp_path, "backend/lib/a.py", "backend/main.py", "frontend/b.js")
    (tmp_path / ".gitignore").write_text("lib/\n")
    git(tmp_path, "init")
    git(tmp_path, "add", "--force", ".")
    assert taken(tmp_path / "backend") == ["lib/a.py", "main.py"]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        (
            ("*", "frontend/dist/"),
            ["a.py", "frontend/dist/js/app.js", "frontend/dist/x.css", "frontend/src.js"],
        ),
        (("*", "frontend/dist/*.css"), ["a.py", "frontend/dist/x.css", "frontend/src.js"]),
        (("*", "local_settings.py"), ["a.py", "frontend/src.js", "local_settings.py"]),
        (("*", "/frontend/"), ["a.py", "frontend/src.js"]),
        (("*.py", "frontend/dist/"), ["a.py", "frontend/dist/js/app.js", "frontend/dist/x.css"]),
        (("*", "frontend/dist/", "!*.css"), ["a.py", "frontend/dist/js/app.js", "frontend/src.js"]),
    ],
)
def test_include_brings_in_what_gitignore_names(
    tmp_path: Path, include: tuple[str, ...], expected: list[str]
) -> None:
    lay(tmp_path, "a.py", "local_settings.py", "frontend/src.js")
    lay(tmp_path, "frontend/dist/x.css", "frontend/dist/js/app.js", "frontend/node_modules/y.js")
    (tmp_path / ".gitignore").write_text("dist/\nlocal_settings.py\n")
    assert taken(tmp_path, Image(include=include)) == expected


def test_exclude_and_what_never_goes_in_are_stronger_than_git_and_include(tmp_path: Path) -> None:
    lay(tmp_path, ".env", "docs/a.md", "a.py")
    git(tmp_path, "init")
    git(tmp_path, "add", "--force", ".")
    image = Image(include=("*", ".env", "docs/"), exclude=("docs",))
    assert taken(tmp_path, image) == ["a.py"]


def test_what_gitignore_keeps_out_is_told(tmp_path: Path) -> None:
    lay(tmp_path, "db.sqlite3", "dist/a.js", "dist/b.js", "lib/x.js", "lib/y.js", "a.py")
    (tmp_path / ".gitignore").write_text("*.sqlite3\ndist/\nlib/\n")
    git(tmp_path, "init")
    git(tmp_path, "add", "--force", "lib/x.js")
    assert context.select(tmp_path, Image()).left_out == ("db.sqlite3", "dist/")
