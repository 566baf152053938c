"""From the manifest to the files of the app's image: services, commands, environment, settings. Pure.

The programs are in `images/*/rootfs` and are the same for every app. Only what depends on the manifest is
generated: the set of services, their timeouts, and one script for each command line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from nuwa import quoting
from nuwa.image.families import Family
from nuwa.image.files import File, Files
from nuwa.manifest import checks
from nuwa.manifest.model import App, Cron, Process
from nuwa.names import LIB, LOG, PROJECT, VENV, Names
from nuwa.render.static_index import TYPES

SERVICES = "/etc/s6-overlay/s6-rc.d"
ENABLED = "/etc/s6-overlay/user-bundles.d/user/contents.d"
MAX_LOG_BYTES = 10 * 1024 * 1024
"""The size at which a log file is rotated while it is written."""
KILL_MARGIN = 3
"""Seconds that the server gets beyond its graceful timeout before s6 kills it."""

_SCRIPT = 0o755
_LAST = ("env", "-u", "SHLVL")


def files(app: App, family: Family) -> Files:
    """Every generated file of the app's image.

    Args:
        app: the validated manifest.
        family: the distribution that the image is based on; its Apache paths are used for mod_wsgi.
    """
    made: dict[str, File] = {
        f"{LIB}/server.json": _json(_server_settings(app)),
        f"{LIB}/settings": _settings(app),
        f"{LIB}/rsyslog-services.conf": _log_files(app),
        **_environment(app),
        **_server(app),
        **_commands(app, family),
    }
    for process in app.process:
        for member in process.members:
            made |= _process(Names.process_service(member), process.stop_timeout)
    if _exclusive(app):
        made |= _handover()
    if app.cron:
        made["/etc/cron.d/nuwa-app"] = _crontab(app)
    if app.database and app.database.env:
        made[f"{LIB}/database-env"] = _database_env(app.database.env)
    if app.server.kind == "mod_wsgi":
        made[f"{LIB}/apache/app.conf"] = _apache(app, family)
    return made


def health_host(app: App) -> str:
    """The Host header of a health check: the first domain, or one that matches it if it is a wildcard."""
    domain = next(iter(app.app.domains), "localhost")
    return domain.replace("*.", "www.", 1)


def _json(value: object) -> File:
    return File.text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _server_settings(app: App) -> dict[str, object]:
    """The settings that gunicorn.conf.py and mod_wsgi's wsgi.py read."""
    server = app.server
    return {
        "name": app.name,
        "kind": server.kind,
        "module": server.module,
        "threads": server.threads,
        "timeout": server.timeout,
        "graceful_timeout": server.graceful_timeout,
        "keepalive": server.keepalive,
        "health_path": app.health.path,
        "front": _front(app),
    }


def _front(app: App) -> dict[str, object]:
    """What nuwa_front.py does if no nginx of nuwa's is in front of it."""
    return {
        "max_body": app.server.max_body,
        "bodies": sorted(
            ([rule.path, rule.max_body] for rule in app.path if rule.max_body),
            key=lambda item: -len(str(item[0])),
        ),
        "static_url": app.static.url if app.static else "",
        "static_folder": f"{PROJECT}/{app.static.directory}" if app.static else "",
        "uploads": [[volume.url, volume.path] for volume in app.volume if volume.url],
        "types": TYPES,
        "hsts": app.tls.challenge != "self-signed",
    }


def _settings(app: App) -> File:
    """The settings that the shell scripts read, as assignments."""
    values = {
        "NUWA_SERVER_KIND": app.server.kind,
        "NUWA_WORKERS": app.server.workers,
        "NUWA_JEMALLOC": "yes" if app.extras.jemalloc else "no",
        "NUWA_HEALTH_PATH": app.health.path,
        "NUWA_HEALTH_HOST": health_host(app),
        "NUWA_HEALTH_TIMEOUT": app.health.timeout,
        "NUWA_EXCLUSIVE_PROCESSES": " ".join(_exclusive(app)),
    }
    lines = (f"{name}={quoting.sh(value)}\n" for name, value in values.items())
    return File.text("# Generated from nuwa.toml.\n" + "".join(lines))


def _environment(app: App) -> Files:
    """One file per variable, as s6-envdir reads them: the value and one newline."""
    variables = {"TZ": app.extras.timezone, **app.env.clear}
    return {f"{LIB}/env/{name}": File.text(f"{value}\n") for name, value in variables.items()}


def _service(name: str, settings: dict[str, object], depends: tuple[str, ...]) -> dict[str, File]:
    """The definition of a longrun service: each setting is a small file with one line."""
    folder = f"{SERVICES}/{name}"
    settings = {"type": "longrun", **settings}
    made = {f"{folder}/{key}": File.text(f"{value}\n") for key, value in settings.items()}
    for dependency in ("base", *depends):
        made[f"{folder}/dependencies.d/{dependency}"] = File(b"")
    made[f"{ENABLED}/{name}"] = File(b"")
    return made


def _script(*lines: str) -> File:
    """A run or finish script in execline: it only calls the program in `images/` that does the work."""
    return File.text("\n".join(["#!/command/execlineb -S0", *lines, ""]), _SCRIPT)


def _logger(name: str) -> dict[str, File]:
    """The service that logs what the service `name` prints.

    It is a service of its own, so that it outlives the one that it logs: it stops after it, and is restarted
    when killed. It waits at the pipe until the service opens it, and ends with the service's last process.
    """
    made = _service(f"log-{name}", {"timeout-kill": 5000}, ("rsyslogd",))
    made[f"{SERVICES}/log-{name}/run"] = _script(f"redirfd -r 0 /run/nuwa/log/{name}", f"{LIB}/log-as {name}")
    return made


def _server(app: App) -> dict[str, File]:
    # No readiness notification for s6: until then, s6-overlay would ignore requests to stop. HTTP shows it.
    settings: dict[str, object] = {"timeout-kill": 1000 * (app.server.graceful_timeout + KILL_MARGIN)}
    if app.server.kind == "mod_wsgi":
        # For Apache, SIGTERM means to stop immediately, and SIGWINCH to stop gracefully.
        settings["down-signal"] = "SIGWINCH"
    folder = f"{SERVICES}/server"
    return {
        **_logger("server"),
        **_service("server", settings, ("log-server",)),
        f"{folder}/run": File.text(f"#!/bin/sh\n. {LIB}/run-server\n", _SCRIPT),
        f"{folder}/finish": _script(f"{LIB}/finish-server $@"),
    }


def _process(name: str, stop_timeout: int) -> dict[str, File]:
    folder = f"{SERVICES}/{name}"
    return {
        **_logger(name),
        **_service(name, {"timeout-kill": 1000 * stop_timeout}, (f"log-{name}",)),
        f"{folder}/run": _script(f"{LIB}/run-process {name}"),
        f"{folder}/finish": _script(f"{LIB}/finish-process $@"),
    }


def _log_files(app: App) -> File:
    """rsyslog's file for each service, with the size at which it is rotated."""
    names = ["server", *(Names.process_service(name) for process in app.process for name in process.members)]
    outputs, rules = [], []
    for number, name in enumerate(names):
        file = f"{LOG}/{name}.log"
        outputs.append(f"$outchannel service{number},{file},{MAX_LOG_BYTES},{LIB}/rotate-logs {file}\n")
        rules.append(
            f'  if $programname == "{name}" then {{\n    :omfile:$service{number};line\n    stop\n  }}\n'
        )
    head = (
        "# Generated from nuwa.toml.\n" + "".join(outputs) + 'ruleset(name="services") {\n' + "".join(rules)
    )
    cron = '  if $programname startswith "cron-" then {\n    :omfile:$cron;line\n    stop\n  }\n'
    return File.text(f"{head}{cron}  :omfile:$syslog;line\n}}\n")


def _exclusive(app: App) -> list[str]:
    """The services of processes that must never run in two slots at once."""
    return [Names.process_service(process.name) for process in app.process if process.handover == "exclusive"]


def _handover() -> dict[str, File]:
    """The service that stops exclusive processes in a slot that no longer serves."""
    made = _service("handover", {"timeout-kill": 2000}, ())
    made[f"{SERVICES}/handover/run"] = _script(f"{LIB}/run-handover")
    return made


def _commands(app: App, family: Family) -> dict[str, File]:
    """One script per command line, so that no other file has to quote it.

    The last command before the app's own program unsets what sh exports itself if it is bash.
    """
    argvs = {Names.process_service(process.name): _LAST + process.command for process in app.process}
    for process in app.process:
        if process.replicas > 1:
            argvs |= _replica_argvs(process)
    argvs |= {f"cron-{job.name}": _cron_argv(job) for job in app.cron}
    argvs |= {f"build-{number}": command for number, command in enumerate(app.build.commands, start=1)}
    argvs |= {f"check-{number}": command for number, command in enumerate(app.hooks.checks, start=1)}
    if app.hooks.release:
        argvs["release"] = _LAST + app.hooks.release
    lines = {name: f"exec {quoting.sh_argv(argv)}" for name, argv in argvs.items()}
    lines["server"] = f"set -- {quoting.sh_argv(_server_argv(app, family))}\n. {LIB}/serve"
    for name, command in app.command.items():
        lines[Names.once_command(name)] = f'exec {quoting.sh_argv(_LAST + command.run)} "$@"'
    return {Names.command(name): File.text(f"#!/bin/sh\n{line}\n", _SCRIPT) for name, line in lines.items()}


def _replica_argvs(process: Process) -> dict[str, tuple[str, ...]]:
    return {
        Names.process_service(member): (*_LAST, f"NUWA_REPLICA={number}", *process.command)
        for number, member in enumerate(process.members, start=1)
    }


def _cron_argv(job: Cron) -> tuple[str, ...]:
    """A job without a time (@reboot) waits until its slot serves; slots have a minute to claim any other."""
    option = ("--at-start",) if job.schedule == "@reboot" else ()
    return (f"{LIB}/cron-job", *option, job.name, *job.command)


def _server_argv(app: App, family: Family) -> tuple[str, ...]:
    if app.server.kind == "mod_wsgi":
        return (f"{LIB}/apache/start", family.paths["httpd"])
    return (f"{VENV}/bin/gunicorn", "--config", f"{LIB}/gunicorn.conf.py", app.server.module)


def _database_env(variables: Mapping[str, str]) -> File:
    """What `as-app` reads to put parts of the database address into the app's own variables.

    A part on its own is decoded; in an address it stays as it was written, percent-encoded.
    """
    lines = [
        "# shellcheck shell=dash",
        "# Generated from nuwa.toml: the parts of DATABASE_URL that the app wants.",
    ]
    for name, wanted in variables.items():
        if wanted in checks.ADDRESS_PARTS:
            lines.append(f'export {name}="$nuwa_{wanted}"')
        else:
            pieces = re.split(r"\{(\w+)\}", wanted)
            quoted = (
                quoting.sh(piece) if at % 2 == 0 else f'"$nuwa_raw_{piece}"'
                for at, piece in enumerate(pieces)
            )
            lines.append(f"export {name}={''.join(quoted)}")
    return File.text("".join(f"{line}\n" for line in lines))


def _crontab(app: App) -> File:
    """Jobs start as root and drop privileges in `app-env`: only root can write to the container's output."""
    head = ["# Generated from nuwa.toml.", "SHELL=/bin/sh", 'MAILTO=""']
    jobs = [f"{job.schedule} root {quoting.cron(Names.command(f'cron-{job.name}'))}" for job in app.cron]
    return File.text("\n".join([*head, *jobs]) + "\n")


def _apache(app: App, family: Family) -> File:
    """The first include of httpd.conf: only numbers and paths, which need no quoting."""
    values = {
        "MODULES": family.paths["httpd_modules"],
        "MOD_WSGI": f"{LIB}/mod_wsgi.so",
        "THREADS": app.server.threads,
        "TIMEOUT": app.server.timeout,
        "GRACEFUL_TIMEOUT": app.server.graceful_timeout,
        "KEEPALIVE": app.server.keepalive,
    }
    lines = (f"Define {name} {value}\n" for name, value in values.items())
    return File.text("# Generated from nuwa.toml and the family.\n" + "".join(lines))
