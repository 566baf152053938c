"""Values for the templates of systemd units: the container, its socket and network, the host's servers."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from nuwa.manifest.data import Service, Volume
from nuwa.names import APP_ID, SLOTS, SOCKET
from nuwa.quoting import sh
from nuwa.render import container
from nuwa.render.facts import ServerWay
from nuwa.render.view import View

VALKEY_BUFFERS_BYTES = 128 * 1024**2
"""Memory that a server uses besides its data."""


@dataclass(frozen=True)
class UnitView(View):
    """An app's units on a host."""

    @property
    def podman_run(self) -> tuple[str, ...]:
        return container.podman_run(self.app, self.facts)

    @property
    def database_service(self) -> str:
        """The unit of the host's own database server; empty if the app uses none."""
        database = self.app.database
        if database is None or database.where != "host" or database.engine == "sqlite":
            return ""
        return f"{database.engine}.service"

    def guard(self, way: ServerWay, verb: str) -> tuple[str, ...]:
        """An iptables command: only the app's subnet may connect to a server."""
        foreign = ("!", "--source", way.subnet, "--destination", way.address)
        port = ("--protocol", "tcp", "--dport", str(way.port))
        return ("/usr/sbin/iptables", "--wait", verb, "INPUT", *foreign, *port, "--jump", "DROP")

    @property
    def slot_units(self) -> tuple[str, ...]:
        return tuple(self.app.names.unit(slot) for slot in SLOTS)

    def is_mounted(self, volume: Volume) -> tuple[str, ...]:
        """Fails if the file system is not mounted: the app must not write to the underlying folder."""
        folder = self.volume_folder(volume)
        words = f"{folder} is not mounted: cd {sh(self.facts.directory)} && bin/run mounts it"
        return ("/bin/sh", "-c", f"mountpoint -q {sh(folder)} || {{ echo {sh(words)}; exit 1; }}")

    def mount_volume(self, volume: Volume) -> tuple[str, ...]:
        """Checks and mounts the file system of a volume, unless it is already mounted.

        A loop device's second cache is avoided if the underlying file system allows that; and so is the
        kernel's initialization of inode tables, which would fill holes in the file.
        """
        folder = self.volume_folder(volume)
        image = sh(f"{self.facts.directory}/volumes/.nuwa/disks/{volume.name}.img")
        beneath = sh(f"{folder} is not empty: move what is in it elsewhere, then bin/run")
        folder = sh(folder)
        steps = (
            f"mountpoint -q {folder} && exit 0",
            f'test -z "$(ls -A {folder})" || {{ echo {beneath}; exit 1; }}',
            # While it is mounted elsewhere, in a container that is still stopping, it must not be repaired.
            f'test -n "$(losetup --associated {image})" || e2fsck -p {image}',
            "test $? -le 1 || exit 1",
            f"mount -t ext4 -o loop,nosuid,nodev,noinit_itable {image} {folder} || exit 1",
            f'losetup --direct-io=on "$(findmnt -n -o SOURCE {folder})"',
            # created by e2fsck, and readable only to root
            f"rmdir {folder}/lost+found 2>/dev/null || true",
        )
        return ("/bin/sh", "-c", "; ".join(steps))

    def unmount_volume(self, volume: Volume) -> tuple[str, ...]:
        return ("/bin/umount", self.volume_folder(volume))

    @property
    def valkey_user(self) -> str:
        """The user that the server's package creates: valkey or redis."""
        return posixpath.basename(self.facts.valkey_server).partition("-")[0]

    def service_folder(self, service: Service) -> str:
        """Relative to /var/lib: in the folder of the server's package, which SELinux lets it write to."""
        return f"{self.valkey_user}/{self.app.names.site}_{service.name}"

    def service_secret(self, service: Service) -> str:
        """The file with the line that sets the server's password."""
        return f"{self.facts.directory}/volumes/.nuwa/private/service.{service.name}"

    def valkey_options(self, service: Service, way: ServerWay) -> tuple[tuple[str, ...], ...]:
        """The server's configuration as options with values, in terms that Redis 5 knows as well."""
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
        """Maximum bytes of the unit: twice the data, for the time when a copy is written, plus buffers."""
        return 2 * service.memory + VALKEY_BUFFERS_BYTES

    @property
    def stop_timeout(self) -> int:
        return container.stop_timeout(self.app)

    @property
    def start_timeout(self) -> int:
        return container.start_timeout(self.app)

    @property
    def wait(self) -> tuple[str, ...]:
        """Waits until the app answers. Run by bash: SELinux does not let systemd execute it directly."""
        script = f"{self.facts.directory}/bin/lib/wait"
        words = ("/bin/bash", script, self.container, self.url, self.facts.host, str(self.start_timeout))
        link = self.app.names.replica_socket(self.facts.replica)
        return (*words, link, self.socket_target, str(self.app.health.timeout))

    @property
    def limit_sending(self) -> tuple[str, ...]:
        """Limits what the container sends, on its own interface, whose settings it has no right to change.

        Empty without `limits.network`.
        """
        shape = container.limit_sending(self.app)
        if not shape:
            return ()
        pid = f"$(podman container inspect --format '{{{{.State.Pid}}}}' {self.container})"
        failed = "limits.network has no effect (see above); bin/run names the missing module"
        return ("/bin/sh", "-c", f"nsenter --target {pid} --net {' '.join(shape)} || echo {sh(failed)}")

    @property
    def url(self) -> str:
        return f"http://{self.address}{self.app.health.path}"

    @property
    def socket_target(self) -> str:
        """The target of the link to this container's socket while its slot serves."""
        return f"{self.facts.slot}/{SOCKET}"

    @property
    def prepare_jobs(self) -> tuple[str, ...]:
        """The command that creates the folder in which the slots coordinate scheduled jobs, and the folder
        of another replica's log."""
        folders = [self.app.names.jobs_folder]
        if self.facts.replica > 1:
            folders.append(container.log_folder(self.facts))
        return ("/usr/bin/install", "-d", "-m", "0755", *folders)

    @property
    def wait_for_once(self) -> tuple[str, ...]:
        """The command that fails while a one-off command uses a volume that two containers must not share;
        empty if there is none. systemd repeats it until the one-off command has ended."""
        volumes = [volume.name for volume in self.app.volume if volume.policy == "exclusive"]
        if not volumes:
            return ()
        words = (
            f"found=$(podman ps --filter name=^{self.app.names.once} --format {{{{.Names}}}} 2>/dev/null); "
            f'test -z "$found" || {{ echo "the volume {volumes[0]} is exclusive, and a one-off command '
            'has it: podman stop $found" >&2; exit 1; }'
        )
        return ("/bin/sh", "-c", words)

    @property
    def prepare_socket(self) -> tuple[str, ...]:
        """The command that creates the folder for the server's socket; empty if the server has none."""
        if not container.listens_on_socket(self.app, self.facts):
            return ()
        owner = str(APP_ID)
        folder = self.app.names.socket_folder(self.facts.slot)
        return ("/usr/bin/install", "-d", "-m", "0755", "-o", owner, "-g", owner, folder)

    @property
    def remove_orphan(self) -> tuple[str, ...]:
        """Stops, as late as possible, what `clear_away` left; `podman run --replace` does the rest."""
        words = f"test ! -e {self._id_file} || {{ {self._remove}; rm -f {self._id_file}; }}"
        return ("/bin/sh", "-c", words)

    @property
    def clear_away(self) -> tuple[str, ...]:
        """Removes a container that has ended, and its socket.

        If only conmon was killed, the container still serves, and does so until the next start stops it:
        until then no request is lost. It is removed if somebody requested the stop: then no start follows.
        """
        keeps = (
            f'test $SERVICE_RESULT = signal && test -z "$(systemctl show --property=Job --value {self.unit})"'
        )
        # Twice: after conmon was killed, podman fails the first time.
        words = f"{self._remove} || {self._remove}; rm -f {self._id_file}"
        if self.prepare_socket:
            words += f"; rm -rf {self.app.names.socket_folder(self.facts.slot)}"
        return ("/bin/sh", "-c", f"{keeps} || {{ {words}; }}")

    @property
    def _remove(self) -> str:
        return f"podman rm --force --ignore --time=0 {self.container} >/dev/null 2>&1"

    @property
    def _id_file(self) -> str:
        """The file that the unit calls `%t/%N.cid`."""
        return f"/run/{self.container}.cid"

    @property
    def make_network(self) -> tuple[str, ...]:
        """The command that recreates the app's network if it is missing; empty if the app has none."""
        return container.make_network(self.app, self.facts)

    @property
    def backoff(self) -> str:
        """The script that waits between restarts of a slot that keeps exiting."""
        return f"{self.facts.directory}/bin/lib/backoff"
