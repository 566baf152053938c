"""`python -m nuwa.agent.containers SOCKET`: the containers as lines of JSON, a line for each change."""

from __future__ import annotations

import json
import sys

_UNUSED = ("rich", "chardet", "charset_normalizer")
"""Optional imports of podman-py and requests: for progress bars, and for texts of any encoding."""


def main(socket: str) -> None:
    """Print them until podman's service ends."""
    # They take a fifth of this process's memory, and of its start-up time.
    for name in _UNUSED:
        sys.modules[name] = None  # type: ignore[assignment]  # None lets its import fail
    from nuwa.agent.containers.reader import follow

    for found in follow(socket):
        print(json.dumps({"containers": [container.as_json() for container in found]}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
