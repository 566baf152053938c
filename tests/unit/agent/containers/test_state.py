"""Containers out of what podman says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuwa.agent.containers import state
from nuwa.agent.containers.state import Container

ID = "4b" * 32


def check(second: int, code: int = 0) -> dict[str, Any]:
    return {"Start": f"2026-11-28T11:00:{second:02}.123456789Z", "End": "", "ExitCode": code, "Output": ""}


def inspected(**given: Any) -> dict[str, Any]:
    health = given.pop("health", {"Status": "healthy", "FailingStreak": 0, "Log": [check(1)]})
    about = {"Status": "running", "OOMKilled": False, "ExitCode": 0, "Health": health}
    about |= {"StartedAt": "2026-11-28T10:59:00.000000001+00:00", **given}
    labels = {"io.nuwa.app": "shop", "io.nuwa.schema": "1"}
    return {
        "Id": ID,
        "Name": "nuwa-shop-blue",
        "Image": "9f2b41c07e55aa",
        "Config": {"Labels": labels},
        "State": about,
    }


def parsed(value: Any, image: Any = None) -> Container:
    found = state.parse(value, image)
    assert found
    return found


def test_a_running_container():
    found = parsed(inspected(), {"Created": "2026-11-01T00:00:00Z", "Size": 211_000_000})
    assert (found.name, found.status, found.health, found.image) == (
        "nuwa-shop-blue",
        "running",
        "healthy",
        "9f2b41c07e55",
    )
    assert (found.exit_code, found.oom, found.image_size) == (None, False, 211_000_000)
    assert found.image_created == 1793491200


def test_health_is_as_it_is_since_the_checks_began_to_agree():
    log = [check(1), check(11, 1), check(21, 1), check(31, 1)]
    found = parsed(inspected(health={"Status": "unhealthy", "Log": log}))
    eleven = parsed(inspected(StartedAt="2026-11-28T11:00:11.123456Z", health={})).started
    assert found.health_since == eleven


def test_with_checks_that_all_agree_it_is_so_since_the_start_or_what_was_known_before():
    found = parsed(inspected())
    assert found.health_since == found.started
    earlier = parsed(inspected(StartedAt="2026-11-27T00:00:00Z"))
    assert state.after(earlier, found).health_since == earlier.health_since
    sick = parsed(inspected(health={"Status": "unhealthy", "Log": []}))
    assert state.after(earlier, sick).health_since == sick.health_since


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        (["healthy", "healthy"], 0),
        (["", "unhealthy"], 1),
        (["starting", "unhealthy", "healthy"], 1),
        (["healthy", "starting"], 1),
        (["unhealthy", "exited"], 1),
    ],
)
def test_of_replicas_the_worst_is_shown(seen: list[str], shown: int) -> None:
    found = [
        Container(name=str(number), id=ID, status="exited")
        if health == "exited"
        else Container(name=str(number), id=ID, status="running", health=health)
        for number, health in enumerate(seen)
    ]
    assert state.worst(found) == found[shown]
    assert state.worst([]) is None


def test_an_exit_by_oom():
    found = parsed(inspected(Status="exited", OOMKilled=True, ExitCode=137))
    assert (found.exit_code, found.oom) == (137, True)


OTHER = {"Id": ID, "Name": "other"}


@pytest.mark.parametrize(
    "value",
    [None, [], "x", {}, {**OTHER, "Config": {"Labels": {"a": "b"}}}, {**OTHER, "Config": {"Labels": None}}],
)
def test_what_is_not_nuwas_is_left_out(value):
    assert state.parse(value) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(anything, anything, st.sampled_from(["State", "Image", "Config"]))
def test_unknown_and_wrong_fields_break_nothing(value, image, key):
    state.parse({**inspected(), key: value}, image)
    state.parse(inspected(health=value, StartedAt=value, ExitCode=value), image)


def test_json_there_and_back():
    found = parsed(inspected())
    assert state.from_json(found.as_json()) == found
    assert state.from_json({"name": "x", "new": 1}) is None
    assert state.from_json("x") is None


@pytest.mark.parametrize(
    ("health", "verdict"), [("healthy", "ok"), ("unhealthy", "failed"), ("starting", "warning")]
)
def test_health_is_a_check_of_the_monitor(health, verdict):
    found = state.check("shop", parsed(inspected(health={"Status": health})))
    assert found
    assert (found["name"], found["state"]) == ("health shop", verdict)


def test_without_a_health_check_there_is_nothing_to_tell():
    assert state.check("shop", parsed(inspected(health={}))) is None
