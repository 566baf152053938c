"""A configuration and facts about the host become the host's files. Pure: nothing is read or written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nuwa.agent import naming, paths
from nuwa.agent.config import processes, rules
from nuwa.agent.config.model import Limits, Process
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.naming import UnitName
from nuwa.agent.plan import log_files, router
from nuwa.agent.plan.facts import Facts
from nuwa.errors import ManifestError, Problem
from nuwa.manifest.positions import dotted
from nuwa.names import SLOTS
from nuwa.quoting import CannotQuote
from nuwa.render.render import HostFile
from nuwa.templating import Sources, environment

Plan = dict[str, HostFile]
"""Files by absolute path; the group says what is reloaded: systemd, nginx or log."""


def make(loaded: Loaded, facts: Facts, templates: Sources, where: paths.Paths) -> Plan:
    """Every file that the configuration asks for.

    Raises:
        ManifestError: a script that is not there, a value that a unit file or nginx cannot carry.
    """
    problems = [*_problems(loaded, facts)]
    writer = environment(templates)
    files: Plan = {}

    def write(
        path: object, group: str, template: str, about: str, mode: int = 0o644, **values: object
    ) -> None:
        try:
            text = writer.get_template(f"agent/{template}").render(**values)
        except CannotQuote as error:
            problems.append(Problem(about, str(error)))
        else:
            files[str(path)] = HostFile(group, mode, text)

    for name, slot, process in _instances(loaded):
        script = facts.scripts[name]
        if script.exists:
            unit = UnitName(name, slot)
            private = where.environments / naming.environment_file(unit) if process.env else None
            view = view_of(loaded, name, slot, process, facts, private)
            about = dotted(("processes", name))
            write(where.units / str(unit), "systemd", "process.service.j2", about, view=view)
            if private:
                about = dotted(("processes", name, "env"))
                write(private, "systemd", "process.env.j2", about, 0o600, env=process.env)
    write(
        where.units / naming.SLICE,
        "systemd",
        "slice.j2",
        "limits",
        description="Plain processes of nuwa",
        limits=loaded.config.limits,
    )
    write(
        where.units / naming.HOOKS_SLICE,
        "systemd",
        "slice.j2",
        "limits",
        description="Commands of nuwa's webhooks",
        limits=Limits(cpu_weight=50, io_weight=50),
    )
    for page in router.pages(loaded, facts, where):
        write(where.nginx / page.file, "nginx", page.template, page.about, **page.values)
    for page in log_files.pages(loaded, facts, where):
        write(page.file, "log", page.template, page.about, **page.values)
    if problems:
        raise ManifestError(str(where.config), problems)
    return files


def _instances(loaded: Loaded) -> Iterator[tuple[str, str, Process]]:
    """Each unit of a plain process: both slots where it can switch, the first one otherwise."""
    for slot in SLOTS:
        for name, process in loaded.slots[slot].processes.items():
            if not process.is_deployment and (process.switches or slot == SLOTS[0]):
                yield name, slot, process


def _problems(loaded: Loaded, facts: Facts) -> Iterator[Problem]:
    for name, script in facts.scripts.items():
        process = loaded.config.processes[name]
        path = processes.script_path(process, loaded.base)
        about = dotted(("processes", name, "script"))
        if not script.exists:
            yield Problem(about, f"{path} does not exist")
        elif not processes.argv(process, loaded.base, executable=script.executable):
            yield Problem(about, f"{path} is not executable", hint="chmod +x it, or name its runtime")
    for route, target in loaded.config.routes.items():
        host = route.partition("/")[0]
        if target == "dashboard" and host in facts.domains and not loaded.config.dashboard.shared_origin:
            message, hint = rules.shares_origin(host, facts.domains[host])
            yield Problem(dotted(("routes", route)), message, hint=hint)
    if not facts.nginx:
        needy = [name for name, item in loaded.config.processes.items() if item.switches]
        if needy or loaded.config.routes:
            about = dotted(("processes", needy[0], "ports")) if needy else "routes"
            yield Problem(about, "needs nginx, which is not installed", hint="nuwa host check")


@dataclass(frozen=True)
class View:
    """What the unit's template says of one instance."""

    name: str
    source: str
    description: str
    slice: str
    user: str
    cwd: str
    environment: Sequence[tuple[str, str]]
    env_files: Sequence[str]
    argv: tuple[str, ...]
    has_restart_steps: bool
    stop_timeout: int
    limits: Limits


def view_of(
    loaded: Loaded, name: str, slot: str, process: Process, facts: Facts, private: Path | None
) -> View:
    """One instance of a plain process as its unit says it.

    Args:
        private: the file with what the configuration puts into its environment.
    """
    own = processes.absolute(process.env_file, loaded.base) if process.env_file else ""
    script = facts.scripts[name]
    ports = [item.of(slot) for item in loaded.ports[name]]
    return View(
        name=name,
        source=f"{loaded.base}/config.json",
        description=f"{name} ({slot})" if process.switches else name,
        slice=naming.SLICE,
        user=process.user or script.owner,
        cwd=processes.folder(process, loaded.base),
        environment=processes.port_variables(ports),
        env_files=[str(path) for path in (private, own) if path],
        argv=processes.argv(process, loaded.base, executable=script.executable),
        has_restart_steps=facts.systemd >= 254,
        stop_timeout=process.stop_timeout,
        limits=process.limits,
    )
