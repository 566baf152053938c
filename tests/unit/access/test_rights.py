"""What a grant includes."""

from __future__ import annotations

import pytest

from nuwa.access.rights import RIGHTS, Grant, grant_of_dashboard, grant_of_host


@pytest.mark.parametrize(("right", "included"), [("see", 1), ("operate", 2), ("configure", 3)])
def test_each_right_includes_those_before_it(right: str, included: int) -> None:
    grant = Grant("ada", right)  # type: ignore[arg-type]
    assert [grant.may(other) for other in RIGHTS] == [True] * included + [False] * (3 - included)


def test_operate_is_limited_to_the_services_that_are_named() -> None:
    grant = Grant("ada", "operate", ("blog", "shop"))
    assert grant.operates(["blog"])
    assert grant.operates(["blog", "shop"])
    assert not grant.operates(["blog", "mail"])
    assert not grant.operates(["router"])
    assert not grant.operates([]), "what concerns nobody knows what"


def test_whoever_may_operate_without_a_limit_may_operate_all() -> None:
    assert Grant("ada", "operate").operates(["anything"])
    assert Grant("ada", "operate").operates([])
    assert not Grant("ada", "see").operates(["anything"])


def test_the_host_may_do_everything_and_the_dashboard_itself_nothing_but_see() -> None:
    assert grant_of_host().may("configure")
    assert not grant_of_dashboard().may("operate")
