"""The agent's memory over a longer time; for a sixth of it, the dashboard is open."""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmarks import agent_container
from benchmarks.agent import prepared
from benchmarks.figure import Figure
from benchmarks.world import World

MINUTES, WATCHED = 15, 2.5
"""The duration of the measurement, and how long of it the dashboard is open."""
_MEASURE = """import http.client, json, os, subprocess, sys, threading, time

seconds, watched = float(sys.argv[1]), float(sys.argv[2])
token = open("/etc/nuwa/token").read().strip()


def units():
    words = ["systemctl", "show", "-p", "MainPID", "--value", "nuwa-ci", "nuwa-dashboard"]
    return {int(word) for word in subprocess.run(words, capture_output=True, text=True).stdout.split()}


def status(pid):
    try:
        with open(f"/proc/{pid}/status") as file:
            fields = dict(line.partition(":")[::2] for line in file)
    except OSError:
        return 0, 0
    return int(fields["PPid"]), int(fields.get("VmRSS", "0").split()[0])


def resident(roots):
    found = {int(name): status(name) for name in os.listdir("/proc") if name.isdigit()}
    ours, grew = set(roots), True
    while grew:
        more = {pid for pid, (parent, _) in found.items() if parent in ours} - ours
        ours, grew = ours | more, bool(more)
    return sum(found[pid][1] for pid in ours if pid in found) / 1024


def watch():
    connection = http.client.HTTPConnection("127.0.0.1", 7500, timeout=60)
    connection.request("GET", "/events", headers={"Authorization": "Bearer " + token})
    answer, end = connection.getresponse(), time.monotonic() + watched
    while time.monotonic() < end and answer.readline():
        pass
    answer.close()
    connection.close()


begun, samples, roots, watcher = time.monotonic(), [], units(), None
while time.monotonic() - begun < seconds:
    samples.append(resident(roots))
    if watcher is None and time.monotonic() - begun > (seconds - watched) / 2:
        watcher = threading.Thread(target=watch)
        watcher.start()
    time.sleep(1)
watcher.join()
print(json.dumps(samples))
"""
"""Run by Python on the host: resident memory of agent, dashboard and their children, once a second, in MB."""


def memory(world: World) -> Iterator[Figure]:
    """The host agent over a quarter of an hour, watched for a sixth of it: memory, with podman's service."""
    with prepared(world) as host:
        host.sh(agent_container.SETUP)
        host.configure({"processes": {agent_container.NAME: {"deployment": agent_container.FOLDER}}})
        host.write("/srv/memory.py", _MEASURE)
        seconds = f"{MINUTES * 60} {WATCHED * 60}"
        samples = json.loads(
            host.sh(f"sleep 30; python3 /srv/memory.py {seconds}", timeout=MINUTES * 60 + 300)
        )
    average, most = sum(samples) / len(samples), max(samples)
    title = f"agent: memory, average of {MINUTES} min, watched for {WATCHED:g} of them"
    yield Figure(title=f"{title} (at most {most:.0f} MB)", ours=[average], unit="MB RSS", target=80)
