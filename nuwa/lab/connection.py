"""A connection to a lab host for transferring images: `podman exec` takes the place of ssh."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO

from nuwa.engine import Engine
from nuwa.errors import LabError
from nuwa.lab.model import Host
from nuwa.process import Result
from nuwa.remote import pipes, ssh
from nuwa.remote.target import Target


class LabConnection:
    """Runs scripts on a lab host.

    Args:
        engine: podman of this machine.
        host: a running host.
        purpose: what it is used for; names the folder there that receives an image.
    """

    is_near = True

    def __init__(self, engine: Engine, host: Host, purpose: str) -> None:
        self.target = Target(host.name, purpose)
        self._engine = engine
        self._container = host.container

    def run(self, script: str, *words: str, input: bytes = b"", check: bool = True) -> Result:
        """Run one of the scripts of `nuwa/remote/scripts` there.

        Raises:
            LabError: it failed, and `check` is set.
        """
        result = self._engine.exec(
            self._container,
            *ssh.command(script, words),
            options=["--interactive"],
            input=input,
            check=False,
        )
        if check and not result.ok:
            raise LabError(f"a step failed on {self.target.destination}", details=result.stderr.strip())
        return result

    def stream(
        self,
        script: str,
        *words: str,
        write: Callable[[IO[bytes]], None],
        packer: Sequence[str],
        count: Callable[[int], None],
    ) -> Result:
        """Run one of them with a stream as its standard input; see `nuwa.remote.pipes.packed`."""
        with pipes.packed(write, packer, b"", count) as source:
            return self._engine.exec(
                self._container,
                *ssh.command(script, words),
                options=["--interactive"],
                stdin=source,
                check=False,
            )
