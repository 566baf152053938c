"""`nuwa host init`, `check` and `remove`."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import distribution as distribution_of
from pathlib import Path

from nuwa.agent import naming
from nuwa.agent.apply import nginx
from nuwa.agent.apply.apply import apply
from nuwa.agent.host import systemctl
from nuwa.agent.install import parts
from nuwa.agent.install.parts import Part
from nuwa.agent.paths import DASHBOARD, WEBHOOKS, Paths
from nuwa.console import Progress
from nuwa.errors import NuwaError
from nuwa.process import run
from nuwa.render.distributions import Distribution, find
from nuwa.resources import DISTRIBUTION, PACKAGE, TEMPLATES
from nuwa.templating import environment

USER = "nuwa-dashboard"
NEEDED = (
    ("git", "git"),
    ("nginx", "nginx"),
    ("openssl", "openssl"),
    ("rsyslogd", "rsyslog"),
    ("logrotate", "logrotate"),
    ("systemd-run", "systemd"),
)
"""Programs that the agent itself needs; their packages have the same names on every distribution."""
EXAMPLE = """{
  "env": {},
  "processes": {},
  "webhooks": {},
  "routes": {}
}
"""


JOURNAL = """\
# Written by `nuwa host init`: when journald stops, it loses a line that it has read only in part. So services
# are paused while it stops; later lines wait in the sockets, which systemd keeps.

[Service]
ExecStop=-+/usr/bin/systemctl kill --signal=SIGSTOP nuwa@*.service
ExecStopPost=-+/usr/bin/systemctl kill --signal=SIGCONT nuwa@*.service
"""
JOURNAL_QUOTA = """
# A service that floods the journal has to wait for it, instead of taking CPU time from all others.
CPUQuota={percent}%
"""
JOURNAL_PART = 8
"""journald may use 1/JOURNAL_PART of the processors, at least a quarter and at most one."""


def journal_drop_in(processors: int) -> str:
    """The drop-in for journald on a host with a number of processors."""
    percent = max(25, 100 * processors // JOURNAL_PART)
    return JOURNAL + (JOURNAL_QUOTA.format(percent=percent) if percent < 100 else "")


def distribution() -> Distribution:
    """The distribution of this host.

    Raises:
        NuwaError: it is not supported as a host.
    """
    found = platform.freedesktop_os_release()
    try:
        return find(found.get("ID", ""), found.get("VERSION_ID", ""))
    except KeyError as error:
        raise NuwaError(str(error.args[0])) from None


def prepared(paths: Paths, row: Distribution, warn: Callable[[str], object] = bool) -> Iterator[Part]:
    """Every part of a prepared host, in the order of their creation.

    Args:
        warn: called with errors of single services.
    """
    needed = (*NEEDED, *row.packages)
    yield parts.Packages(row.install.split(), needed, row.elsewhere, row.enable)
    yield parts.User(USER)
    yield parts.Folder(paths.folder, 0o755)
    yield parts.Folder(paths.state.parent, 0o755)
    yield parts.Folder(paths.state, 0o700)
    yield parts.Folder(paths.challenges, 0o755)
    yield parts.Folder(paths.logs, 0o750)
    yield parts.Folder(paths.log_state, 0o700)
    yield parts.Folder(paths.serving, 0o755)
    yield parts.File(paths.config, EXAMPLE, 0o600, keep=True)
    yield parts.File(paths.token, parts.token(), 0o640, keep=True, group=USER)
    yield parts.File(paths.tokens, '{"tokens": []}\n', 0o640, keep=True, group=USER)
    for name in row.selinux_booleans:
        yield parts.SelinuxBoolean(name)
    yield parts.Firewall()
    yield parts.FairQueueing()
    stays_up = (TEMPLATES / "systemd/nginx.j2").read_text()
    yield parts.DropIn(paths.units / f"{naming.ROUTER}.d" / "30-nuwa.conf", stays_up)
    journal = "systemd-journald.service"
    drop_in = journal_drop_in(os.cpu_count() or 1)
    yield parts.DropIn(paths.units / f"{journal}.d" / "30-nuwa.conf", drop_in, restart=journal)
    yield parts.Units(paths.units, {}, [naming.ROUTER], [naming.ROUTER], "nginx")
    yield Configuration(paths, warn)
    yield parts.Units(paths.units, _units(paths), *_wanted())


def _units(paths: Paths) -> dict[str, str]:
    """The files of the agent's own units."""
    templates = environment(str(TEMPLATES))
    python = sys.executable
    values = {
        "python": python,
        "installation": _installation(),
        "environment": _environment(),
        "user": USER,
        "group": USER,
        "socket": str(paths.socket),
        "rsyslogd": shutil.which("rsyslogd", path="/usr/sbin:/sbin:/usr/bin") or "/usr/sbin/rsyslogd",
        "logrotate": shutil.which("logrotate", path="/usr/sbin:/sbin:/usr/bin") or "/usr/sbin/logrotate",
    }
    special: dict[str, dict[str, object]] = {
        "nuwa-webhooks.socket": {"address": "{}:{}".format(*WEBHOOKS)},
        "nuwa-dashboard.socket": {"address": "{}:{}".format(*DASHBOARD)},
        "nuwa-log.service": {"config": str(paths.rsyslog)},
        "nuwa-log-rotate.service": {
            "config": str(paths.logrotate),
            "state": str(paths.log_state / "rotate.state"),
        },
    }
    return {
        name: templates.get_template(f"agent/host/{name}.j2").render(**values, **special.get(name, {}))
        for name in _names()
    }


def _installation() -> str:
    """An id of this installation of nuwa: it is in the units, so that an update restarts them."""
    return hashlib.sha256((distribution_of(DISTRIBUTION).read_text("RECORD") or "").encode()).hexdigest()[:12]


def _names() -> list[str]:
    """The agent's units, and the dashboard's if it is installed."""
    names = sorted(path.stem for path in (TEMPLATES / "agent/host").glob("*.j2"))
    has_dashboard = importlib.util.find_spec("nuwa.dashboard") is not None
    return [name for name in names if has_dashboard or "dashboard" not in name]


def _wanted() -> tuple[list[str], list[str]]:
    """The units to enable, and those to start now."""
    names = _names()
    enabled = [name for name in names if not name.startswith("nuwa-log-rotate.service")]
    return enabled, enabled


def _environment() -> list[tuple[str, str]]:
    """Environment of the services' Python: to find nuwa, and to use little memory."""
    passed = [(name, os.environ[name]) for name in ("PYTHONPATH",) if os.environ.get(name)]
    return [*passed, ("MALLOC_ARENA_MAX", "1"), ("PYTHONUNBUFFERED", "1")]


_COMPILE = """import compileall, re, sys
compileall.compile_dir(sys.argv[1], rx=re.compile("/_data/"), quiet=2, optimize=2)
import nuwa.agent.server, nuwa.agent.containers.reader
import jeepney.io.asyncio, uvicorn.lifespan.off, uvicorn.protocols.http.h11_impl
import nuwa.dashboard.server"""
"""jeepney and parts of uvicorn are loaded when an event loop needs them, podman-py by the reader that follows
containers; the dashboard is last, since it may be missing. What is in _data is for images."""


def compile_ahead() -> None:
    """Compile the services' modules to bytecode that every user can read.

    The dashboard cannot write to its installation, and bytecode that the agent writes only root can read. A
    service that compiles its modules itself keeps megabytes of memory for as long as it runs.
    """
    former = os.umask(0o022)
    try:
        argv = [sys.executable, "-OO", "-c", _COMPILE, str(PACKAGE)]
        run(argv, check=False, env={"PYTHONDONTWRITEBYTECODE": ""})
    finally:
        os.umask(former)


def init(paths: Paths, progress: Progress) -> list[str]:
    """Prepare the host, and apply its configuration.

    Returns:
        the titles of the parts that were created or changed.

    Raises:
        NuwaError: a part could not be created.
    """
    made = []
    compile_ahead()
    for part in prepared(paths, distribution(), progress.note):
        if isinstance(part, Configuration) or part.fault():
            with progress.step(part.title):
                part.make()
            made.append(part.title)
    if unreadable := _unreadable():
        progress.note(unreadable)
    return made


@dataclass(frozen=True)
class Configuration:
    """The files for config.json, including those of the log, which the log's service needs."""

    paths: Paths
    warn: Callable[[str], object]
    title: str = "configuration"

    def fault(self) -> str:
        """The files that applying it would change."""
        try:
            changes = apply(self.paths, dry_run=True)["changes"]
        except NuwaError as error:
            return str(error)
        return f"to be applied: {' '.join(change['path'] for change in changes)}" if changes else ""

    def make(self) -> None:
        for warning in apply(self.paths)["warnings"]:
            self.warn(warning)

    def remove(self) -> None:
        """Stop every process, and remove the files of the configuration."""
        paths = self.paths
        units = sorted(path for path in paths.units.glob("nuwa@*.service") if naming.parse(path.name))
        systemctl.stop([path.name for path in units])
        systemctl.disable([path.name for path in units])
        slices = [paths.units / name for name in (naming.SLICE, naming.HOOKS_SLICE)]
        sites = list(paths.nginx.glob("nuwa@*.conf"))
        for path in (*units, *slices, *sites, paths.rsyslog, paths.logrotate, paths.journald):
            path.unlink(missing_ok=True)
        systemctl.reload()
        if sites:
            nginx.reload()
        for log in (paths.root / "var/log/nginx").glob("nuwa@*.log*"):
            log.unlink()


def check(paths: Paths) -> list[tuple[str, str]]:
    """Every part with its fault; empty if there is none."""
    found = [(part.title, part.fault()) for part in prepared(paths, distribution())]
    found.append(("installation", _unreadable()))
    if shutil.which("nginx"):
        found.append(("nginx", nginx.fault()))
    return found


def remove(paths: Paths, progress: Progress) -> None:
    """Remove the agent, its processes and everything that it wrote from the host. Deployments stay."""
    with progress.step("stop the agent"):
        systemctl.stop([name for name in _names() if (paths.units / name).exists()])
    for part in reversed(list(prepared(paths, distribution()))):
        with progress.step(f"remove {part.title}"):
            part.remove()
    for folder in (paths.rsyslog.parent, paths.state.parent, paths.runtime):
        parts.Folder(folder, 0o755, with_content=folder == paths.runtime).remove()
    parts.Folder(paths.sessions, 0o700).remove()
    systemctl.stop([naming.SLICE, naming.HOOKS_SLICE])
    systemctl.restart(["systemd-journald.service"])


def _unreadable() -> str:
    """The fault if the dashboard's user cannot run this installation, for example in root's home."""
    path = Path(__file__).resolve()
    for folder in path.parents:
        if not folder.stat().st_mode & 0o001:
            where = f"nuwa is installed below {folder}, which the user {USER} cannot enter"
            return f"{where}: install it elsewhere, such as in /opt/nuwa"
    return ""
