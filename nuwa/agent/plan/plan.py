"""Turns a configuration and facts about the host into the host's files. Pure: nothing is read or written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
from nuwa.templating import render

Plan = dict[str, HostFile]
"""Files by absolute path; the group determines what is reloaded: systemd, nginx or log."""


def make(loaded: Loaded, facts: Facts, templates: str, where: paths.Paths) -> Plan:
    """Every file that the configuration asks for.

    Args:
        templates: the folder of templates.

    Raises:
        ManifestError: a script is missing, or a unit file or nginx cannot represent a value.
    """
    rendered = _Rendered(templates)
    _render_units(rendered, loaded, facts, where)
    _render_slices(rendered, loaded, where)
    for page in router.pages(loaded, facts, where):
        rendered.add(where.nginx / page.file, "nginx", page.template, page.about, **page.values)
    for page in log_files.pages(loaded, facts, where):
        rendered.add(page.file, "log", page.template, page.about, **page.values)
    problems = [*_problems(loaded, facts), *rendered.problems]
    if problems:
        raise ManifestError(str(where.config), problems)
    return rendered.files


@dataclass
class _Rendered:
    """The files so far, and the problems found while rendering them."""

    templates: str
    files: Plan = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(
        self, path: object, group: str, template: str, about: str, mode: int = 0o644, **values: object
    ) -> None:
        """Render a template of `templates/agent`.

        Args:
            about: the place in the configuration that a problem refers to.
        """
        try:
            text = render(self.templates, f"agent/{template}", **values)
        except CannotQuote as error:
            self.problems.append(Problem(about, str(error)))
        else:
            self.files[str(path)] = HostFile(group, mode, text)


def _render_units(rendered: _Rendered, loaded: Loaded, facts: Facts, where: paths.Paths) -> None:
    for name, slot, process in _instances(loaded):
        if not facts.scripts[name].exists:
            continue
        unit = UnitName(name, slot)
        private = where.environments / naming.environment_file(unit) if process.env else None
        view = view_of(loaded, name, slot, process, facts, private)
        about = dotted(("processes", name))
        rendered.add(where.units / str(unit), "systemd", "process.service.j2", about, view=view)
        if private:
            about = dotted(("processes", name, "env"))
            rendered.add(private, "systemd", "process.env.j2", about, 0o600, env=process.env)


def _render_slices(rendered: _Rendered, loaded: Loaded, where: paths.Paths) -> None:
    slices = (
        (naming.SLICE, "Plain processes of nuwa", loaded.config.limits),
        (naming.HOOKS_SLICE, "Commands of nuwa's webhooks", Limits(cpu_weight=50, io_weight=50)),
    )
    for name, description, limits in slices:
        rendered.add(
            where.units / name, "systemd", "slice.j2", "limits", description=description, limits=limits
        )


def _instances(loaded: Loaded) -> Iterator[tuple[str, str, Process]]:
    """Each unit of a plain process: both slots if it can switch, otherwise the first."""
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
    """What the unit's template needs to know about one instance."""

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
    """The values for the unit of one instance of a plain process.

    Args:
        private: the file with the environment variables from the configuration.
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
