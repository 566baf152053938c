"""Many services at once: one call of systemctl for all, and a result for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from nuwa.agent.apply import lifecycle, switch
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.host import services, systemctl
from nuwa.agent.host.services import Service
from nuwa.agent.paths import Paths
from nuwa.errors import BusyError, NuwaError

MAX_WAITING = 32
"""Services that are waited for in parallel."""
MAX_SWITCHING = 4
"""Services that are switched in parallel, each with two instances."""


def start(chosen: Sequence[Service], paths: Paths, *, again: bool = False) -> list[str]:
    """Start plain processes in parallel, and wait until each answers.

    Args:
        again: stop them first.

    Returns:
        what went wrong, a sentence each.
    """
    with _locked(chosen, paths) as (free, busy):
        fallen = _begin([service.unit for service in free], again)
        faults = [
            f"{service.name} does not start: {fallen[service.unit]} (nuwa log {service.name})"
            for service in free
            if service.unit in fallen
        ]
        begun = [service for service in free if service.unit not in fallen]
        return [*busy, *faults, *_each(lifecycle.wait, begun, MAX_WAITING)]


def _begin(units: Sequence[str], again: bool) -> dict[str, str]:
    """Let systemd start units; returns those that it could not start, each with what systemd says of it."""
    try:
        (systemctl.restart if again else systemctl.start)(units)
    except NuwaError:
        found = systemctl.show(units)
        states = {unit: found.get(unit, {}) for unit in units}
        return {
            unit: services.result(state) or services.status(state)
            for unit, state in states.items()
            if services.status(state) != "running"
        }
    return {}


def renew(chosen: Sequence[Service], loaded: Loaded, paths: Paths) -> list[str]:
    """Restart plain processes that run, without a gap where they can run twice.

    Returns:
        what went wrong, a sentence each.
    """
    twice = [service for service in chosen if service.process and service.process.switches]
    once = [service for service in chosen if service not in twice]
    with _locked(twice, paths) as (free, busy):
        failed = _each(lambda service: switch.switch(service, loaded, paths), free, MAX_SWITCHING)
    return [*start(once, paths, again=True), *busy, *failed]


@contextmanager
def _locked(chosen: Sequence[Service], paths: Paths) -> Iterator[tuple[list[Service], list[str]]]:
    """Be the only one who works on these services: those that are free, and what is said of the others."""
    free, busy = [], []
    with ExitStack() as held:
        for service in chosen:
            try:
                held.enter_context(lifecycle.locked(service.name, paths))
            except BusyError as error:
                busy.append(str(error))
            else:
                free.append(service)
        yield free, busy


def _each(work: Callable[[Service], object], chosen: Sequence[Service], places: int) -> list[str]:
    """Do something with each service, several at a time; returns what failed."""

    def one(service: Service) -> str:
        try:
            work(service)
        except NuwaError as error:
            return str(error)
        return ""

    if not chosen:
        return []
    with ThreadPoolExecutor(min(places, len(chosen))) as pool:
        return [fault for fault in pool.map(one, chosen) if fault]
