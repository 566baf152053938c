"""Which services a push concerns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nuwa.agent.config.load import validate
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.webhooks import affected
from nuwa.agent.webhooks.affected import Concern


def load(processes: dict[str, Any], base: str = "/etc/nuwa") -> Loaded:
    return validate(json.dumps({"processes": processes}), "config.json", base=base)


PROCESSES = {
    "web": {"script": "/src/web/main.js"},
    "api": {"script": "/src/api/run.sh", "cwd": "/src/api/data", "watch": ["/src/lib"]},
    "other": {"script": "/usr/bin/env"},
    "shop": {"deployment": "/srv/shop", "source": "/src/shop"},
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"/src/web/index.js"}, ["web"]),
        ({"/src/website/index.js"}, []),
        ({"/src/lib/deep/x.js"}, ["api"]),
        ({"/src/api/data/x"}, ["api"]),
        ({"/src/api/run.sh"}, ["api"]),
        ({"/src/README"}, []),
        ({"/src/shop/app.py", "/src/web/main.js"}, ["web", "shop"]),
        (set(), []),
    ],
)
def test_a_push_concerns_the_services_whose_files_it_changes(changed: set[str], expected: list[str]) -> None:
    found = affected.affected(load(PROCESSES), "/src", changed)
    assert [concern.service for concern in found] == expected


def test_a_forced_run_concerns_everything_in_the_repository() -> None:
    found = affected.affected(load(PROCESSES), "/src", set(), forced=True)
    assert [concern.service for concern in found] == ["web", "api", "shop"]
    assert found[-1] == Concern("shop", "/src/shop", "/srv/shop")
