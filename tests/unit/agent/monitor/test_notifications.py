"""Several alerts, few messages."""

from __future__ import annotations

from typing import Any

from nuwa.agent.monitor import notifications


def test_many_alerts_make_one_message_and_messages_are_few() -> None:
    alerts: Any = [
        {
            "time": 0.0,
            "check": f"process s{n}",
            "state": "failed",
            "message": "stopped",
            "action": "",
            "advice": "",
        }
        for n in range(50)
    ]
    subject, text = notifications.compose(alerts, "host1")
    assert subject == "[nuwa] host1: process s0 failed and 49 more"
    assert len(text.splitlines()) == 50
    allowance = notifications.Allowance()
    assert [allowance.take(3) for _ in range(5)] == [True, True, True, False, False]
