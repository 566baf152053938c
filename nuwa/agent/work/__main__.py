"""`python -m nuwa.agent.work VERB …`: the agent's hands, one process a deed, its result as JSON on stdout.

start|stop|restart NAME     apply [--expected REVISION] [--dry-run] [--stdin]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from nuwa.agent.paths import host_paths
from nuwa.errors import ManifestError, NuwaError


def main(arguments: Sequence[str]) -> int:
    """Do one thing.

    Returns:
        the exit code; with 0 stdout holds the result, otherwise `{"error": …}`.
    """
    try:
        print(json.dumps(_do(list(arguments))))
    except NuwaError as error:
        print(json.dumps({"error": failure(error)}))
        return error.exit_code
    return 0


def failure(error: NuwaError) -> dict[str, Any]:
    """An error as the agent passes it on."""
    problems = error.problems if isinstance(error, ManifestError) else []
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "details": "" if problems else error.details,
        "problems": [vars(problem) for problem in problems],
    }


def _do(arguments: list[str]) -> Any:
    verb, *rest = arguments
    if verb == "apply":
        from nuwa.agent.work.apply import apply

        expected = rest[rest.index("--expected") + 1] if "--expected" in rest else None
        text = sys.stdin.buffer.read().decode() if "--stdin" in rest else None
        return apply(host_paths(), text, expected=expected, dry_run="--dry-run" in rest)
    from nuwa.agent.work.control import act

    return act(verb, rest[0], host_paths())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
