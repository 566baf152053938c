"""`nuwa deploy`: build, send hosts what they lack, and have the image's own scripts deploy it."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuwa.architecture import Chosen, chosen_or_own, foreign
from nuwa.cli import builds, shared
from nuwa.errors import ConnectionLost, NuwaError, UsageError

if TYPE_CHECKING:
    from nuwa.console import Progress
    from nuwa.engine import Engine
    from nuwa.image.unchanged import Memory
    from nuwa.manifest.model import App
    from nuwa.remote.deploy import Outcome
    from nuwa.remote.host import HostState
    from nuwa.remote.source import LocalSource, Source
    from nuwa.remote.ssh import Connection

app = shared.new_app()

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TARGET]…",
        help="[USER@]HOST[:/FOLDER], or a group in nuwa.toml; default: deploy.hosts.",
        show_default=False,
    ),
]
Project = Annotated[Path, typer.Option("--project", help="The project's folder.", show_default="here")]


@shared.command(app)
def deploy(
    targets: Targets = None,
    domain: Annotated[
        list[str] | None,
        typer.Option(
            help="A domain of the site, the canonical one first; may be repeated.", show_default=False
        ),
    ] = None,
    family: shared.Family = None,
    prepare: Annotated[bool, typer.Option("--prepare", help="Install programs that a host lacks.")] = False,
    build_on: Annotated[
        str,
        typer.Option(
            "--build-on", metavar="[USER@]HOST", help="Build on a host that has podman.", show_default=False
        ),
    ] = "",
    platform: shared.Platform = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    project: Project = Path(),
) -> None:
    """Build the image, send the hosts the layers that they lack over ssh, and deploy it there.

    A host does not need nuwa, only the programs that bin/run needs: podman, nginx and so on. The first time,
    the image's Setup, bin/run and bin/install run there; from then on, bin/deploy. Several hosts are deployed
    to one after another; the first failure stops the command. If it was interrupted, run it again: it sends
    only the rest.
    """
    from nuwa.remote import target
    from nuwa.remote.ssh import connect

    wanted = builds.Wanted(project, family, architecture=foreign(platform))
    memory = wanted.memory()
    made = shared.load_app(project, family)
    progress = shared.progress()
    chosen = target.choose(made, targets or [], _domains(domain))
    with _repeatable(), ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        # While ssh logs in, podman is queried and the code of builds is loaded.
        engine = None if build_on else pool.submit(_engine)
        connections = [stack.enter_context(connect(one)) for one in chosen]
        states = _looked_at(connections, made, prepare=prepare, yes=yes, progress=progress)
        _check(states, made, "" if build_on and not platform else chosen_or_own(platform))
        secrets = [_secrets(made, state, project) for state in states]
        hosts = list(zip(connections, states, secrets, strict=True))
        source = stack.enter_context(
            _built_here(engine.result(), made, wanted, memory, progress)
            if engine
            else _built_there(made, project, build_on, platform, progress)
        )
        outcomes = _deploy(made, source, hosts, progress)
    progress.result(
        {"ok": True, "hosts": [dataclasses.asdict(outcome) for outcome in outcomes]}, _summary(outcomes)
    )


@contextmanager
def _repeatable() -> Iterator[None]:
    """Give a lost connection the hint that fits a deploy: repeated, it resumes."""
    try:
        yield
    except ConnectionLost as error:
        error.hint = "Run the same command again: it resumes."
        raise


def _domains(given: Sequence[str] | None) -> tuple[str, ...]:
    from nuwa.manifest import checks

    try:
        return tuple(checks.domain(one) for one in given or ())
    except ValueError as error:
        raise UsageError(f"--domain: {error}") from None


def _engine() -> Engine:
    from nuwa.engine import Engine
    from nuwa.image import build  # noqa: F401 - loaded ahead, while ssh logs in

    return Engine.detect()


@contextmanager
def _built_here(
    engine: Engine, made: App, wanted: builds.Wanted, memory: Memory, progress: Progress
) -> Iterator[LocalSource]:
    from nuwa.remote import source

    built = builds.built(wanted, memory, lambda: made, lambda: engine, progress)
    image = engine.image(built.id)
    if image is None:
        raise NuwaError(f"{built.tag} was removed before it could be sent", hint="Run the command again.")
    with source.local(engine, image) as local:
        yield local


@contextmanager
def _built_there(
    made: App, project: Path, where: str, platform: Chosen | None, progress: Progress
) -> Iterator[Source]:
    from nuwa.remote import build_on, build_settings, target
    from nuwa.remote.source import TEMPORARY
    from nuwa.remote.ssh import connect

    place = target.parse(where, made.name)
    with (
        connect(place) as connection,
        tempfile.TemporaryDirectory(prefix="nuwa-deploy-", dir=TEMPORARY) as folder,
    ):
        for name in build_settings.staying(made, project):
            progress.note(
                f"{name} names a folder of this machine, so it has no effect on {place.destination}"
            )
        with progress.step(f"{place.destination}: build") as step:
            words = ["--family", made.image.family, *(["--platform", platform] if platform else [])]
            built = build_on.build(connection, made, project, words, step)
        yield build_on.BuiltThere(connection, build_on.inspect(connection, built), Path(folder))


def _deploy(
    made: App,
    source: Source,
    hosts: Sequence[tuple[Connection, HostState, dict[str, str]]],
    progress: Progress,
) -> list[Outcome]:
    from nuwa.remote import deploy as remote
    from nuwa.remote import host

    for _, state, _ in hosts:
        host.check_architecture(state, source.image.architecture)
    release = remote.Release(source, made.tag, made.app.domains, _pushed(made, source, progress))
    outcomes: list[Outcome] = []
    for connection, state, secrets in hosts:
        try:
            outcomes.append(remote.deploy(connection, state, release, secrets, progress))
        except NuwaError as error:
            raise _with_rest(error, [str(item[1].target) for item in hosts], len(outcomes)) from None
    return outcomes


def _pushed(made: App, source: Source, progress: Progress) -> str:
    """The reference in the manifest's registry; empty if it names none, or if the image is not here."""
    from nuwa.remote import registry
    from nuwa.remote.source import LocalSource

    if not made.deploy.registry or not isinstance(source, LocalSource):
        return ""
    with progress.step(f"push {made.deploy.registry}"):
        tag = registry.tag(made.app.version, source.image.architecture)
        return registry.push(source.engine, source.image.id, f"{made.deploy.registry}:{tag}")


def _with_rest(error: NuwaError, names: Sequence[str], done: int) -> NuwaError:
    """The error, with the state of the hosts before and after the failed one."""
    before, after = names[:done], names[done + 1 :]
    if before:
        error.details += f"\nThe new release serves on {', '.join(before)}."
    if after:
        error.details += f"\nNot touched: {', '.join(after)}."
    error.details = error.details.strip()
    return error


def _looked_at(
    connections: Sequence[Connection], made: App, *, prepare: bool, yes: bool, progress: Progress
) -> list[HostState]:
    """The state of each host, after missing packages were installed if that was requested."""
    from nuwa.remote import host

    states = [host.look(connection, made) for connection in connections]
    if not prepare:
        return states
    return [_prepared(*pair, made, yes, progress) for pair in zip(connections, states, strict=True)]


def _check(states: Sequence[HostState], made: App, architecture: str) -> None:
    """Check that every host can take the release, before anything is built.

    Args:
        architecture: of the image; empty if it is not known yet.
    """
    from nuwa.remote import host

    for state in states:
        host.check(state, made, architecture)
        _check_domains(state, made)


def _check_domains(state: HostState, made: App) -> None:
    if not (state.target.domains or state.domains or made.app.domains):
        raise UsageError(
            f"which domains does the site on {state.target.destination} have?",
            hint=f"nuwa deploy {state.target} --domain www.example.com, or [app] domains in nuwa.toml.",
        )


def _prepared(
    connection: Connection, state: HostState, made: App, yes: bool, progress: Progress
) -> HostState:
    from nuwa.remote import deploy as remote
    from nuwa.remote import host

    if not state.remedy:
        return state
    progress.note(f"{state.target.destination} lacks {', '.join(state.lacks)}. As root there: {state.remedy}")
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("not a terminal", hint="Run it again with --yes to confirm.")
        if not typer.confirm("Continue?", err=True):
            raise NuwaError("nothing was changed")
    remote.prepare(connection, state, progress)
    return host.look(connection, made)


def _secrets(made: App, state: HostState, project: Path) -> dict[str, str]:
    """Secrets that the deployment lacks: from the environment, else from the sources of nuwa.toml, else
    prompted for, all before anything starts."""
    from nuwa.remote import host, secret_sources

    values = {}
    missing = []
    lacking = host.missing_secrets(made.supplied_secrets, state)
    unknown = [name for name in lacking if not os.environ.get(name)]
    kept = secret_sources.find(made, state.target.group, unknown, project)
    for name in lacking:
        value = os.environ.get(name) or kept.get(name) or _ask(f"{name} for {state.target}: ")
        if value:
            values[name] = value
        else:
            missing.append(name)
    if missing:
        raise UsageError(
            f"secrets are missing on {state.target}: {', '.join(missing)}",
            hint="Set each as an environment variable of that name, or run this in a terminal.",
        )
    for name in made.backup.secrets if made.backup else ():
        if name not in state.secrets and (given := os.environ.get(name)):
            values[name] = given
    return values


def _ask(prompt: str) -> str:
    import getpass

    return getpass.getpass(prompt) if sys.stdin.isatty() and not shared.settings.json else ""


def _summary(outcomes: Sequence[Outcome]) -> str:
    from nuwa.humanize import size

    lines = []
    for outcome in outcomes:
        how = f"{size(outcome.bytes)} sent, {outcome.seconds:.1f} s" if outcome.changed else "nothing changed"
        lines.append(f"{outcome.address or outcome.host} ({outcome.host}): {how}")
    return "\n".join(lines)
