"""What a build with nothing changed may answer from memory, and what it may not."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from nuwa.engine import Engine, Image
from nuwa.image import unchanged
from nuwa.image.built import Built, BuiltLayer
from nuwa.image.unchanged import Memory

BUILT = Built(
    "localhost/app/shop:1",
    "b" * 64,
    (BuiltLayer("base", "base:13", "a" * 64, True, 0.1), BuiltLayer("app", "app:1", "b" * 64, False, 4.2)),
    5.0,
    {"base:13": "a" * 64, "app:1": "b" * 64, "bare:13": ""},
)


@dataclass
class Store:
    """podman's images, by name."""

    ids: dict[str, str] = field(default_factory=lambda: dict(BUILT.looked_at))
    reads: bool = False
    """Whether the file in which podman lists its images can be read."""
    asked: int = 0

    def listed(self) -> dict[str, str]:
        return {name: image for name, image in self.ids.items() if image} if self.reads else {}

    def image_inspect(self, *names: str) -> dict[str, Image | None]:
        self.asked += 1
        return {
            name: Image(self.ids[name], (name,), {}, 0, (), {}) if self.ids.get(name) else None
            for name in names
        }


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "shop"
    (folder / "shop").mkdir(parents=True)
    (folder / "nuwa.toml").write_text("[app]\n")
    (folder / "shop" / "views.py").write_text("one\n")
    (folder / "link").symlink_to("nuwa.toml")
    return folder


def settle() -> None:
    """Long enough that what was written before is trusted."""
    time.sleep(unchanged.TICK_NS / 1e9 * 1.2)


def recall(project: Path, store: Store | None = None, words: tuple[str, ...] = ("debian",)) -> Built | None:
    return Memory(project, words).recall(lambda: cast(Engine, store or Store()))


def remember(project: Path, built: Built = BUILT) -> None:
    settle()
    Memory(project, ("debian",)).keep(built)


def test_what_was_built_is_known_while_nothing_changes(project: Path) -> None:
    assert recall(project) is None
    remember(project)
    known = recall(project)
    assert known is not None
    assert [(layer.name, layer.id, layer.cached) for layer in known.layers] == [
        ("base", "a" * 64, True),
        ("app", "b" * 64, True),
    ]
    assert replace(known, layers=(), seconds=0) == replace(BUILT, layers=(), seconds=0)


def write_the_same_size(project: Path) -> None:
    """With the time of the former content, as some tools set it."""
    file = project / "shop" / "views.py"
    before = file.stat()
    file.write_text("two\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": write_the_same_size,
    "new file": lambda project: (project / "shop" / "new.py").touch(),
    "file gone": lambda project: (project / "shop" / "views.py").unlink(),
    "permission": lambda project: (project / "shop" / "views.py").chmod(0o755),
    "manifest": lambda project: (project / "nuwa.toml").write_text("[app]\n\n"),
    "ignored file": lambda project: (project / ".env").write_text("A=1\n"),
    "workspace above": lambda project: (project.parent / "pyproject.toml").write_text(""),
    "commit": lambda project: subprocess.run(
        ["/bin/sh", "-c", "git init -q && git add . && git -c user.name=a -c user.email=a@b commit -qm a"],
        cwd=project,
        check=True,
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_is_seen(project: Path, change: str) -> None:
    remember(project)
    CHANGES[change](project)
    settle()
    assert recall(project) is None


def test_a_project_that_is_a_virtual_environment_too_is_looked_at(project: Path) -> None:
    (project / "pyvenv.cfg").touch()
    remember(project)
    assert recall(project) is not None
    write_the_same_size(project)
    settle()
    assert recall(project) is None


@pytest.mark.parametrize(("age", "parts", "trusted"), [(0, 0, False), (3, 0, True), (1, 7, True)])
def test_times_in_whole_seconds_are_trusted_later(
    project: Path, age: int, parts: int, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = time.time_ns() // 10**9 * 10**9 - age * 10**9 + parts
    monkeypatch.setattr(unchanged, "_seen", lambda _: (1, 2, 3, changed, changed))
    remember(project)
    assert (recall(project) is not None) is trusted


def test_what_never_goes_into_an_image_is_not_looked_at(project: Path) -> None:
    remember(project)
    for name in ("node_modules/a.js", "shop/__pycache__/views.pyc", ".venv/pyvenv.cfg", ".venv/lib/a.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("x")
    assert recall(project) is not None


def test_other_words_and_other_variables_are_another_build(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(project)
    assert recall(project, words=("rockylinux",)) is None
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    assert recall(project) is None


@pytest.mark.parametrize("changed", [{"app:1": ""}, {"base:13": "c" * 64}, {"bare:13": "d" * 64}])
def test_an_image_that_is_gone_or_another_one_now_is_seen(project: Path, changed: dict[str, str]) -> None:
    remember(project)
    assert recall(project, Store({**BUILT.looked_at, **changed})) is None


def test_nuwa_itself_counts(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "images"
    own.mkdir()
    (own / "Containerfile.j2").write_text("FROM a\n")
    monkeypatch.setattr(unchanged, "IMAGES", own)
    remember(project)
    assert recall(project) is not None
    (own / "Containerfile.j2").write_text("FROM b\n")
    settle()
    assert recall(project) is None


def test_a_file_that_changed_a_moment_ago_is_not_trusted(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "shop" / "views.py").write_text("now\n")
    with monkeypatch.context() as slow:
        slow.setattr(unchanged, "TICK_NS", 60_000_000_000)
        Memory(project, ("debian",)).keep(BUILT)
    settle()
    assert recall(project) is None


@pytest.mark.parametrize("name", ["NUWA_PINS", "NUWA_BASE_IMAGE", "NUWA_GIT_STATE"])
def test_where_something_outside_the_project_decides_nothing_is_remembered(
    project: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(project, replace(BUILT, looked_at={}))
    assert recall(project) is None
    monkeypatch.setenv(name, "x")
    remember(project)
    assert recall(project) is None


def test_a_memory_that_is_damaged_is_none(project: Path, tmp_path: Path) -> None:
    remember(project)
    (file,) = (tmp_path / "cache" / "nuwa" / "builds").iterdir()
    for text in ("", "[]", "{}", json.dumps({"built": {"layers": [1]}})):
        file.write_text(text)
        assert recall(project) is None


def test_podman_is_not_started_where_its_own_list_says_the_same(project: Path) -> None:
    remember(project)
    for reads in (True, False):
        store = Store(reads=reads)
        assert recall(project, store) is not None
        assert store.asked == (0 if reads else 1)
    gone = Store({**BUILT.looked_at, "app:1": ""}, reads=True)
    assert recall(project, gone) is None
    assert gone.asked == 1
