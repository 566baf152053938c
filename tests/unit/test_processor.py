"""What the kernel and images call processors, and which of them is another one than this machine's."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from nuwa import architecture


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=request.param))
    return str(request.param)


def test_only_another_processor_than_this_machines_is_foreign(machine: str) -> None:
    own, other = ("amd64", "arm64") if machine == "x86_64" else ("arm64", "amd64")
    assert architecture.here() == own
    assert architecture.machine_of(own) == machine
    assert architecture.foreign(None) == ""
    for name in (own, other):
        chosen = next(text for text in architecture.get_args(architecture.Chosen) if text.endswith(name))
        assert architecture.foreign(chosen) == ("" if name == own else name)
        assert architecture.chosen_or_own(chosen) == name
    assert architecture.chosen_or_own(None) == own


def test_an_unknown_machine_keeps_its_name() -> None:
    assert architecture.of_machine("riscv64") == architecture.machine_of("riscv64") == "riscv64"
