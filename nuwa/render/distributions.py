"""Paths and names that differ between distributions: one table for renderer and scripts."""

from __future__ import annotations

from dataclasses import dataclass

FROM_EPEL = ("monit", "borgbackup", "restic", "certbot", "python3-certbot")
"""Packages from EPEL; the last one also covers certbot's plugins."""


@dataclass(frozen=True)
class Distribution:
    """One release of a distribution, for hosts."""

    key: str
    """`ID` and major `VERSION_ID` of os-release(5): `debian12`."""
    title: str
    install: str
    """The command that installs packages; package names are appended."""
    packages: tuple[tuple[str, str], ...]
    """Programs that the scripts call, each with the package that holds it."""
    nginx_user: str
    monit_folder: str
    cron_service: str
    databases: tuple[tuple[str, str], ...]
    """Clients of database servers, and the servers' services, each with its package."""
    valkey: str
    """The package of a Valkey server, or of Redis if there is none."""
    ssh_client: str = "openssh-client"
    """The package that holds `ssh`."""
    tc: str = "iproute2"
    """The package that holds `tc`."""
    elsewhere: tuple[str, ...] = ()
    """Packages that are not in the distribution's own repositories."""
    enable: tuple[str, ...] = ()
    """The commands that enable their repository, and the one that it needs in turn."""
    nginx_folder: str = "/etc/nginx/conf.d"
    cron_folder: str = "/etc/cron.d"
    selinux_booleans: tuple[str, ...] = ()
    """SELinux booleans that let nginx connect to a container."""
    note: str = ""
    """A note to read before packages are installed."""


_EVERYWHERE = (
    ("podman", "podman"),
    ("systemctl", "systemd"),
    ("nginx", "nginx"),
    ("jq", "jq"),
    ("curl", "curl"),
    ("openssl", "openssl"),
    ("tar", "tar"),
    ("diff", "diffutils"),
    ("flock", "util-linux"),
)


def _clients(postgresql: str, mariadb: str) -> list[tuple[str, str]]:
    return [
        *((program, postgresql) for program in ("psql", "pg_dump", "pg_restore")),
        *((program, mariadb) for program in ("mariadb", "mariadb-dump")),
    ]


def _debian(release: int) -> Distribution:
    return Distribution(
        key=f"debian{release}",
        title=f"Debian {release}",
        install="apt-get install --no-install-recommends",
        packages=(*_EVERYWHERE, ("monit", "monit"), ("ss", "iproute2"), ("cron", "cron")),
        nginx_user="www-data",
        monit_folder="/etc/monit/conf.d",
        cron_service="cron",
        valkey="redis-server" if release < 13 else "valkey-server",
        databases=(
            *_clients("postgresql-client", "mariadb-client"),
            ("postgresql.service", "postgresql"),
            ("mariadb.service", "mariadb-server"),
        ),
    )


def _rocky(release: int) -> Distribution:
    """EPEL's packages need Rocky's CodeReady Builder, formerly PowerTools."""
    monit = (("monit", "monit"),) if release < 10 else ()
    enable_builder = "crb enable" if release > 8 else "dnf config-manager --set-enabled powertools"
    tool = "" if release > 8 else " dnf-plugins-core"
    return Distribution(
        key=f"rocky{release}",
        title=f"Rocky Linux {release}",
        install="dnf install",
        packages=(*_EVERYWHERE, *monit, ("ss", "iproute"), ("crond", "cronie")),
        nginx_user="nginx",
        monit_folder="/etc/monit.d",
        cron_service="crond",
        valkey="redis" if release < 10 else "valkey",
        databases=(
            *_clients("postgresql", "mariadb"),
            ("postgresql.service", "postgresql-server"),
            ("mariadb.service", "mariadb-server"),
        ),
        selinux_booleans=("httpd_can_network_connect",),
        ssh_client="openssh-clients",
        tc="iproute-tc",
        elsewhere=FROM_EPEL if monit else FROM_EPEL[1:],
        enable=(f"dnf install -y epel-release{tool}", enable_builder),
        note="" if monit else "monit is not packaged here: only systemd restarts the app",
    )


DISTRIBUTIONS: dict[str, Distribution] = {
    made.key: made for made in (_debian(12), _debian(13), _rocky(8), _rocky(9), _rocky(10))
}

ALIASES = {"almalinux": "rocky", "rhel": "rocky", "centos": "rocky"}
"""Rebuilds of the same distribution, by their `ID`."""


def find(distribution: str, release: str) -> Distribution:
    """The row for a host.

    Args:
        distribution: `ID` of os-release(5), such as `debian`.
        release: `VERSION_ID`; only the part before the first dot is used.

    Raises:
        KeyError: there is none; the message lists those that exist.
    """
    key = f"{ALIASES.get(distribution, distribution)}{release.split('.')[0]}"
    if key not in DISTRIBUTIONS:
        known = ", ".join(row.title for row in DISTRIBUTIONS.values())
        raise KeyError(f"{distribution} {release} is not supported as a host; supported are {known}")
    return DISTRIBUTIONS[key]
