#!/usr/lib/nuwa/python -IS
"""What runs in this container, and how it does: for bin/status, bin/deploy and monitors. Root runs it.

`service_states.py` prints one line for each process, and for what else is wrong; `--json` all, as a list of
objects; `--faults` only what is wrong, with exit code 1 if anything is. The server is listed too, but whether
the site answers is the health check's to say.

A state is one of `up`; `failing`: it ended again and again, and has not been up for STABLE_S since;
`standby`: an exclusive process of a slot that does not serve; `down`.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

LIFE = Path("/run/nuwa/life")
SERVICES = Path("/run/service")
STABLE_S = 120
"""Seconds after which a service that has ended before counts as up again; the same is in `life`."""
FAILING = 4
"""Points of `life` from which a service keeps failing: two crashes, or four ends with exit code 0."""
PREFIX = "process-"


class Supervision(NamedTuple):
    """What s6 says of a service."""

    up: bool
    wanted: bool
    since_s: int
    """Seconds for which it has been up or down."""


def supervision(name: str) -> Supervision:
    """Ask s6; what it cannot tell of is down."""
    argv = ["/command/s6-svstat", "-o", "up,wantedup,updownfor", str(SERVICES / name)]
    words = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    ).stdout.split()
    if len(words) != 3:
        return Supervision(False, True, 0)
    return Supervision(words[0] == b"true", words[1] == b"true", int(words[2]))


def read_life(text: str) -> Dict[str, Any]:
    """The assignments that `life` wrote; empty for a service that it does not know."""
    life: Dict[str, Any] = {}
    for word in text.split():
        name, _, value = word.partition("=")
        life[name] = int(value) if value.isdigit() else value
    return life


def judge(name: str, seen: Supervision, life: Dict[str, Any], uptime: int, clock: float) -> Dict[str, Any]:
    """The state of one service.

    Args:
        name: the service's name, `process-worker` or `cron`.
        uptime: seconds of /proc/uptime, in which `life` counts.
        clock: the same moment in Unix seconds.
    """

    def at(moment: int) -> int:
        return int(clock) - (uptime - moment)

    is_process = name.startswith(PREFIX)
    since = life.get("since", uptime - seen.since_s)
    state = _state(seen, life, uptime)
    deaths = life.get("deaths", 0)
    found = {
        "name": name[len(PREFIX) :] if is_process else name,
        "kind": "process" if is_process else "service",
        "state": state,
        "since": at(since),
        "deaths": deaths,
        "died": at(life["died"]) if deaths else None,
        "reason": _reason(life) if deaths else "",
        "failing_since": at(life["first"]) if state == "failing" else None,
        "next_start": at(life["until"]) if life.get("phase") == "backoff" else None,
    }
    found["text"] = describe(found, clock)
    return found


def _state(seen: Supervision, life: Dict[str, Any], uptime: int) -> str:
    phase = life.get("phase", "up")
    if not seen.up and not seen.wanted:
        return "down"
    if life.get("points", 0) >= FAILING and (phase != "up" or uptime - life["since"] < STABLE_S):
        return "failing"
    if seen.up and phase == "standby":
        return "standby"
    return "up" if seen.up or life.get("deaths") else "down"


def _reason(life: Dict[str, Any]) -> str:
    return f"ended by signal {life['signal']}" if life["code"] == 256 else f"exited with {life['code']}"


def describe(found: Dict[str, Any], clock: float) -> str:
    """A state in words: `up for 3 min`."""
    ended = ""
    if found["deaths"]:
        times = "once" if found["deaths"] == 1 else f"{found['deaths']} times"
        ended = f"ended {times}, last {_age(clock - found['died'])} ago: {found['reason']}"
    if found["state"] == "failing":
        started = f"; next start in {_age(found['next_start'] - clock)}" if found["next_start"] else ""
        return f"keeps failing for {_age(clock - found['failing_since'])}: {ended}{started}"
    if found["state"] == "standby":
        return "waits: it runs in the release that serves"
    if found["state"] == "down":
        return f"down for {_age(clock - found['since'])}"
    return f"up for {_age(clock - found['since'])}" + (f"; {ended}" if ended else "")


def _age(seconds: float) -> str:
    whole = max(0, int(seconds))
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def uptime_and_clock() -> Tuple[int, float]:
    return int(float(Path("/proc/uptime").read_text().split()[0])), time.time()


def states() -> List[Dict[str, Any]]:
    """Every service but the loggers, which come and go with what they log."""
    uptime, clock = uptime_and_clock()
    names = (
        subprocess.run(["/usr/lib/nuwa/services"], stdout=subprocess.PIPE, check=True).stdout.decode().split()
    )
    found = []
    for name in names:
        if not name.startswith("log-"):
            file = LIFE / name
            life = read_life(file.read_text()) if file.exists() else {}
            found.append(judge(name, supervision(name), life, uptime, clock))
    return sorted(found, key=lambda state: (state["kind"], state["name"]))


def is_fault(state: Dict[str, Any]) -> bool:
    return state["state"] in ("failing", "down") and state["name"] != "server"


def main() -> None:
    option = sys.argv[1] if len(sys.argv) > 1 else ""
    found = states()
    if option == "--json":
        print(json.dumps(found))
        return
    shows_all = option != "--faults"
    found = [state for state in found if is_fault(state) or (shows_all and state["kind"] == "process")]
    for state in found:
        print(f"{state['name']}: {state['text']}")
    sys.exit(1 if found and not shows_all else 0)


if __name__ == "__main__":
    main()
