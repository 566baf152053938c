"""What `nuwa deploy` runs on a host by ssh runs on a lab host by podman."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

import pytest

from nuwa.errors import LabError
from nuwa.lab.connection import LabConnection
from nuwa.lab.model import Lab
from nuwa.process import Result


class Podman:
    """Remembers what was run in which container, and with what on its standard input."""

    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.ran: list[tuple[str, tuple[str, ...], bytes]] = []

    def exec(
        self,
        container: str,
        *command: str,
        options: Sequence[str],
        check: bool,
        input: bytes = b"",
        stdin: IO[bytes] | None = None,
    ) -> Result:
        assert list(options) == ["--interactive"]
        self.ran.append((container, command, stdin.read() if stdin else input))
        return Result([], self.code, "", "no room")


def connection(podman: Podman) -> LabConnection:
    return LabConnection(podman, Lab("e2e").host(1), "localhost/app/blog:1")  # type: ignore[arg-type]  # a stand-in


def test_a_script_runs_in_the_host_s_container_with_its_words_and_its_input() -> None:
    podman = Podman()
    connection(podman).run("tag", "id", "name", input=b"more")
    ((container, command, given),) = podman.ran
    assert (container, command[:2], command[-2:]) == ("nuwa-lab-e2e-1", ("bash", "-c"), ("id", "name"))
    assert given == b"more"


def test_a_script_that_fails_says_why_unless_its_caller_looks() -> None:
    with pytest.raises(LabError, match="a step failed on host1") as raised:
        connection(Podman(code=1)).run("tag", "id", "name")
    assert raised.value.details == "no room"
    assert connection(Podman(code=28)).run("take", check=False).code == 28


def test_a_stream_arrives_as_it_was_written() -> None:
    podman, counted = Podman(), []
    connection(podman).stream(
        "receive",
        *("/stage", "cat"),
        write=lambda target: target.write(b"layer 0 5\nbytes") and None,
        packer=("cat",),
        count=counted.append,
    )
    ((_, command, given),) = podman.ran
    assert (command[-2:], given, sum(counted)) == (("/stage", "cat"), b"layer 0 5\nbytes", 15)


def test_each_purpose_has_a_folder_of_its_own() -> None:
    host = Lab("e2e").host(1)
    stages = {LabConnection(Podman(), host, name).target.stage for name in ("a", "b", "b")}  # type: ignore[arg-type]  # a stand-in
    assert len(stages) == 2
