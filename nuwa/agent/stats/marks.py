"""What happened to a service, from other records: releases, runs of webhooks, alerts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nuwa.agent.host.deployment import Record
from nuwa.agent.schemas import Alert, Mark


def of_releases(records: Iterable[Record]) -> Iterator[Mark]:
    """The releases of a deployment."""
    for record in records:
        _, _, who = record.outcome.partition("\t")
        image = record.what.removeprefix("sha256:")[:12]
        yield {
            "at": record.time,
            "kind": "deploy",
            "text": f"release {image}" + (f" by {who}" if who else ""),
        }


def of_alerts(alerts: Iterable[Alert], service: str) -> Iterator[Mark]:
    """The alerts about a service; for the host, whose name is empty, those about its disks."""
    for alert in alerts:
        kind, _, about = alert["check"].partition(" ")
        is_meant = about.partition("/")[0] == service if service else kind == "disk"
        if is_meant:
            done = f" → {alert['action']}" if alert["action"] else ""
            text = f"{alert['state']}: {alert['message']}{done}"
            yield {"at": alert["time"], "kind": "alert", "text": text}
