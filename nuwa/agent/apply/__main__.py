"""`python -m nuwa.agent.apply VERB …`: one host-changing task per process, its result as JSON on stdout.

start|stop|restart NAME     run NAME COMMAND     apply [--expected REVISION] [--dry-run] [--file PATH]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nuwa.agent.paths import host_paths
from nuwa.errors import ManifestError, NuwaError, Problem


def main(arguments: Sequence[str]) -> int:
    """Do one thing.

    Returns:
        the exit code; with 0 stdout holds the result, otherwise `{"error": …}`.
    """
    for_people = arguments[0] == "--text"
    try:
        done = _do(list(arguments[1:] if for_people else arguments))
    except NuwaError as error:
        print(error if for_people else json.dumps({"error": failure(error)}))
        return error.exit_code
    except OSError as error:
        told = NuwaError(
            f"a file cannot be written: {error}", hint="Free some space, or see: nuwa host check"
        )
        print(told if for_people else json.dumps({"error": failure(told)}))
        return told.exit_code
    print(done["message"] if for_people else json.dumps(done))
    return 0


def failure(error: NuwaError) -> dict[str, Any]:
    """An error in the form that the agent passes on."""
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
        from nuwa.agent.apply.apply import apply

        expected = rest[rest.index("--expected") + 1] if "--expected" in rest else None
        text = _text(Path(rest[rest.index("--file") + 1])) if "--file" in rest else None
        return apply(host_paths(), text, expected=expected, dry_run="--dry-run" in rest)
    from nuwa.agent.apply.lifecycle import act, run_once

    if verb == "run":
        return run_once(rest[0], rest[1], host_paths())
    return act(verb, rest[0], host_paths())


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Problem("", f"is not UTF-8 (byte {error.start})", hint="save it as UTF-8")
        raise ManifestError("config.json", [problem]) from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
