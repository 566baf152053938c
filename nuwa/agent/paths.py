"""Where the agent keeps and finds things on a host."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

WEBHOOKS = ("127.0.0.1", 7501)
"""Where the webhook listener waits, behind nginx."""
DASHBOARD = ("127.0.0.1", 7500)


@dataclass(frozen=True)
class Paths:
    """Every path, below a root that is `/` except in tests."""

    root: Path = Path("/")

    @property
    def folder(self) -> Path:
        return self.root / "etc/nuwa"

    @property
    def config(self) -> Path:
        return self.folder / "config.json"

    @property
    def token(self) -> Path:
        return self.folder / "token"

    @property
    def tokens(self) -> Path:
        """Tokens with names and rights, as digests."""
        return self.folder / "tokens.json"

    @property
    def sessions(self) -> Path:
        """The dashboard's own folder: systemd makes it, for its user."""
        return self.root / "var/lib/nuwa-dashboard"

    @property
    def runtime(self) -> Path:
        return self.root / "run/nuwa"

    @property
    def socket(self) -> Path:
        return self.runtime / "control.sock"

    @property
    def podman(self) -> Path:
        """The socket of podman's service, while somebody watches; for root alone."""
        return self.runtime / "podman"

    @property
    def locks(self) -> Path:
        return self.runtime / "lock"

    @property
    def state(self) -> Path:
        return self.root / "var/lib/nuwa/agent"

    @property
    def database(self) -> Path:
        return self.state / "agent.db"

    @property
    def stats(self) -> Path:
        """What services used and answered, over days and years."""
        return self.state / "stats.db"

    @property
    def ports(self) -> Path:
        return self.state / "ports.json"

    @property
    def applied(self) -> Path:
        """The applied configuration, validated, as JSON."""
        return self.state / "applied.json"

    @property
    def environments(self) -> Path:
        """The environments of plain processes, a file each, for nobody but root."""
        return self.state / "env"

    @property
    def hook_environments(self) -> Path:
        """The same of commands of hooks, while they run."""
        return self.runtime / "hook-env"

    @property
    def certificates(self) -> Path:
        """Certificates that nuwa signed itself."""
        return self.state / "tls"

    @property
    def challenges(self) -> Path:
        """What nginx serves below /.well-known/acme-challenge/."""
        return self.root / "var/lib/nuwa/acme"

    @property
    def letsencrypt(self) -> Path:
        return self.root / "etc/letsencrypt/live"

    @property
    def logs(self) -> Path:
        return self.root / "var/log/nuwa"

    @property
    def log_state(self) -> Path:
        """Where rsyslog and logrotate remember how far they are: each distribution has its place for it."""
        debian = self.root / "var/spool/rsyslog"
        return (debian if debian.is_dir() else self.root / "var/lib/rsyslog") / "nuwa"

    @property
    def rsyslog(self) -> Path:
        """Below rsyslog's own folder, where AppArmor and SELinux let it read, and its main file does not."""
        return self.root / "etc/rsyslog.d/nuwa/log.conf"

    @property
    def logrotate(self) -> Path:
        return self.folder / "logrotate.conf"

    @property
    def journald(self) -> Path:
        """Late in the order of files: the journal has to be as large as the configuration says."""
        return self.root / "etc/systemd/journald.conf.d/90-nuwa.conf"

    @property
    def units(self) -> Path:
        return self.root / "etc/systemd/system"

    @property
    def serving(self) -> Path:
        """Marks of nginx's switches. SELinux lets nginx look into its own folders only."""
        return self.root / "etc/nginx/nuwa-serving"

    def second_slot(self, service: str) -> Path:
        """The file that exists while the second slot of a plain process serves."""
        return self.serving / service

    @property
    def nginx(self) -> Path:
        return self.root / "etc/nginx/conf.d"


def host_paths() -> Paths:
    """The paths of this host. NUWA_ROOT, as for the scripts in bin/, is for trying things out."""
    return Paths(Path(os.environ.get("NUWA_ROOT") or "/"))
