"""Names of units on the system bus."""

from __future__ import annotations

from nuwa.agent.host import dbus


def test_systemds_object_paths_are_read_back() -> None:
    unit = "nuwa@web-blue.service"
    assert dbus.object_path(unit).endswith("/nuwa_40web_2dblue_2eservice")
    assert dbus.unit_name(dbus.object_path(unit)) == unit
