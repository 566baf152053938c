"""Rights, and the grants that include them. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

Right = Literal["see", "operate", "configure"]
RIGHTS: tuple[Right, ...] = get_args(Right)
"""Each includes those before it."""

HOST, DASHBOARD = "host", "dashboard"
RESERVED = (HOST, DASHBOARD)
"""Names that no token can have: the token in /etc/nuwa/token, and the dashboard itself."""


@dataclass(frozen=True)
class Grant:
    """What the owner of a token may do.

    Args:
        name: the token's name.
        apps: the services that `operate` is limited to; empty: all of them.
        second_factor: whether a login requires a code too.
    """

    name: str
    right: Right
    apps: tuple[str, ...] = ()
    second_factor: bool = False

    def may(self, right: Right) -> bool:
        """Whether this right is included, for at least one service."""
        return RIGHTS.index(self.right) >= RIGHTS.index(right)

    def operates(self, services: Collection[str]) -> bool:
        """Whether all of these services may be started, stopped and restarted.

        A token that is limited to some services may not operate anything whose services are unknown.
        """
        if not self.may("operate"):
            return False
        return not self.apps or (bool(services) and set(services) <= set(self.apps))


def grant_of_host() -> Grant:
    """The grant of the token in /etc/nuwa/token."""
    return Grant(HOST, "configure")


def grant_of_dashboard() -> Grant:
    """The grant of the dashboard itself, for what all its pages share."""
    return Grant(DASHBOARD, "see")
