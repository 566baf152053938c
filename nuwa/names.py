"""Every name derived from an app, in one place; templates and scripts never assemble names.

Only the standard library, and Python 3.9: this also runs inside images.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SLOTS = ("blue", "green")
PORT = 8000
"""The port that the server listens on inside the container."""
CLUSTER_API_PORTS = (443, 6443)
"""Ports of a Kubernetes cluster's API for pods, whichever address they use."""
APP_USER = "app"
APP_ID = 10001
"""User and group id of the unprivileged user inside images, and so of its files on the host."""

LABEL_SETUP = "Setup"
LABEL_RUN_SETUP = "RunSetup"
LABEL_RUN_KUBERNETES = "RunKubernetes"
LABEL_SCHEMA = "io.nuwa.schema"
LABEL_LAYER = "io.nuwa.layer"
LABEL_FAMILY = "io.nuwa.family"
LABEL_INPUTS = "io.nuwa.inputs"
LABEL_APP = "io.nuwa.app"
LABEL_PYTHON = "io.nuwa.python"
LABEL_PROVIDER = "io.nuwa.provider"
LABEL_MANIFEST = "io.nuwa.manifest"
LABEL_COMPILED = "io.nuwa.compiled"

REGISTRY = "localhost"
"""The registry part of the names of local images until they are pushed."""

HTTP3_SITE = "nuwa.http3.conf"
"""nginx's sockets for HTTP/3, which all sites of a host share. No app can have that name."""
NGINX_DROP_IN = "nuwa.sites.conf"
"""The systemd settings for nginx that all sites of a host share."""
RESERVED_VARIABLES = frozenset({"PATH", "HOME", "USER", "PORT", "LD_PRELOAD", "PYTHONHOME", "VIRTUAL_ENV"})
RESERVED_PREFIXES = ("NUWA_", "S6_")
"""Variables that nuwa itself sets in the app's environment: these, and all with one of the prefixes.
`bin/secret` and `bin/config` repeat the prefixes."""

DATABASE_SECRET = "DATABASE_URL"  # noqa: S105 - a name, not a secret

STORAGE_KEYS = ("BACKUP_ACCESS_KEY_ID", "BACKUP_SECRET_ACCESS_KEY")
"""Secrets: the access key of object storage that holds archives."""

LIB = "/usr/lib/nuwa"
VENV = "/opt/nuwa/venv"
PROJECT = "/srv/app"
SECRETS = "/run/secrets"
LOG = "/var/log"
SOCKETS = "/run/nuwa-app"
"""On the host: a folder for each app, with one for each slot. In a container: that of its own slot."""
SOCKET = "server.sock"
"""The name of a server's socket in its slot's folder."""

CAPABILITIES = ("KILL", "SETGID", "SETUID")
"""Capabilities that root keeps in the container: to drop privileges, and to stop unprivileged processes."""
NETWORK_OPTIONS = ("--disable-dns", "--opt=isolate=true")
"""For an app's network: no other isolated one can reach it, and names are resolved as on the host."""
TMPFS = ("/run:rw,exec,nosuid,nodev,mode=0755", "/tmp:rw,nosuid,nodev,mode=1777")  # noqa: S108 - mounts inside the container
"""Writable paths besides volumes, in memory: limits.tmp is their size. s6 runs its scripts from /run."""


def is_reserved(variable: str) -> bool:
    """Whether nuwa itself sets this variable in the app's environment."""
    return variable in RESERVED_VARIABLES or variable.startswith(RESERVED_PREFIXES)


def replicas(slot: str, count: int) -> tuple[str, ...]:
    """The names of a slot's containers: the slot itself, then `blue_2`, `blue_3` and so on.

    Names of apps do not contain `_`, so these cannot collide with another app's.
    """
    return (slot, *(f"{slot}_{number}" for number in range(2, count + 1)))


@dataclass(frozen=True)
class Platform:
    """A family and its release: `debian` 13."""

    family: str
    release: str
    architecture: str = ""
    """Such as `arm64`, if the images are for a processor other than that of the build machine."""

    @property
    def key(self) -> str:
        return f"{self.family}{self.release}"

    @property
    def suffix(self) -> str:
        """The suffix of tags for another processor, so that they differ from those for the build machine."""
        return f"-{self.architecture}" if self.architecture else ""

    @property
    def bootstrap_image(self) -> str:
        """The bare distribution, made here if no registry provides it."""
        return f"{REGISTRY}/app/{self.family}-bootstrap:{self.release}{self.suffix}"

    @property
    def base_image(self) -> str:
        return f"{REGISTRY}/app/{self.family}-base:{self.release}{self.suffix}"

    @property
    def python_image(self) -> str:
        return f"{REGISTRY}/app/python-base:{self.key}{self.suffix}"

    @property
    def build_image(self) -> str:
        """The image with compilers and headers; no app image is built on it."""
        return f"{REGISTRY}/app/python-base-build:{self.key}{self.suffix}"

    @property
    def node_image(self) -> str:
        """The image with Node that frontends are built in; no app image is built on it."""
        return f"{REGISTRY}/app/node-base:{self.key}{self.suffix}"

    def nuwa_python_image(self, python: str, variant: str = "") -> str:
        """`app/nuwa_python313:debian13`, or with Apache `app/nuwa_python313:debian13-mod_wsgi`."""
        tag = f"{self.key}-{variant}" if variant else self.key
        return f"{REGISTRY}/app/nuwa_python{python.replace('.', '')}:{tag}{self.suffix}"

    def pulled_image(self, reference: str) -> str:
        """The local name of a registry's image for another processor: its own name is for this machine's."""
        name = re.sub(r"[:@]+", "-", reference.lower())
        return f"{REGISTRY}/app/pulled/{name}:{self.architecture}"


@dataclass(frozen=True)
class WayUnits:
    """A server on the host, the socket through which a container reaches it, and the proxy behind that."""

    server: str
    socket: str
    service: str


@dataclass(frozen=True)
class Names:
    """Names of an app's parts on the host."""

    app: str

    def image(self, version: str) -> str:
        return f"{REGISTRY}/app/{self.app}:{version}"

    def requirements_image(self, version: str) -> str:
        """The Python packages that the app requires: the layer above nuwa_python."""
        return f"{REGISTRY}/app/{self.app}/requirements:{version}"

    def packages_image(self, version: str) -> str:
        """The app's packages of the distribution: the layer between its Python packages and its code."""
        return f"{REGISTRY}/app/{self.app}/packages:{version}"

    def frontend_image(self, version: str) -> str:
        """The output of the app's frontend build, and nothing else."""
        return f"{REGISTRY}/app/{self.app}/frontend:{version}"

    def container(self, slot: str) -> str:
        return f"nuwa-{self.app}-{slot}"

    @property
    def hook_container(self) -> str:
        """The container that runs the release hook and is then removed."""
        return f"nuwa-{self.app}-release"

    @property
    def once(self) -> str:
        """The prefix of the containers and units of one-off commands; names of apps do not contain `_`."""
        return f"nuwa-{self.app}_once-"

    @property
    def rehearsal_container(self) -> str:
        """The container that is started from the newest archive, checked and removed."""
        return f"nuwa-{self.app}-rehearsal"

    @property
    def backup(self) -> str:
        """The name of cron's file and monit's check of archives; `_` keeps it apart from other apps'."""
        return f"{self.site}_backup"

    @property
    def recovery(self) -> str:
        """The transient unit in which bin/lib/recover runs."""
        return f"{self.site}-recovery"

    @property
    def services_check(self) -> str:
        """The name of monit's check of the processes next to the server."""
        return f"{self.site}_services"

    @property
    def network(self) -> str:
        """podman's network for the app's containers, which no other app shares."""
        return f"nuwa-{self.app}"

    def unit(self, slot: str) -> str:
        return f"{self.container(slot)}.service"

    def unit_file(self, slot: str) -> str:
        return f"/etc/systemd/system/{self.unit(slot)}"

    def proxy(self, slot: str) -> str:
        """The pair of units, .socket and .service, for a server that cannot listen on a socket itself."""
        return f"{self.container(slot)}-proxy"

    def proxy_file(self, slot: str, kind: str) -> str:
        return f"/etc/systemd/system/{self.proxy(slot)}.{kind}"

    @property
    def runtime_folder(self) -> str:
        """The app's folder in /run: the sockets of its slots, and the link to the one that serves."""
        return f"{SOCKETS}/{self.app}"

    def socket_folder(self, slot: str) -> str:
        return f"{self.runtime_folder}/{slot}"

    @property
    def jobs_folder(self) -> str:
        """Where both slots record who runs which scheduled job and exclusive process; only root can write."""
        return f"{self.runtime_folder}/jobs"

    def socket(self, slot: str) -> str:
        return f"{self.socket_folder(slot)}/{SOCKET}"

    @property
    def current_socket(self) -> str:
        """The link to the socket of the slot that serves: where nginx passes requests on."""
        return f"{self.runtime_folder}/current"

    def replica_socket(self, number: int) -> str:
        """The same link for a further replica of that slot, from 2 on."""
        return self.current_socket if number == 1 else f"{self.current_socket}_{number}"

    @property
    def spare_socket(self) -> str:
        """The link to the socket of a second running slot, for requests that the first does not accept."""
        return f"{self.runtime_folder}/spare"

    @property
    def stopped_mark(self) -> str:
        """While this file exists, the app is stopped on purpose, until the next boot."""
        return f"{self.runtime_folder}/stopped"

    @property
    def site_check(self) -> str:
        """The name of monit's check of the app; `_` keeps it apart from other apps' names."""
        return f"{self.site}_site"

    @property
    def access_log(self) -> str:
        return f"/var/log/nginx/nuwa-{self.app}.log"

    def service_units(self, name: str) -> WayUnits:
        """The units of a `[[service]]`, or of a `[[host_port]]`, whose server nuwa does not manage.

        Names of apps do not contain `_`, so these cannot collide with another app's.
        """
        unit = f"{self.site}_{name}"
        return WayUnits(f"{unit}.service", f"{unit}-proxy.socket", f"{unit}-proxy.service")

    def volume_unit(self, name: str) -> str:
        """The unit that mounts the file system of a `[[volume]]` with a size."""
        return f"{self.site}_volume-{name}.service"

    def database_unit(self, kind: str) -> str:
        """The socket through which the container reaches the host's database server, or its proxy."""
        return f"nuwa-{self.app}-database-proxy.{kind}"

    def database_unit_file(self, kind: str) -> str:
        return f"/etc/systemd/system/{self.database_unit(kind)}"

    @property
    def site(self) -> str:
        """The name of the app's files in nginx's, monit's and cron's folders."""
        return f"nuwa-{self.app}"

    @property
    def certificate_check(self) -> str:
        """The name of monit's check of the certificate."""
        return f"{self.site}-certificate"

    @property
    def upstream(self) -> str:
        return f"nuwa_{self.app.replace('-', '_')}"

    def nginx_variable(self, what: str) -> str:
        """A variable of nginx that only this app uses: `nuwa_blog_connection`."""
        return f"{self.upstream}_{what}"

    @staticmethod
    def process_service(name: str) -> str:
        return f"process-{name}"

    @staticmethod
    def once_command(name: str) -> str:
        """The script of a `[command.NAME]`."""
        return f"once-{name}"

    @staticmethod
    def command(name: str) -> str:
        """The generated script inside the image that runs one of the manifest's commands."""
        return f"{LIB}/command/{name}"
