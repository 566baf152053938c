"""The parts of a prepared host: each can check, create and remove itself."""

from __future__ import annotations

import grp
import os
import pwd
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nuwa import files
from nuwa.agent.host import systemctl
from nuwa.process import run


class Part(Protocol):
    """A part of a prepared host."""

    @property
    def title(self) -> str:
        """Its name, in a few words."""

    def fault(self) -> str:
        """What is missing or wrong; empty if nothing is."""

    def make(self) -> None:
        """Create or repair it."""

    def remove(self) -> None:
        """Remove it, if it exists."""


@dataclass(frozen=True)
class Packages:
    """Programs that the agent and the scripts of deployments call.

    Args:
        install: the distribution's command; names of packages follow.
        needed: programs, each with its package.
        elsewhere: packages in another repository.
        enable: the commands that enable that repository.
    """

    install: Sequence[str]
    needed: Sequence[tuple[str, str]]
    elsewhere: Sequence[str] = ()
    enable: Sequence[str] = ()
    title: str = "packages"

    def _missing(self) -> list[str]:
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        return sorted({package for program, package in self.needed if not shutil.which(program, path=path)})

    def fault(self) -> str:
        missing = self._missing()
        return f"missing: {' '.join(missing)}" if missing else ""

    def make(self) -> None:
        if self.install[0] == "apt-get":
            run(["apt-get", "update", "--quiet"], env={"DEBIAN_FRONTEND": "noninteractive"})
        missing = self._missing()
        for command in self.enable if set(missing) & set(self.elsewhere) else ():
            run(command.split())
        argv = [*self.install, "-y", *missing]
        run(argv, env={"DEBIAN_FRONTEND": "noninteractive"})

    def remove(self) -> None:
        """Packages stay: others may use them by now."""


@dataclass(frozen=True)
class User:
    """The user that the dashboard runs as."""

    name: str

    @property
    def title(self) -> str:
        return f"user {self.name}"

    def fault(self) -> str:
        try:
            pwd.getpwnam(self.name)
            grp.getgrnam(self.name)
        except KeyError:
            return "does not exist"
        return ""

    def make(self) -> None:
        options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        run(["useradd", *options, "--shell", "/usr/sbin/nologin", self.name])

    def remove(self) -> None:
        if not self.fault():
            run(["userdel", self.name])


@dataclass(frozen=True)
class Folder:
    """A folder with its permissions.

    Args:
        with_content: whether its content is removed with it.
    """

    path: Path
    mode: int
    with_content: bool = True

    @property
    def title(self) -> str:
        return f"folder {self.path}"

    def fault(self) -> str:
        if not self.path.is_dir():
            return "does not exist"
        mode = self.path.stat().st_mode & 0o7777
        return "" if mode == self.mode else f"has mode {mode:04o} instead of {self.mode:04o}"

    def make(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(self.mode)

    def remove(self) -> None:
        if self.with_content:
            shutil.rmtree(self.path, ignore_errors=True)
        elif self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()


@dataclass(frozen=True)
class File:
    """A file with fixed content, or one that is only created if it is missing.

    Args:
        keep: existing content is kept.
        group: the file's group.
    """

    path: Path
    content: str
    mode: int = 0o644
    keep: bool = False
    group: str = "root"

    @property
    def title(self) -> str:
        return f"file {self.path}"

    def fault(self) -> str:
        if not self.path.exists():
            return "does not exist"
        if not self.keep and self.path.read_text() != self.content:
            return "has different content"
        status = self.path.stat()
        mode = status.st_mode & 0o7777
        if mode != self.mode:
            return f"has mode {mode:04o} instead of {self.mode:04o}"
        return "" if status.st_gid == self._gid() else f"does not belong to group {self.group}"

    def make(self) -> None:
        if not self.keep or not self.path.exists():
            files.write(self.path, self.content, mode=self.mode)
        self.path.chmod(self.mode)
        os.chown(self.path, 0, self._gid())

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    def _gid(self) -> int:
        try:
            return grp.getgrnam(self.group).gr_gid
        except KeyError:
            return -1


@dataclass(frozen=True)
class DropIn(File):
    """A drop-in for a unit that is not nuwa's; its folder is created and removed with it.

    Args:
        restart: the unit, if its limits change: those of a running unit change only with a restart, also when
            the file is removed.
    """

    restart: str = ""

    def make(self) -> None:
        super().make()
        systemctl.reload()
        if self.restart:
            systemctl.restart([self.restart])

    def remove(self) -> None:
        was_there = self.path.exists()
        super().remove()
        Folder(self.path.parent, 0o755, with_content=False).remove()
        systemctl.reload()
        if self.restart and was_there:
            systemctl.restart([self.restart])


@dataclass(frozen=True)
class Units:
    """Units of systemd that are enabled and running.

    Args:
        contents: their files, by name.
        enabled: those to enable.
        running: those to run now.
    """

    folder: Path
    contents: Mapping[str, str]
    enabled: Sequence[str]
    running: Sequence[str]
    title: str = "services"

    def fault(self) -> str:
        different = [name for name in self.contents if self._differs(name)]
        if different:
            return f"to be written: {' '.join(different)}"
        states = systemctl.show(list(self.running))
        down = [name for name in self.running if states.get(name, {}).get("ActiveState") != "active"]
        return f"not running: {' '.join(down)}" if down else ""

    def _differs(self, name: str) -> bool:
        path = self.folder / name
        return not path.exists() or path.read_text() != self.contents[name]

    def make(self) -> None:
        changed = [name for name in self.contents if self._differs(name)]
        for name in changed:
            files.write(self.folder / name, self.contents[name])
        systemctl.enable(self.enabled)
        systemctl.reload()
        # A socket cannot be replaced while its service uses it.
        sockets = [name for name in changed if name.endswith(".socket")]
        services = [name.replace(".socket", ".service") for name in sockets]
        systemctl.stop([name for name in services if name in self.contents])
        systemctl.restart(sockets)
        systemctl.start([name for name in self.running if name not in changed])
        systemctl.restart([name for name in changed if name in self.running and name not in sockets])

    def remove(self) -> None:
        there = [name for name in self.contents if (self.folder / name).exists()]
        systemctl.stop(there)
        systemctl.disable([name for name in there if name in self.enabled])
        for name in there:
            (self.folder / name).unlink()
        systemctl.reload()
        systemctl.forget_failure(there)


@dataclass(frozen=True)
class SelinuxBoolean:
    """A SELinux boolean that must be on."""

    name: str

    @property
    def title(self) -> str:
        return f"SELinux: {self.name}"

    def fault(self) -> str:
        if not shutil.which("getsebool"):
            return ""
        result = run(["getsebool", self.name], check=False)
        return "" if not result.ok or result.stdout.strip().endswith("on") else "is off"

    def make(self) -> None:
        run(["setsebool", "-P", self.name, "1"])

    def remove(self) -> None:
        """It stays: deployments need it too."""


@dataclass(frozen=True)
class Firewall:
    """firewalld, if it runs, must allow HTTP and HTTPS."""

    title: str = "firewall"

    def fault(self) -> str:
        closed = self._closed()
        return f"{' and '.join(closed)} is blocked" if closed else ""

    def _closed(self) -> list[str]:
        if not shutil.which("firewall-cmd") or not run(["firewall-cmd", "--state"], check=False).ok:
            return []
        services = ("http", "https")
        return [
            name for name in services if not run(["firewall-cmd", f"--query-service={name}"], check=False).ok
        ]

    def make(self) -> None:
        for name in self._closed():
            # Permanently and at runtime, since a reload might remove podman's rules.
            run(["firewall-cmd", "--permanent", f"--add-service={name}"])
            run(["firewall-cmd", f"--add-service={name}"])

    def remove(self) -> None:
        """It stays: deployments need it too."""


FAIR = ("fq_codel", "fq", "cake")
"""Queueing disciplines in which no connection has to wait for another's backlog."""


@dataclass(frozen=True)
class FairQueueing:
    """Fair queueing as the default of network interfaces, if the kernel has it; existing ones keep theirs.

    Args:
        file: the setting for sysctl(8) at the next boot.
        current: the kernel's file with the default.
    """

    file: Path = Path("/etc/sysctl.d/60-nuwa.conf")
    current: Path = Path("/proc/sys/net/core/default_qdisc")
    title: str = "fair queueing"

    def fault(self) -> str:
        now = self.current.read_text().strip() if self.current.exists() else FAIR[0]
        return f"network interfaces use {now}" if now not in FAIR and self._kernel_has_it() else ""

    def _kernel_has_it(self) -> bool:
        """Tries it in a temporary network namespace, which also loads the module."""
        if not shutil.which("tc", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
            return False
        argv = ["unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", FAIR[0]]
        return run(argv, check=False).ok

    def make(self) -> None:
        files.write(self.file, f"net.core.default_qdisc = {FAIR[0]}\n")
        run(["sysctl", "--quiet", "--load", str(self.file)])

    def remove(self) -> None:
        self.file.unlink(missing_ok=True)


def token() -> str:
    """A random token."""
    return secrets.token_urlsafe(32) + "\n"
