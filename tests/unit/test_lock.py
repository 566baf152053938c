from pathlib import Path

import pytest

from nuwa.errors import BusyError
from nuwa.lock import lock_file, only_one


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_the_second_one_is_told_who_works(tmp_path: Path) -> None:
    with only_one("x", "Somebody builds"):
        holder = lock_file("x").read_text().strip()
        with (
            pytest.raises(BusyError, match=rf"Somebody builds \(process {holder}\)"),
            only_one("x", "Somebody builds"),
        ):
            raise AssertionError("two at once")


def test_it_is_free_again_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), only_one("x", "busy"):
        _ = 1 / 0
    with only_one("x", "busy"):
        pass


def test_different_names_do_not_wait_for_each_other() -> None:
    with only_one("a", "busy"), only_one("b", "busy"):
        pass
