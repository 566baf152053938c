"""Fair queueing: the default of interfaces where the kernel has it, and nothing at all where it has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.agent.install import parts
from nuwa.process import Result


@pytest.fixture
def part(tmp_path: Path) -> parts.FairQueueing:
    (tmp_path / "current").write_text("pfifo_fast\n")
    return parts.FairQueueing(tmp_path / "60-nuwa.conf", tmp_path / "current")


def kernel(monkeypatch: pytest.MonkeyPatch, code: int) -> list[str]:
    made: list[str] = []

    def run(argv: list[str], **_: object) -> Result:
        made.append(argv[0])
        return Result(argv, code, "", "")

    monkeypatch.setattr(parts, "run", run)
    monkeypatch.setattr(parts.shutil, "which", lambda program, path: f"/sbin/{program}")
    return made


def test_a_kernel_that_has_it_makes_it_the_default_from_now_on(
    part: parts.FairQueueing, monkeypatch: pytest.MonkeyPatch
):
    made = kernel(monkeypatch, 0)
    assert part.fault() == "network interfaces use pfifo_fast"
    part.make()
    assert made == ["unshare", "sysctl"]
    assert part.file.read_text() == "net.core.default_qdisc = fq_codel\n"
    part.remove()
    assert not part.file.exists()


def test_a_kernel_that_lacks_it_and_one_that_does_so_already_are_left_alone(
    part: parts.FairQueueing, monkeypatch: pytest.MonkeyPatch
):
    kernel(monkeypatch, 2)
    assert part.fault() == ""
    part.current.write_text("cake\n")
    kernel(monkeypatch, 0)
    assert part.fault() == ""
    part.current.unlink()
    assert part.fault() == ""
