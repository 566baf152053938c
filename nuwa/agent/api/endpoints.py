"""Every route of the control API, with the right that it requires and its action in the audit trail.

Both are declared here only: a route without a right cannot be declared.
"""

from __future__ import annotations

from dataclasses import dataclass

from nuwa.access.rights import Right


@dataclass(frozen=True)
class Endpoint:
    """One path and what is required to use it.

    Args:
        handler: the method of the API that answers.
        right: the right that a token needs.
        target: whether the path names a `service` or a `hook`, to which the right of a token can be limited;
        empty: the right is not limited.
        action: the verb for the audit trail; empty: it changes nothing, so nothing is recorded.
        has_dry_run: whether `?dry_run=1` makes it change nothing.
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
    # Reported by the dashboard itself, whose name no other token can have.
    Endpoint("/session/{name}/{event}", "session", "see", ("POST",)),
)


def endpoint_of(method: str, path: str) -> Endpoint:
    """The endpoint declared for a method and a path.

    Raises:
        KeyError: there is none.
    """
    found = [item for item in ENDPOINTS if item.path == path and method.upper() in item.methods]
    if not found:
        raise KeyError(f"{method} {path}")
    return found[0]
