"""What the templates of host files say beyond the manifest and the facts: derived once, here."""

from __future__ import annotations

import posixpath
import zlib
from dataclasses import dataclass

from nuwa.manifest.model import App, Route, Service
from nuwa.names import APP_ID, SLOTS, SOCKET, Names
from nuwa.render import container
from nuwa.render.facts import Facts, ServerWay

VALKEY_BUFFERS_BYTES = 128 * 1024**2
"""What a server takes besides its data."""
WEBSOCKET_TIMEOUT_S = 3600
"""Seconds that a silent websocket stays open."""
KEPT = 1
"""Seconds that a connection to the app is kept in all; a switch waits for as long."""
KEEPALIVE_TIME = (1, 19, 10)
"""The first nginx that can limit that."""
KEPT_BY_DEFAULT = (1, 29, 7)
"""The first nginx that keeps connections to every upstream, for a minute."""


@dataclass(frozen=True)
class Way:
    """Where nginx passes the requests below a prefix on to."""

    prefix: str
    target: str
    stripped: str
    """What of the path the service does not see, for links that it makes; empty: it sees the whole path."""
    websocket: bool
    timeout: int


def _way(route: Route) -> Way:
    kind, _, name = route.to.partition(":")
    if kind == "app":
        target = f"http://{Names(name).upstream}"
    elif kind == "unix":
        target = f"http://{route.to}" + (":" if route.strip else "")
    else:
        target = route.to
    timeout = WEBSOCKET_TIMEOUT_S if route.websocket else route.timeout
    stripped = route.path.rstrip("/") if route.strip else ""
    return Way(route.path, target + ("/" if route.strip else ""), stripped, route.websocket, timeout)


@dataclass(frozen=True)
class View:
    """An app on a host, as the templates see it: `view` in each of them."""

    app: App
    facts: Facts

    @property
    def header(self) -> str:
        image = f"{self.facts.image_name} ({self.facts.image[:12]})"
        return f"Written by nuwa for {self.app.name} from image {image}."

    @property
    def container(self) -> str:
        return self.app.names.container(self.facts.slot)

    @property
    def unit(self) -> str:
        return self.app.names.unit(self.facts.slot)

    @property
    def podman_run(self) -> tuple[str, ...]:
        return container.podman_run(self.app, self.facts)

    @property
    def database_service(self) -> str:
        """The unit of the host's own database server; empty where the app uses none."""
        database = self.app.database
        if database is None or database.where != "host" or database.engine == "sqlite":
            return ""
        return f"{database.engine}.service"

    def guard(self, way: ServerWay, verb: str) -> tuple[str, ...]:
        """A command of iptables: the way to a server is closed for all but the app's subnet."""
        foreign = ("!", "--source", way.subnet, "--destination", way.address)
        port = ("--protocol", "tcp", "--dport", str(way.port))
        return ("/usr/sbin/iptables", "--wait", verb, "INPUT", *foreign, *port, "--jump", "DROP")

    @property
    def valkey_user(self) -> str:
        """The user that the server's package makes: valkey or redis."""
        return posixpath.basename(self.facts.valkey_server).partition("-")[0]

    def service_folder(self, service: Service) -> str:
        """Below /var/lib: in the folder of the server's package, which SELinux lets it write to."""
        return f"{self.valkey_user}/{self.app.names.site}_{service.name}"

    def service_secret(self, service: Service) -> str:
        """The file with the line that sets the server's password."""
        return f"{self.facts.directory}/volumes/.nuwa/private/service.{service.name}"

    def valkey_options(self, service: Service, way: ServerWay) -> tuple[tuple[str, ...], ...]:
        """The server's configuration as options with their values, in words that Redis 5 knows as well."""
        return (
            ("--bind", "127.0.0.1"),
            ("--port", str(way.server_port)),
            ("--dir", f"/var/lib/{self.service_folder(service)}"),
            ("--maxmemory", str(service.memory)),
            ("--maxmemory-policy", service.eviction),
            ("--save", *(("60", "1") if service.persist else ("",))),
            ("--supervised", "systemd"),
            ("--daemonize", "no"),
        )

    def valkey_memory(self, service: Service) -> int:
        """Bytes that the unit may use: as much again while a copy is written, and its buffers."""
        return 2 * service.memory + VALKEY_BUFFERS_BYTES

    @property
    def stop_timeout(self) -> int:
        return container.stop_timeout(self.app)

    @property
    def start_timeout(self) -> int:
        """Seconds: the manifest's start period and one last check."""
        return self.app.health.start_period + self.app.health.timeout + 5

    @property
    def wait(self) -> tuple[str, ...]:
        """Waits until the app answers. Through bash: SELinux keeps systemd from executing it in place."""
        script = f"{self.facts.directory}/bin/lib/wait"
        words = ("/bin/bash", script, self.container, self.url, self.facts.host, str(self.start_timeout))
        return (*words, self.app.names.current_socket, self.socket_target, str(self.app.health.timeout))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.facts.port}"

    @property
    def upstream(self) -> str:
        """Where nginx finds the app: the slot's port where SELinux keeps nginx from sockets of containers."""
        return self.address if self.facts.selinux else f"unix:{self.app.names.current_socket}"

    @property
    def spare(self) -> str:
        """Where nginx finds the previous release while the new one is watched; empty where two cannot run."""
        if self.facts.selinux or self.excluded_units:
            return ""
        return f"unix:{self.app.names.spare_socket}"

    @property
    def socket_target(self) -> str:
        """What the link `current_socket` holds while this slot serves."""
        return f"{self.facts.slot}/{SOCKET}"

    @property
    def prepare_jobs(self) -> tuple[str, ...]:
        """The command that makes the folder in which the slots agree on scheduled jobs."""
        return ("/usr/bin/install", "-d", "-m", "0755", self.app.names.jobs_folder)

    @property
    def prepare_socket(self) -> tuple[str, ...]:
        """The command that makes the folder for the server's socket; empty where it has none."""
        if not container.listens_on_socket(self.app, self.facts):
            return ()
        owner = str(APP_ID)
        folder = self.app.names.socket_folder(self.facts.slot)
        return ("/usr/bin/install", "-d", "-m", "0755", "-o", owner, "-g", owner, folder)

    @property
    def remove_orphan(self) -> tuple[str, ...]:
        """Ends, as late as possible, what `clear_away` left running; `podman run --replace` does the rest."""
        words = f"test ! -e {self._id_file} || {{ {self._remove}; rm -f {self._id_file}; }}"
        return ("/bin/sh", "-c", words)

    @property
    def clear_away(self) -> tuple[str, ...]:
        """Removes a container that ended, and its socket.

        Where conmon alone was killed, the container still serves, and continues until the next start ends it:
        what comes before costs nobody a request. But not where somebody asked for the stop: no start follows.
        """
        keeps = (
            f'test $SERVICE_RESULT = signal && test -z "$(systemctl show --property=Job --value {self.unit})"'
        )
        # Twice: after conmon was killed, podman refuses the first time.
        words = f"{self._remove} || {self._remove}; rm -f {self._id_file}"
        if self.prepare_socket:
            words += f"; rm -rf {self.app.names.socket_folder(self.facts.slot)}"
        return ("/bin/sh", "-c", f"{keeps} || {{ {words}; }}")

    @property
    def _remove(self) -> str:
        return f"podman rm --force --ignore --time=0 {self.container} >/dev/null 2>&1"

    @property
    def _id_file(self) -> str:
        """As `%t/%N.cid` in the unit."""
        return f"/run/{self.container}.cid"

    @property
    def make_network(self) -> tuple[str, ...]:
        """The command that makes the app's network where it is missing; empty where it has none."""
        return container.make_network(self.app, self.facts)

    @property
    def proxy(self) -> str:
        """Units that stand between nginx's socket and the port of a server that has no socket; or none."""
        if self.facts.selinux or container.listens_on_socket(self.app, self.facts):
            return ""
        return self.app.names.proxy(self.facts.slot)

    @property
    def excluded_units(self) -> tuple[str, ...]:
        """The other slot's unit, where a volume is not for two."""
        if all(volume.policy != "exclusive" for volume in self.app.volume):
            return ()
        return tuple(self.app.names.unit(slot) for slot in SLOTS if slot != self.facts.slot)

    @property
    def url(self) -> str:
        return f"http://{self.address}{self.app.health.path}"

    @property
    def backoff(self) -> str:
        """The script that waits between restarts of a slot that keeps ending."""
        return f"{self.facts.directory}/bin/lib/backoff"

    @property
    def recover(self) -> str:
        """What monit calls when the app does not answer; one at a time, by the unit's name."""
        return self._by_systemd("recover", "--no-block", f"--unit={self.app.names.recovery}")

    @property
    def backup_check(self) -> str:
        """A command line as monit splits it: no folder of a deployment has a quote in its name."""
        return f"/bin/bash '{self.facts.directory}/bin/lib/archived'"

    @property
    def services_check(self) -> str:
        return self._by_systemd("services", "--pipe", "--wait")

    def _by_systemd(self, script: str, *options: str) -> str:
        """A script that monit has systemd run, as its own children see a read-only host on Debian 13."""
        words = ("/usr/bin/systemd-run", "--quiet", "--collect", *options, "--setenv=HOME=/root")
        return f"{' '.join(words)} /bin/bash '{self.facts.directory}/bin/lib/{script}'"

    @property
    def static_folder(self) -> str:
        return f"{self.facts.directory}/volumes/static/current/"

    @property
    def former_static_folder(self) -> str:
        return f"{self.facts.directory}/volumes/static/former"

    @property
    def open_folders(self) -> tuple[tuple[str, str], ...]:
        """URL prefix and folder of each volume that nginx serves. SELinux keeps it from all of them."""
        if self.facts.selinux:
            return ()
        volumes = f"{self.facts.directory}/volumes"
        return tuple((volume.url, f"{volumes}/{volume.name}/") for volume in self.app.volume if volume.url)

    @property
    def challenge_folder(self) -> str:
        """What certbot takes for the root of the site over plain HTTP."""
        return f"{self.facts.directory}/volumes/.nuwa/acme"

    @property
    def canonical(self) -> str:
        """The domain that the others redirect to."""
        return self.facts.domains[0]

    @property
    def wildcards(self) -> tuple[str, ...]:
        return tuple(domain for domain in self.facts.domains if domain.startswith("*."))

    @property
    def served(self) -> tuple[str, ...]:
        """Where the app itself answers: the canonical domain and what a wildcard covers."""
        return (self.canonical, *self.wildcards)

    @property
    def redirected(self) -> tuple[str, ...]:
        return tuple(domain for domain in self.facts.domains if domain not in self.served)

    @property
    def http2_directive(self) -> bool:
        """nginx 1.25.1 made HTTP/2 a directive of its own; before, it is a word of `listen`."""
        return self.has_http2 and self.facts.nginx >= (1, 25, 1)

    @property
    def listen_options(self) -> tuple[str, ...]:
        return ("ssl", "http2") if self.has_http2 and not self.http2_directive else ("ssl",)

    @property
    def has_http2(self) -> bool:
        return "http_v2_module" in self.facts.nginx_modules

    @property
    def http3(self) -> bool:
        return "http_v3_module" in self.facts.nginx_modules and self.facts.nginx >= (1, 25, 1)

    @property
    def compressions(self) -> tuple[str, ...]:
        """What this nginx can compress with, in addition to gzip."""
        return tuple(name for name in ("brotli", "zstd") if self._has_module(f"{name}_filter"))

    @property
    def precompressed(self) -> tuple[str, ...]:
        """The compressions for which nginx serves a precompressed file next to a static one."""
        return tuple(name for name in ("gzip", "brotli", "zstd") if self._has_module(f"{name}_static"))

    def _has_module(self, name: str) -> bool:
        return f"http_{name}_module" in self.facts.nginx_modules

    @property
    def keepalive(self) -> int:
        """Seconds that nginx keeps an idle connection to the app, and is the first to close it; 0: none."""
        if self.facts.selinux:
            return self.app.server.keepalive * 4 // 5
        # A kept connection still goes to the previous release after a switch, so it must not last.
        may_keep = self.facts.nginx >= KEEPALIVE_TIME and self.app.server.keepalive > 2 * KEPT
        return KEPT if may_keep else 0

    @property
    def keepalive_directives(self) -> tuple[str, ...]:
        """How long a connection is kept when it is idle; and in all, where it follows the link to a slot."""
        idle = ("keepalive_timeout",) if self.facts.nginx >= (1, 15, 3) else ()
        return idle if self.facts.selinux else (*idle, "keepalive_time")

    @property
    def must_refuse_keepalive(self) -> bool:
        """Whether this nginx keeps connections to the app though it asked for their end."""
        return not self.keepalive and self.facts.nginx >= KEPT_BY_DEFAULT

    @property
    def connection(self) -> str:
        """The Connection header of requests to the app."""
        return "" if self.keepalive else "close"

    @property
    def own_way(self) -> Way:
        """To the app itself. nginx waits a little longer than its own limit; for websockets long."""
        server = self.app.server
        timeout = WEBSOCKET_TIMEOUT_S if server.websocket else server.timeout + 5
        return Way("/", f"http://{self.app.names.upstream}", "", server.websocket, timeout)

    @property
    def routes(self) -> tuple[Way, ...]:
        """To other services of the host."""
        return tuple(_way(route) for route in self.app.route)

    @property
    def websocket(self) -> bool:
        return any(way.websocket for way in (self.own_way, *self.routes))

    @property
    def minute(self) -> int:
        """The minute of the hour for timed checks."""
        return self._spread % 60

    @property
    def hours(self) -> tuple[int, int]:
        """The hours of the day for them, half a day apart."""
        first = self._spread // 60 % 12
        return first, first + 12

    @property
    def _spread(self) -> int:
        """Another number for each site, always the same for one: not all ask an authority at once."""
        return zlib.crc32(f"{self.app.name} {self.facts.host}".encode())

    @property
    def certificate_check(self) -> str:
        """What monit runs. It parts words at spaces but within single quotes, which no folder's name has."""
        return f"/bin/bash '{self.facts.directory}/bin/lib/check' --served"
