"""`python -m nuwa.agent.monitor`: sends the message in its environment, and prints the errors."""

import json
import os
import sys
from typing import Any


def _send(message: dict[str, Any]) -> tuple[bool, list[str]]:
    if "alerts" in message:
        from nuwa.agent.monitor import notifications

        return notifications.deliver(message)
    reason = send.deliver(message)
    return not reason, [reason] if reason else []


if __name__ == "__main__":
    from nuwa.agent.monitor import send

    is_sent, faults = _send(json.loads(os.environ.pop(send.VARIABLE)))
    for fault in faults:
        print(fault)
    sys.exit(0 if is_sent else 1)
