"""Command lines of `podman run`: for a deployment's slots, its release hook, and one-off commands."""

from __future__ import annotations

from nuwa.manifest.data import Volume
from nuwa.manifest.model import App
from nuwa.names import (
    CAPABILITIES,
    LABEL_MANIFEST,
    LABEL_RUN_SETUP,
    LABEL_SETUP,
    LIB,
    LOG,
    NETWORK_OPTIONS,
    PORT,
    SECRETS,
    SOCKET,
    TMPFS,
)
from nuwa.render.facts import Facts

MIN_BURST_BYTES = 65536
"""The kernel passes on this much at once; a smaller burst would split it."""
BURSTS_A_SECOND = 100
LATENCY_MS = 100
"""How long a packet is queued before it is dropped, which slows a sender down."""
STOP_MARGIN_S = 15
"""Seconds beyond the graceful timeout: s6 kills the server after three; the rest is for other services."""


def podman_run(app: App, facts: Facts) -> tuple[str, ...]:
    """Options and image, without `podman run` itself and without what only systemd knows (the cid file)."""
    return (
        f"--name={app.names.container(facts.slot)}",
        "--replace",
        "--rm",
        "--detach",
        "--pull=never",
        "--cgroups=no-conmon",
        "--sdnotify=conmon",
        "--log-driver=journald",
        f"--stop-timeout={stop_timeout(app)}",
        *_short_labels(),
        *_isolation(app),
        *_mounts(app, facts),
        *_slot(app, facts),
        *_socket(app, facts),
        *_network(app, facts),
        f"--publish=127.0.0.1:{facts.port}:{PORT}",
        *_environment(facts),
        *_health(app, facts),
        *_limits(app, facts),
        facts.image,
    )


def hook_run(app: App, facts: Facts) -> tuple[str, ...]:
    """The same for the release hook: a container next to the slots, identical in all that the app sees.

    Empty where the app has no such hook.
    """
    if not app.hooks.release:
        return ()
    return (
        f"--name={app.names.hook_container}",
        "--replace",
        "--rm",
        "--pull=never",
        "--no-healthcheck",
        "--log-driver=none",
        *_short_labels(),
        *_network(app, facts),
        *_isolation(app),
        *_mounts(app, facts),
        *_environment(facts),
        *_limits(app, facts),
        f"--entrypoint={LIB}/app-env",
        facts.image,
        app.names.command("release"),
    )


def once_run(app: App, facts: Facts) -> tuple[str, ...]:
    """The same for a one-off command, whose words follow: in no slot, so no deploy stops it.

    The caller adds name, terminal and log. It has the limits of a slot, in addition to those of the slots.
    """
    return (
        "--rm",
        "--pull=never",
        "--no-healthcheck",
        f"--stop-timeout={stop_timeout(app)}",
        *_short_labels(),
        *_network(app, facts),
        *_isolation(app),
        *_mounts(app, facts),
        *_environment(facts),
        *_limits(app, facts),
        f"--entrypoint={LIB}/run-once",
        facts.image,
    )


def rehearsal_run(app: App, facts: Facts) -> tuple[str, ...]:
    """The same for the rehearsal of an archive, whose folder is the deployment's folder in the facts.

    Like the slots in everything that the app can see, but without a network, so its startup has no outside
    effects. As a slot that never serves, it runs no scheduled job and no exclusive process.
    """
    return (
        f"--name={app.names.rehearsal_container}",
        "--replace",
        "--pull=never",
        "--network=none",
        "--no-healthcheck",
        "--log-driver=k8s-file",
        *_short_labels(),
        *_isolation(app),
        *_mounts(app, facts),
        *_environment(facts),
        "--env=NUWA_SLOT=rehearsal",
        "--env=NUWA_RUNTIME=/nonexistent",
        *_limits(app, facts),
        facts.image,
    )


def log_folder(facts: Facts) -> str:
    """The folder for a container's /var/log. Long-running containers would rotate each other's files."""
    folder = f"{facts.directory}/volumes/log"
    return folder if facts.replica == 1 else f"{folder}/replica-{facts.replica}"


def listens_on_socket(app: App, facts: Facts) -> bool:
    """Whether the server listens on a socket on the host. Apache cannot; SELinux denies nginx access."""
    return app.server.kind != "mod_wsgi" and not facts.selinux


def stop_timeout(app: App) -> int:
    """Seconds from the request to stop to the kill: server and processes stop together, the rest later."""
    slowest = max((process.stop_timeout for process in app.process), default=0)
    return max(app.server.graceful_timeout, slowest) + STOP_MARGIN_S


def start_timeout(app: App) -> int:
    """Seconds within which a container has to answer: the manifest's start period and one last check."""
    return app.health.start_period + app.health.timeout + 5


def limit_sending(app: App) -> tuple[str, ...]:
    """The command that limits traffic sent through eth0 in the current network namespace; empty without
    `limits.network`."""
    rate = app.limits.network
    if rate is None:
        return ()
    burst = max(MIN_BURST_BYTES, rate // 8 // BURSTS_A_SECOND)
    bucket = ("tbf", "rate", f"{rate}bit", "burst", str(burst), "latency", f"{LATENCY_MS}ms")
    return ("tc", "qdisc", "replace", "dev", "eth0", "root", *bucket)


def warnings(app: App, facts: Facts) -> list[str]:
    """Settings in the manifest that this host cannot apply: reported, never ignored silently."""
    found = []
    if app.limits.memory_high is not None and facts.cgroup == 1:
        found.append("limits.memory_high has no effect: it needs cgroup v2, which this host lacks")
    if app.limits.io_weight is not None and not facts.io_weight:
        found.append("limits.io_weight has no effect: this kernel has no I/O weights")
    for index, volume in enumerate(app.volume):
        if volume.url and facts.selinux:
            found.append(
                f"volume[{index}].url: SELinux does not let nginx read a container's files: "
                f"the app itself answers below {volume.url}"
            )
    if not _kills_unhealthy(facts):
        found.append("podman before 4.3 does not kill an unhealthy container: only monit restarts it")
    return found


def _short_labels() -> list[str]:
    """podman writes all labels of a container into the journal with each event, including each health check.

    The long labels are read from the image; on the container they are empty.
    """
    return [f"--label={name}=" for name in (LABEL_MANIFEST, LABEL_RUN_SETUP, LABEL_SETUP)]


def _isolation(app: App) -> list[str]:
    return [
        "--read-only",
        "--env=S6_READ_ONLY_ROOT=1",
        *(f"--tmpfs={mount},size={app.limits.tmp_bytes}" for mount in TMPFS),
        "--cap-drop=all",
        *(f"--cap-add={capability}" for capability in CAPABILITIES),
        "--security-opt=no-new-privileges",
    ]


def _mounts(app: App, facts: Facts) -> list[str]:
    """Volumes that two slots may share get SELinux's shared label (z), exclusive ones a private one (Z)."""
    volumes = f"{facts.directory}/volumes"
    mounts = [
        _mount(facts, log_folder(facts), LOG, "rw", "z"),
        _mount(facts, f"{volumes}/secrets", SECRETS, "ro", "z"),
    ]
    return mounts + [_volume(facts, f"{volumes}/{volume.name}", volume) for volume in app.volume]


def _volume(facts: Facts, source: str, volume: Volume) -> str:
    access = "ro" if volume.policy == "read-only" else "rw"
    return _mount(facts, source, volume.path, access, "Z" if volume.policy == "exclusive" else "z")


def _mount(facts: Facts, source: str, target: str, access: str, label: str) -> str:
    options = [access, "nosuid", "nodev", *([label] if facts.selinux else [])]
    return f"--volume={source}:{target}:{','.join(options)}"


def _slot(app: App, facts: Facts) -> list[str]:
    """The name of the slot, and how it learns whether it serves: see images/base/rootfs/usr/lib/nuwa/slot."""
    runtime, jobs = app.names.runtime_folder, app.names.jobs_folder
    return [
        _mount(facts, runtime, runtime, "ro", "z"),
        _mount(facts, jobs, jobs, "rw", "z"),
        f"--env=NUWA_SLOT={facts.slot}",
        f"--env=NUWA_RUNTIME={runtime}",
    ]


def _socket(app: App, facts: Facts) -> list[str]:
    """The server's socket has the same path inside and outside; bin/deploy uses it to count connections."""
    if not listens_on_socket(app, facts):
        return []
    folder = app.names.socket_folder(facts.slot)
    return [f"--volume={folder}:{folder}:rw,nosuid,nodev", f"--env=NUWA_SOCKET={folder}/{SOCKET}"]


def make_network(app: App, facts: Facts) -> tuple[str, ...]:
    """A command that recreates the app's network if it is missing, with its addresses; empty without one."""
    if facts.network is None:
        return ()
    name = app.names.network
    subnet = f"--subnet={facts.network} " if facts.network else ""
    isolated = f"podman network create {' '.join(NETWORK_OPTIONS)} {subnet}{name}"
    # If podman's own file exists, podman need not be asked; but podman does not know a network whose file a
    # power failure left empty. As in bin/run: a podman that cannot isolate it creates it anyway.
    exists = f"test -s /etc/containers/networks/{name}.json || podman network exists {name}"
    return ("/bin/sh", "-c", f"{exists} || {isolated} || podman network create {subnet}{name}")


def _network(app: App, facts: Facts) -> list[str]:
    return [] if facts.network is None else [f"--network={app.names.network}"]


def _environment(facts: Facts) -> list[str]:
    """Variables of the host (bin/config) override those of the image, since they are set on the container."""
    own = [f"--env={name}={value}" for name, value in sorted(facts.variables.items())]
    return [*own, f"--env=NUWA_HOST={facts.host}", f"--env=NUWA_DOMAINS={' '.join(facts.domains)}"]


def _kills_unhealthy(facts: Facts) -> bool:
    return facts.podman >= (4, 3)


def _health(app: App, facts: Facts) -> list[str]:
    health = app.health
    return [
        f'--health-cmd=["{LIB}/healthcheck"]',
        f"--health-interval={health.interval}s",
        f"--health-timeout={health.timeout + 5}s",
        f"--health-retries={health.retries}",
        f"--health-start-period={health.start_period}s",
        *(["--health-on-failure=kill"] if _kills_unhealthy(facts) else []),
    ]


def _limits(app: App, facts: Facts) -> list[str]:
    limits = app.limits
    options = [f"--pids-limit={limits.pids}"]
    if limits.memory_max is not None:
        options += [f"--memory={limits.memory_max}", f"--memory-swap={limits.memory_max}"]
    if limits.memory_low is not None:
        options.append(f"--memory-reservation={limits.memory_low}")
    if limits.memory_high is not None and facts.cgroup == 2:
        options.append(f"--cgroup-conf=memory.high={limits.memory_high}")
    if limits.cpu is not None:
        options.append(f"--cpus={limits.cpu:g}")
    if limits.io_weight is not None and facts.io_weight:
        options.append(_weight(limits.io_weight, facts))
    if limits.open_files is not None:
        options.append(f"--ulimit=nofile={limits.open_files}:{limits.open_files}")
    return options


def _weight(weight: int, facts: Facts) -> str:
    """cgroup v2 takes 1 to 10000 unchanged; v1 takes 10 to 1000, mapped linearly."""
    if facts.cgroup == 2:
        return f"--cgroup-conf=io.weight={weight}"
    return f"--blkio-weight={10 + (weight - 1) * 990 // 9999}"
