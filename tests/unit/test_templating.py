"""What is kept of compiled templates."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2.bccache import bc_magic

from nuwa import templating


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    yield
    templating._kept.clear()
    templating._kept_environment.cache_clear()


def rendered(folder: Path, kept: Path) -> str:
    """As the next command does it."""
    templating._kept_environment.cache_clear()
    templating.keep_compiled(kept)
    return templating.render(str(folder), "page.j2", name="it's")


def test_templates_are_compiled_once_and_again_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, kept = tmp_path / "templates", tmp_path / "kept"
    folder.mkdir()
    (folder / "page.j2").write_text("one {{ name | sh }}")
    first = rendered(folder, kept)
    (made,) = kept.rglob("*.cache")
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
    with monkeypatch.context() as patched:
        patched.setattr("jinja2.Environment._parse", lambda *_: pytest.fail("parsed again"))
        assert rendered(folder, kept) == first
    (folder / "page.j2").write_text("two {{ name | sh }}")
    assert rendered(folder, kept) == first.replace("one", "two")


def test_what_is_broken_or_cannot_be_kept_is_compiled_again(tmp_path: Path) -> None:
    folder, kept = tmp_path / "templates", tmp_path / "kept"
    folder.mkdir()
    (folder / "page.j2").write_text("{{ name }}")
    rendered(folder, kept)
    (made,) = kept.rglob("*.cache")
    whole = made.read_bytes()
    for size in (0, len(bc_magic), len(bc_magic) + 5, len(whole) - 1):
        made.write_bytes(whole[:size])
        assert rendered(folder, kept) == "it's"
    (tmp_path / "file").touch()
    assert rendered(folder, tmp_path / "file") == "it's"
