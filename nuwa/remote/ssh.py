"""One login to a host with the user's own ssh, for any number of commands.

Configuration, jump hosts, agent and known hosts are the user's. Only the control socket, through which
further commands reuse the login, is nuwa's; it is removed when the command ends.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nuwa.errors import ConnectionLost, NuwaError, RemoteError
from nuwa.process import Result, run
from nuwa.remote import pipes
from nuwa.remote.target import Target

SCRIPTS = Path(__file__).parent / "scripts"
CUT = 255
"""ssh's exit code for failures of the connection itself."""
FULL = 28
"""Exit code of our scripts when the host's disk is full."""
_KEEP_S = 60
"""Seconds that the login outlives this process if it is killed; until then a session keeps it open."""
_CONNECT_TIMEOUT_S = 20
# With -k, sudo ignores cached credentials, which could expire in the middle of a deploy.
_WHO = (
    "if [ $(id -u) = 0 ]; then echo root; elif sudo -k -n true 2>/dev/null; then echo sudo; "
    "else echo password; fi"
)


class Connection:
    """An open login to the host of a target; commands run as root there."""

    is_near = False

    def __init__(self, target: Target, folder: Path) -> None:
        self.target = target
        self._folder = folder
        self._sudo: tuple[str, ...] = ()
        self._password = b""
        self._holder: tuple[threading.Thread, int] | None = None

    def run(
        self,
        script: str,
        *words: str,
        input: bytes = b"",
        check: bool = True,
        on_line: Callable[[str], None] | None = None,
    ) -> Result:
        """Run one of our scripts there, as root.

        Args:
            script: its file name in `scripts/`.
            words: its arguments.
            input: its standard input.
            check: whether to raise an exception when it fails.
            on_line: called with each line that it prints (both streams), as it is printed.

        Raises:
            RemoteError: the connection was cut, or the script failed and `check` is set.
        """
        result = run(
            self._argv(*command(script, words)), input=self._password + input, check=False, on_line=on_line
        )
        return self._judged(result, check)

    def stream(
        self,
        script: str,
        *words: str,
        write: Callable[[IO[bytes]], None],
        packer: Sequence[str],
        count: Callable[[int], None],
        on_line: Callable[[str], None] | None = None,
    ) -> Result:
        """Run one of our scripts with a compressed stream as its standard input; see `pipes.packed`."""
        with pipes.packed(write, packer, self._password, count) as source:
            result = run(self._argv(*command(script, words)), stdin=source, check=False, on_line=on_line)
        return self._judged(result, check=False)

    def fetch(self, script: str, *words: str, stdout: IO[bytes]) -> None:
        """Run one of our scripts there and write its output to a file; errors as for `run`."""
        argv = self._argv(*command(script, words))
        self._judged(run(argv, input=self._password, stdout=stdout, check=False), check=True)

    def fed(self, script: str, *words: str, stdin: IO[bytes], on_line: Callable[[str], None]) -> Result:
        """Run one of our scripts with an open file as its input; the first line must be `password`."""
        return run(self._argv(*command(script, words)), stdin=stdin, check=False, on_line=on_line)

    @property
    def password(self) -> bytes:
        """The line that sudo reads before the script does; empty if sudo needs none."""
        return self._password

    def interactive(self, command: str) -> int:
        """Run a shell command there, as root, with this process's terminal or pipes; returns its exit code.

        If sudo needs a password and only the output is redirected, as in `nuwa app logs | less`, the password
        is all that the command can read: otherwise sudo would wait at the terminal without showing a prompt.
        """
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        words = ["bash", "-c", command]
        sudo = ("sudo",) if self._password and terminal else self._sudo
        # The login exists already: all that ssh would still print is that this session has ended.
        quiet = ("-o", "LogLevel=ERROR")
        argv = ["ssh", *(["-t"] if terminal else []), *quiet, *self._options(), "--", self.target.destination]
        argv.append(shlex.join([*sudo, *words]))
        if not self._password or terminal:
            return run(argv, interactive=True, check=False).code
        with pipes.filled(self._password) as source:
            return run(argv, stdin=source, interactive=True, check=False).code

    def capture(self, command: str, input: bytes = b"") -> Result:
        """Run a shell command there, as root, with `input` as its input, and return its output."""
        result = run(self._argv("bash", "-c", command), input=self._password + input, check=False)
        return self._judged(result, check=False)

    def lost(self) -> ConnectionLost:
        return ConnectionLost(
            f"the connection to {self.target.destination} was cut",
            hint=f"Look at what was done there before you repeat it: nuwa app --on {self.target} status",
        )

    # How it is opened and closed

    def open(self) -> None:
        """Log in, and determine how to become root there.

        Raises:
            RemoteError: the host cannot be reached or refuses the login, or there is no way to become root.
        """
        argv = ["ssh", *self._options(), "--", self.target.destination, _WHO]
        how = self._log_in_at_terminal(argv) if sys.stdin.isatty() else self._log_in_alone(argv)
        self._hold()
        if how == "sudo":
            self._sudo = ("sudo", "-n", "--")
        elif how == "password":
            self._ask_for_sudo()
        elif how != "root":
            raise RemoteError(
                f"{self.target.destination} does not answer like a POSIX shell", details=how[:500]
            )

    def close(self) -> None:
        holder, self._holder = self._holder, None
        if holder:
            os.close(holder[1])
        with contextlib.suppress(NuwaError):
            run(
                ["ssh", *self._options(), "-O", "exit", "--", self.target.destination],
                check=False,
                timeout=10,
            )
        if holder:
            holder[0].join()

    def _hold(self) -> None:
        """Keep an idle session open: ssh closes a login that is unused, such as during a build here.

        It reads from a pipe of this process, so it ends with the process, however that ends.
        """
        reading, writing = os.pipe()
        argv = ["ssh", *self._options(), "--", self.target.destination, "exec cat >/dev/null"]

        def hold() -> None:
            with os.fdopen(reading, "rb") as source, contextlib.suppress(NuwaError):
                run(argv, stdin=source, check=False)

        thread = threading.Thread(target=hold, daemon=True)
        self._holder = thread, writing
        thread.start()

    def _log_in_at_terminal(self, argv: Sequence[str]) -> str:
        """Let ssh prompt for what it needs, and report errors itself."""
        with (self._folder / "who").open("w+b") as answer:
            result = run(argv, interactive=True, stdout=answer, check=False)
            answer.seek(0)
            text = answer.read().decode("utf-8", "replace").strip()
        if not result.ok:
            raise RemoteError(
                f"{self.target.destination} cannot be reached by ssh (see above)", hint=self._try()
            )
        return text

    def _log_in_alone(self, argv: Sequence[str]) -> str:
        result = run(argv, check=False)
        if not result.ok:
            raise RemoteError(
                f"{self.target.destination} {_refusal(result.stderr)}",
                details=result.stderr.strip(),
                hint=self._try(),
            )
        return result.stdout.strip()

    def _try(self) -> str:
        return f"ssh {self.target.destination} has to work first."

    def _ask_for_sudo(self) -> None:
        user = f"the user of {self.target.destination}"
        if not sys.stdin.isatty():
            raise RemoteError(
                f"{user} is not root there, and sudo wants a password",
                hint="Run this at a terminal, log in as root, or let sudo work without a password there.",
            )
        self._password = getpass.getpass(f"sudo password on {self.target.destination}: ").encode() + b"\n"
        # With -k, sudo always reads the password; without it, sudo could leave that line to the script.
        self._sudo = ("sudo", "-k", "-S", "-p", "", "--")
        if not run(self._argv("true"), input=self._password, check=False).ok:
            raise RemoteError(f"sudo on {self.target.destination} refuses {user}")

    def _options(self) -> list[str]:
        options = {
            "ControlMaster": "auto",
            "ControlPath": str(self._folder / "%C"),
            "ControlPersist": str(_KEEP_S),
            "ConnectTimeout": str(_CONNECT_TIMEOUT_S),
            "ServerAliveInterval": "10",
            "ServerAliveCountMax": "3",
        }
        if not sys.stdin.isatty():
            options["BatchMode"] = "yes"
        return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]

    def _argv(self, *words: str) -> list[str]:
        command = shlex.join([*self._sudo, *words])
        return ["ssh", *self._options(), "--", self.target.destination, command]

    def _judged(self, result: Result, check: bool) -> Result:
        if result.code == CUT:
            raise self.lost()
        if check and not result.ok:
            raise RemoteError(
                f"a step failed on {self.target.destination}", details=(result.stdout + result.stderr).strip()
            )
        return result


@contextmanager
def connect(target: Target) -> Iterator[Connection]:
    """A login to a target's host while the block runs; errors as for `Connection.open`."""
    # The path of ssh's socket may have about a hundred bytes.
    with tempfile.TemporaryDirectory(prefix="nuwa-", dir=_short_folder()) as folder:
        connection = Connection(target, Path(folder))
        try:
            connection.open()
            yield connection
        finally:
            connection.close()


def environment(values: Mapping[str, str]) -> bytes:
    """Variables as `scripts/perform` reads them."""
    return b"".join(f"{name}={value}\0".encode() for name, value in values.items())


def _short_folder() -> str:
    found = os.environ.get("XDG_RUNTIME_DIR", "")
    return found if found and len(found) < 40 and Path(found).is_dir() else "/tmp"  # noqa: S108 - a private folder is created in it


def command(script: str, words: Sequence[str]) -> list[str]:
    """The command line that runs one of our scripts; the host needs no copy of it."""
    return ["bash", "-c", (SCRIPTS / script).read_text(), f"nuwa-{script}", *words]


def _refusal(messages: str) -> str:
    """The meaning of ssh's messages, as a phrase that follows the host's name."""
    if "Host key verification failed" in messages or "IDENTIFICATION HAS CHANGED" in messages:
        return "has a key that this machine does not know: compare its fingerprint when ssh shows it"
    if "Permission denied" in messages:
        return "refuses the login: authorize your key there (ssh-copy-id)"
    return "cannot be reached by ssh"
