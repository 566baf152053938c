"""Every route of the control API, with the right that it takes and what the audit trail calls it.

This is the one table of both: a route without a right cannot be declared.
"""

from __future__ import annotations

from dataclasses import dataclass

from nuwa.access.rights import Right


@dataclass(frozen=True)
class Endpoint:
    """One path and what it takes to use it.

    Args:
        handler: the method of the API that answers.
        right: what a token needs.
        target: what the right is limited to for tokens of single services: the `service` or the `hook` that
            the path names; empty: nothing, such a token has the right or has it not.
        action: the verb for the audit trail; empty: it changes nothing, so nothing is written down.
        has_dry_run: whether `?dry_run=1` makes it change nothing either.
    """

    path: str
    handler: str
    right: Right
    methods: tuple[str, ...] = ("GET",)
    target: str = ""
    action: str = ""
    has_dry_run: bool = False


_BOTH = ("GET", "POST")

ENDPOINTS = (
    Endpoint("/health", "health", "see"),
    Endpoint("/ls", "ls", "see"),
    Endpoint("/watch", "watch", "see"),
    Endpoint("/start/{name}", "start", "operate", _BOTH, "service", "start"),
    Endpoint("/stop/{name}", "stop", "operate", _BOTH, "service", "stop"),
    Endpoint("/restart/{name}", "restart", "operate", _BOTH, "service", "restart"),
    Endpoint("/run/{name}/{command}", "run_once", "operate", ("POST",), "service", "run command"),
    Endpoint("/log", "log", "see"),
    Endpoint("/log/{name}", "log", "see"),
    # The configuration holds the secrets of webhooks and processes.
    Endpoint("/config", "config", "configure"),
    Endpoint("/config", "put_config", "configure", ("PUT",), action="configure", has_dry_run=True),
    Endpoint("/config/apply", "apply", "configure", ("POST",), action="configure", has_dry_run=True),
    Endpoint("/config/schema", "schema", "see"),
    Endpoint("/config/history", "history", "configure"),
    Endpoint("/config/history/{revision}", "revision", "configure"),
    Endpoint("/webhook/{name}/restart", "hook_restart", "operate", ("POST",), "hook", "run hook"),
    Endpoint("/webhook/{name}/cancel", "hook_cancel", "operate", ("POST",), "hook", "cancel hook"),
    Endpoint("/hooks/{name}/runs", "runs", "see"),
    Endpoint("/runs/{id}", "run", "see"),
    Endpoint("/monitor", "monitor", "see"),
    Endpoint("/alert/{name}/test", "test_channel", "configure", ("POST",), action="test channel"),
    Endpoint("/stats", "stats", "see"),
    Endpoint("/stats/{name}", "stats", "see"),
    Endpoint("/audit", "audit", "configure"),
    # Told by the dashboard itself, which nobody else's token can name.
    Endpoint("/session/{name}/{event}", "session", "see", ("POST",)),
)


def endpoint_of(method: str, path: str) -> Endpoint:
    """The endpoint of a method and a path as it is declared here.

    Raises:
        KeyError: there is none.
    """
    found = [item for item in ENDPOINTS if item.path == path and method.upper() in item.methods]
    if not found:
        raise KeyError(f"{method} {path}")
    return found[0]
