"""Applies a configuration: all files or none; only the services that it changes are restarted."""

from __future__ import annotations

from nuwa import files
from nuwa.agent.apply import bulk, file_diff, host_files, self_signed
from nuwa.agent.apply.service_diff import Difference
from nuwa.agent.config import advice, applied, ports
from nuwa.agent.config.load import read, validate
from nuwa.agent.config.resolved import EMPTY, Loaded, revision
from nuwa.agent.host import services, sockets, systemctl
from nuwa.agent.naming import UnitName
from nuwa.agent.paths import Paths
from nuwa.agent.plan import facts, plan
from nuwa.agent.schemas import Applied
from nuwa.errors import BusyError, NuwaError
from nuwa.lock import only_one
from nuwa.names import SLOTS
from nuwa.resources import TEMPLATES


class RevisionConflict(NuwaError):
    """The file was changed since it was read."""

    exit_code = BusyError.exit_code


def apply(
    paths: Paths, text: str | None = None, *, expected: str | None = None, dry_run: bool = False
) -> Applied:
    """Apply a configuration.

    Args:
        text: the new content of the file; None: its present content.
        expected: the revision that the file must have, so that no concurrent edit is lost.
        dry_run: change nothing, and return what would change.

    Raises:
        ManifestError: it is not valid; nothing was changed.
        RevisionConflict: the file has another revision.
        BusyError: another configuration is being applied.
    """
    with only_one("config", "a configuration is being applied", paths.locks / ".config"):
        present = read(paths.config) if paths.config.exists() or text is None else EMPTY
        if expected is not None and expected != revision(present):
            raise RevisionConflict(
                f"the configuration was changed in the meantime (it is now {revision(present)})",
                hint="Load it again and make your change there.",
            )
        loaded = _validated(present if text is None else text, paths)
        host = facts.gather(loaded, paths)
        planned = plan.make(loaded, host, str(TEMPLATES), paths)
        found = file_diff.between(planned, paths)
        difference = Difference.between(applied.load(paths), loaded, found, paths)
        warnings = list(advice.given(loaded))
        if not dry_run:
            if text is not None and text != present:
                files.write(paths.config, text, mode=0o600)
            difference.remember(paths)
            _retire(difference.gone, paths)
            files.write_json(paths.ports, ports.to_json(loaded.ports))
            self_signed.make_missing(host.tls.items())
            warnings += host_files.write(found, planned)
            applied.save(loaded, paths)
            warnings += _bring_up(difference, loaded, paths)
            difference.forget(paths)
    return {
        "revision": loaded.revision,
        "changes": found,
        "started": difference.new,
        "restarted": difference.changed,
        "stopped": difference.gone,
        "warnings": warnings,
    }


def _validated(text: str, paths: Paths) -> Loaded:
    before = ports.from_json(files.read_json(paths.ports, {}))
    own = {number for item in before.values() for port in item for number in vars(port).values()}
    taken = sockets.listening() - own
    return validate(text, str(paths.config), before=before, taken=taken, base=str(paths.folder))


def _retire(names: list[str], paths: Paths) -> None:
    """Stop services that the configuration no longer contains."""
    units = [str(UnitName(name, slot)) for name in names for slot in SLOTS]
    there = [unit for unit in units if (paths.units / unit).exists()]
    systemctl.stop(there)
    systemctl.disable(there)
    for name in names:
        paths.second_slot(name).unlink(missing_ok=True)


def _bring_up(difference: Difference, loaded: Loaded, paths: Paths) -> list[str]:
    """Start new services and restart changed ones that run.

    Returns:
        the errors; the other services are not affected.
    """
    concerned = {*difference.new, *difference.changed}
    chosen = [service for service in services.every(loaded, paths) if service.name in concerned]
    states = systemctl.show([service.unit for service in chosen])
    running = {service.name for service in chosen if services.status(states[service.unit]) == "running"}
    new = [service for service in chosen if service.name in difference.new]
    changed = [service for service in chosen if service.name in running & set(difference.changed)]
    if new:
        systemctl.enable(service.unit for service in new)
        systemctl.reload()
    return [*bulk.start(new, paths), *bulk.renew(changed, loaded, paths)]
