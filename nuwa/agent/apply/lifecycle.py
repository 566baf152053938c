"""Start, stop and restart a service of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nuwa.agent import naming
from nuwa.agent.apply import monit, nginx, switch
from nuwa.agent.config import applied
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.host import probes, services, systemctl
from nuwa.agent.host.services import Service
from nuwa.agent.paths import Paths
from nuwa.agent.schemas import Outcome
from nuwa.errors import NuwaError
from nuwa.journal import tail
from nuwa.lock import only_one
from nuwa.process import run


def act(verb: str, name: str, paths: Paths) -> Outcome:
    """Start, stop or restart the service `name`.

    Raises:
        UnknownService: there is none.
        BusyError: another action on it is in progress.
        NuwaError: it failed; the details contain the last lines of its log.
    """
    loaded = applied.load(paths)
    service = services.find(name, loaded, paths)
    with locked(name, paths):
        message = _core(verb, service) if service.kind == "core" else _act(verb, service, loaded, paths)
    after = services.find(name, loaded, paths)
    status = services.status(services.best(after, systemctl.show(after.serving)))
    return {"name": name, "status": status, "message": message}


def run_once(name: str, command: str, paths: Paths) -> Outcome:
    """Have a deployment run one of its one-off commands in the background, as bin/run-once does.

    Raises:
        UnknownService: there is no such service, or it has no such command.
        NuwaError: it was not started; the details say why.
    """
    service = services.find(name, applied.load(paths), paths)
    found = service.deployment
    known = list(found.commands) if found else []
    if found is None or command not in known:
        hint = f"known: {', '.join(known)}" if known else "define commands in nuwa.toml: [command.NAME]"
        raise services.UnknownService(f"{name} has no command {command!r}", hint=hint)
    run([f"{found.folder}/bin/run-once", "--quiet", "--detach", command], cwd=found.folder)
    status = services.status(services.best(service, systemctl.show(service.serving)))
    return {"name": name, "status": status, "message": f"{command} runs"}


@contextmanager
def locked(name: str, paths: Paths) -> Iterator[None]:
    """Hold the lock of a service."""
    with only_one(name, f"another action on {name} is in progress", paths.locks / name):
        yield


def _act(verb: str, service: Service, loaded: Loaded, paths: Paths) -> str:
    if not service.unit:
        folder = service.deployment.folder if service.deployment else ""
        message = f"{service.name}: there is no deployment in {folder}"
        raise NuwaError(message, hint="Run the Setup of its image in that folder.")
    if verb == "stop":
        return stop(service)
    return renew(service, loaded, paths) if verb == "restart" else start(service)


def renew(service: Service, loaded: Loaded, paths: Paths) -> str:
    """Restart a service, without a gap if two instances can run."""
    can_switch = service.process is not None and service.process.switches
    if can_switch and systemctl.is_active(service.unit):
        return switch.switch(service, loaded, paths)
    found = service.deployment
    if found and found.replicas > 1 and any(map(systemctl.is_active, service.serving)):
        run([f"{found.folder}/bin/restart", "--quiet", "--yes"], cwd=found.folder)
        return "restarted, one replica after the other"
    return start(service, again=True)


def stop(service: Service) -> str:
    """Stop a service, whichever slot it runs in."""
    monit.leave_alone(service)
    units = systemctl.there(service.units)
    systemctl.stop(units)
    systemctl.forget_failure(units)
    return "stopped"


def start(service: Service, *, again: bool = False) -> str:
    """Start a service and wait until it answers.

    Args:
        again: stop it first.
    """
    if all(map(systemctl.is_active, service.serving)) and not again:
        return "runs already"
    (systemctl.restart if again else systemctl.start)(service.serving)
    if service.kind == "process":
        wait(service)
    monit.watch(service)
    return "restarted" if again else "started"


def wait(service: Service) -> None:
    """Wait until a plain process that was started answers; without a port it only has to run.

    Raises:
        NuwaError: it does not; the details contain the last lines of its log.
    """
    assert service.process
    found = probes.wait(service.process, service.ports, lambda: systemctl.is_active(service.unit))
    if found:
        raise NuwaError(f"{service.name} was started, but {found}", details=tail([service.unit]))


def _core(verb: str, service: Service) -> str:
    """The host's own services: nginx reloads, so that no request is lost; the agent is not waited for."""
    unit = naming.CORE_UNITS[service.name]
    if service.name == "router" and verb != "stop":
        nginx.check()
        systemctl.reload_or_start(unit)
        return "reloaded or started"
    if verb == "stop":
        systemctl.stop([unit], block=service.name not in ("ci", "dashboard"))
    else:
        run(["systemctl", "--no-block", verb, "--", unit])
    return f"{verb} is in progress"
