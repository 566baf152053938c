"""What the plan needs to know about a host, gathered once beforehand."""

from __future__ import annotations

import pwd
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nuwa.agent import naming
from nuwa.agent.config import processes
from nuwa.agent.config.model import Process
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.host import services
from nuwa.agent.paths import Paths
from nuwa.process import run

Version = tuple[int, ...]
AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
"""On Debian, and on Rocky Linux."""


@dataclass(frozen=True)
class Script:
    """The state of a process's script on disk."""

    exists: bool
    executable: bool
    owner: str


@dataclass(frozen=True)
class TlsFiles:
    """The certificate that nginx serves for a host."""

    certificate: str
    key: str
    self_signed: bool = False


@dataclass(frozen=True)
class Facts:
    """One host at one moment.

    Args:
        scripts: the script of each plain process.
        tls: the certificate of each host name in the routes.
        nginx: its version; empty if it is not installed.
        systemd: its version.
        rsyslog: whether it is installed.
        domains: the host names of the sites of deployments, each with its service.
        authorities: the file of the certificate authorities that the system trusts.
    """

    scripts: Mapping[str, Script] = field(default_factory=dict)
    tls: Mapping[str, TlsFiles] = field(default_factory=dict)
    nginx: Version = ()
    nginx_modules: tuple[str, ...] = ()
    systemd: int = 0
    ipv6: bool = False
    rsyslog: bool = False
    domains: Mapping[str, str] = field(default_factory=dict)
    authorities: str = AUTHORITIES[0]


def gather(loaded: Loaded, paths: Paths) -> Facts:
    """Inspect the host."""
    config = loaded.config
    hosts = {route.partition("/")[0] for route in config.routes}
    plain = {name: item for name, item in config.processes.items() if not item.is_deployment}
    return Facts(
        scripts={name: _script(item, loaded.base) for name, item in plain.items()},
        tls={host: _tls(host, loaded, paths) for host in sorted(hosts)},
        nginx=_nginx_version(),
        nginx_modules=_nginx_modules(),
        systemd=_systemd_version(),
        ipv6=Path("/proc/net/if_inet6").exists(),
        rsyslog=bool(shutil.which("rsyslogd")),
        domains={
            domain: service.name
            for service in services.every(loaded, paths)
            if service.deployment
            for domain in service.deployment.domains
        },
        authorities=next((path for path in AUTHORITIES if Path(path).exists()), AUTHORITIES[0]),
    )


def _script(process: Process, base: str) -> Script:
    path = Path(processes.script_path(process, base))
    try:
        status = path.stat()
    except OSError:
        return Script(exists=False, executable=False, owner="root")
    try:
        owner = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        owner = str(status.st_uid)
    return Script(exists=path.is_file(), executable=bool(status.st_mode & 0o111), owner=owner)


def _tls(host: str, loaded: Loaded, paths: Paths) -> TlsFiles:
    """The configured certificate, or else certbot's, or else a self-signed one."""
    given = loaded.config.certificates.get(host)
    if given:
        return TlsFiles(given.certificate, given.key)
    live = paths.letsencrypt / host.removeprefix("*.")
    if (live / "fullchain.pem").exists():
        return TlsFiles(str(live / "fullchain.pem"), str(live / "privkey.pem"))
    own = paths.certificates / naming.host_file(host).removesuffix(".conf")
    return TlsFiles(f"{own}.crt", f"{own}.key", self_signed=True)


def _nginx_version() -> Version:
    if not shutil.which("nginx"):
        return ()
    result = run(["nginx", "-v"], check=False)
    found = re.search(r"nginx/(\d+(?:\.\d+)*)", result.stderr + result.stdout)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _nginx_modules() -> tuple[str, ...]:
    """Modules that are built in, and those that nginx's configuration loads."""
    if not shutil.which("nginx"):
        return ()
    built = run(["nginx", "-V"], check=False)
    loaded = run(["nginx", "-T"], check=False)
    names = re.findall(r"http_\w+_module", built.stderr + built.stdout)
    names += re.findall(r"load_module\s+\S*?ngx_(http_\w+_module)\.so", loaded.stdout)
    return tuple(sorted(set(names)))


def _systemd_version() -> int:
    if not shutil.which("systemctl"):
        return 0
    found = re.match(r"systemd (\d+)", run(["systemctl", "--version"], check=False).stdout)
    return int(found[1]) if found else 0
