"""What a host is, what it lacks, and what the deployment's folder contains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nuwa.architecture import OFFERED, of_machine
from nuwa.errors import RemoteError
from nuwa.manifest.model import App
from nuwa.remote.ssh import Connection
from nuwa.remote.target import Target
from nuwa.render.distributions import Distribution, find


@dataclass(frozen=True)
class HostState:
    """The state of a host when it was inspected."""

    target: Target
    distribution: Distribution
    architecture: str
    lacks: tuple[str, ...]
    """Names of missing programs."""
    app: str
    """The app whose deployment is in the folder; empty: none, `?`: something else."""
    scripts: str
    """The id of the image that the scripts in bin/ come from."""
    release: str
    """The id of the image that serves; empty before the first start."""
    active: bool
    unfinished: bool
    """A deploy was interrupted there."""
    has_site: bool
    domains: tuple[str, ...]
    """The domains last given to bin/install; empty: none, so those of the image."""
    secrets: frozenset[str]

    @property
    def is_new(self) -> bool:
        """Whether nothing has been started there yet."""
        return not self.release

    def serves(self, image: str) -> bool:
        """Whether it runs this image, and nothing remains to be done."""
        return self.active and not self.unfinished and self.release == image == self.scripts

    @property
    def remedy(self) -> str:
        """The command that installs what is missing; empty if no package provides it."""
        packages = self.packages
        if not packages:
            return ""
        row = self.distribution
        before = [*row.enable] if any(name in row.elsewhere for name in packages) else []
        return " && ".join([*before, f"{row.install} {' '.join(packages)}"])

    @property
    def packages(self) -> list[str]:
        by_program = dict(self.distribution.packages)
        return sorted({by_program[program] for program in self.lacks if program in by_program})


def look(connection: Connection, app: App) -> HostState:
    """Inspect a host without changing anything.

    Raises:
        RemoteError: it cannot be reached, or its distribution is not supported.
    """
    target, names = connection.target, app.names
    words = (target.directory, names.unit("blue"), names.unit("green"), *_programs())
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in connection.run("look", *words).stdout.splitlines():
        key, _, value = line.partition("\t")
        found[key].append(value)

    def first(key: str) -> str:
        return (found[key] or [""])[0]

    try:
        distribution = find(first("ID"), first("VERSION_ID"))
    except KeyError as error:
        raise RemoteError(f"{target.destination}: {error.args[0]}") from None
    offered = dict(distribution.packages)
    return HostState(
        target=target,
        distribution=distribution,
        architecture=of_machine(first("machine")),
        lacks=tuple(name for name in found["lacks"] if name in offered or name == "systemd"),
        app=first("app"),
        scripts=first("scripts"),
        release=first("release"),
        active=bool(found["active"]),
        unfinished=bool(found["unfinished"]),
        has_site=bool(found["site"]),
        domains=tuple(found["domain"]),
        secrets=frozenset(found["secret"]),
    )


def _programs() -> Sequence[str]:
    """Programs that any distribution needs; the row of each distribution says which ones it needs."""
    from nuwa.render.distributions import DISTRIBUTIONS

    return sorted({program for row in DISTRIBUTIONS.values() for program, _ in row.packages})


def check(state: HostState, app: App, architecture: str) -> None:
    """Refuse a host that the app cannot be deployed to, before anything is sent there.

    Args:
        architecture: the image's; empty: not known yet.

    Raises:
        RemoteError: the folder is another app's, programs are missing, or the processor does not match.
    """
    check_folder(state, app)
    check_architecture(state, architecture)
    if state.lacks:
        raise RemoteError(
            f"{state.target.destination} lacks {', '.join(state.lacks)}", hint=_how_to_prepare(state)
        )


def check_folder(state: HostState, app: App) -> None:
    """Refuse a folder that is not the app's.

    Raises:
        RemoteError: it belongs to another app, or holds something else.
    """
    target = state.target
    if state.app == "?":
        raise RemoteError(
            f"{target.directory} on {target.destination} is not empty, and no deployment of nuwa's",
            hint=f"Name another folder: {target.host}:/srv/{app.name}",
        )
    if state.app not in ("", app.name):
        raise RemoteError(
            f"{target.directory} on {target.destination} is the deployment of {state.app}, not of {app.name}",
            hint=f"Name another folder: {target.host}:/srv/{app.name}",
        )


def check_architecture(state: HostState, architecture: str) -> None:
    """Refuse an image that the host's processor cannot run.

    Raises:
        RemoteError: it is for another processor.
    """
    if architecture and architecture != state.architecture:
        raise RemoteError(
            f"the image is for {architecture}, and {state.target.destination} is {state.architecture}",
            hint=_how_to_build(state),
        )


def _how_to_build(state: HostState) -> str:
    there = f"uild there: nuwa deploy --build-on {state.target.host} {state.target}"
    wanted = f"linux/{state.architecture}"
    if wanted not in OFFERED:
        return f"B{there}"
    return f"Build for it: nuwa deploy --platform {wanted} {state.target}\nOr b{there}"


def _how_to_prepare(state: HostState) -> str:
    if not state.remedy:
        return "A host has to be started by systemd."
    note = f" ({state.distribution.note})" if state.distribution.note else ""
    return (
        f"On {state.distribution.title}, as root: {state.remedy}{note}\n"
        f"Or have it done: nuwa deploy --prepare {state.target}"
    )


def missing_secrets(wanted: Iterable[str], state: HostState) -> list[str]:
    """The secrets that the operator provides and that the deployment does not have yet."""
    return [name for name in wanted if name not in state.secrets]
