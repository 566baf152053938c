"""The table of services: an image where a container has one."""

from __future__ import annotations

import time
from typing import Any

from nuwa.agent.host import services
from nuwa.agent.host.services import Service
from nuwa.cli import ls


def row(name: str, container: Any = None) -> Any:
    return {**services.row(Service(name, "process", "blue"), {}), "container": container}


def test_the_age_and_size_of_an_image_have_a_column_where_there_are_any():
    container = {"health": "", "image_created": time.time() - 3 * 86400, "image_size": 191 * 1024 * 1024}
    head, rows = ls._table([row("web"), row("shop", container)])
    assert [line[head.index("IMAGE")] for line in rows] == ["", "3d 191M"]
    assert {len(line) for line in rows} == {len(head)}


def test_without_images_there_is_no_such_column():
    head, (line,) = ls._table([row("web", {"health": "", "image_created": None, "image_size": None})])
    assert "IMAGE" not in head
    assert len(line) == len(head)
