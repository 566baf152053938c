"""The files of journald, rsyslog and logrotate. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from nuwa.agent.config import processes
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.paths import Paths
from nuwa.agent.plan.facts import Facts
from nuwa.agent.plan.router import Page


def pages(loaded: Loaded, facts: Facts, where: Paths) -> Iterator[Page]:
    """The files of the log; without rsyslog, those of the journal alone."""
    log = loaded.config.log
    yield Page(str(where.journald), "journald.conf.j2", "log", {"log": log})
    if not facts.rsyslog:
        return
    forward = log.forward
    files = {key: getattr(forward, key) if forward else "" for key in ("ca", "certificate", "key")}
    absolute = {key: processes.absolute(path, loaded.base) if path else "" for key, path in files.items()}
    absolute["ca"] = absolute["ca"] or facts.authorities
    common = {"logs": str(where.logs), "work": str(where.log_state)}
    yield Page(str(where.rsyslog), "rsyslog.conf.j2", "log", {**common, **absolute, "forward": forward})
    yield Page(str(where.logrotate), "logrotate.conf.j2", "log", {**common, "log": log})
