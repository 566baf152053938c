"""`python -m nuwa.agent.containers SOCKET`: the containers as lines of JSON, a line for each change."""

from __future__ import annotations

import json
import sys

_UNUSED = ("rich", "chardet", "charset_normalizer")
"""What podman-py and requests import where it is there: for bars of progress, and texts of any encoding."""


def main(socket: str) -> None:
    """Print them until podman's service ends."""
    # A fifth of this process's memory, and of the time until it has something to say.
    for name in _UNUSED:
        sys.modules[name] = None  # type: ignore[assignment]  # None lets its import fail
    from nuwa.agent.containers.reader import follow

    for found in follow(socket):
        print(json.dumps({"containers": [container.as_json() for container in found]}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
