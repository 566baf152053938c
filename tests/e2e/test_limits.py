"""An app among others: what its manifest grants it is all that it gets, and when it goes, nothing stays."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import threading

import pytest

from e2e.conftest import ROOT, Deployment, LabHost, eventually, install, label_commands
from e2e.releases import load, lost, release, serving

CPU, PIDS, MBIT = 0.5, 64, 20

ADDED_TO_LIMITS = f"cpu = {CPU}\npids = {PIDS}\nio_weight = 50\nnetwork = '{MBIT}M'\n"
ADDED_TO_HEALTH = "interval = 2\n"
VOLUME_MB = 64
VOLUME = f'[[volume]]\nname = "data"\npath = "/srv/data"\npolicy = "exclusive"\nsize = "{VOLUME_MB}M"\n'

HOST = r"""
find /etc /run/systemd/system /usr/local /var/spool/cron -xdev -type f -print0 | sort -z | xargs -0 sha256sum
find /etc /run /usr/local /var /root -xdev -printf 'name %M %u:%g %p %l\n' | sort
systemctl list-unit-files --no-legend --plain | awk '{print "unit file", $1, $2}' | sort
# podman's own unit of a health check stays failed where its container went meanwhile.
own='^[0-9a-f]\{64\}'
systemctl list-units --all --no-legend --plain | grep -v "$own" | awk '{print "unit", $1, $2}' | sort
systemctl list-units --failed --no-legend --plain | grep -v "$own" | awk '{print "failed", $1}' | sort
monit summary -B | awk 'NR > 2 {print "monit", $1}' | sort
podman ps --all --format 'container {{.Names}}' | sort
podman network ls --format 'network {{.Name}}' | sort
podman volume ls --format 'volume {{.Name}}' | sort
podman secret ls --format 'secret {{.Name}}' | sort
nginx -T 2>/dev/null | sed 's/^/nginx /'
"""
"""What can be seen of a host: files with their sums, names, units, checks, what podman and nginx have."""

COME_AND_GO = "|".join(
    [
        "^name .* /run/systemd/(units|transient|journal|inhibit|sessions|users|propagate|incoming)(/| )",
        "^name .* /run/(containers|libpod|runc|crun|netns)/",
        "^name .* /var/lib/(postgresql|mysql|nginx|systemd/timers)/",
        r"^name .* /var/log/\S+\.(gz|[0-9]+|journal)~? ",
        "^name .* /var/(cache|tmp)/",
        r"^unit( file)? ([0-9a-f]{64}-\S+\.service|(run|session)-\S+) ",
    ]
)
"""What changes on a host whoever works on it.

These are what systemd and podman note of that which runs, the files in which databases and nginx work,
logs put aside, caches, and the health checks of the other apps at the moment when they are made.
"""


@pytest.fixture(scope="module")
def before(tiny: Deployment, host: LabHost) -> set[str]:
    """The host without the app of this module, but with another."""
    return seen(host)


@pytest.fixture(scope="module")
def guest(before: set[str], host: LabHost, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    project = tmp_path_factory.mktemp("limits") / "guest"
    shutil.copytree(ROOT / "tests/e2e/tiny", project)
    manifest = (project / "nuwa.toml").read_text().replace('"tiny"', '"guest"', 1)
    for section, added in {"[limits]\n": ADDED_TO_LIMITS, "[health]\n": ADDED_TO_HEALTH}.items():
        assert section in manifest
        manifest = manifest.replace(section, section + added)
    (project / "nuwa.toml").write_text(f"{manifest}\n{VOLUME}")
    return install(host, str(project), "guest", label_commands)


def seen(host: LabHost) -> set[str]:
    return {line for line in host.out(HOST).splitlines() if not re.search(COME_AND_GO, line)}


def python(deployment: Deployment, code: str) -> dict[str, float]:
    """What a program in the app's container prints as JSON."""
    return json.loads(deployment.inside(f"/usr/bin/python3 -c {shlex.quote(code)}"))


def test_an_exclusive_volume_is_never_held_by_two_and_visitors_are_told_to_come_again(
    guest: Deployment,
) -> None:
    with load(guest) as samples:
        guest.bin(f"deploy {release(guest, 'second')}")
    assert set(lost(samples)) == {"failed: status 503"}
    assert serving(guest) == "second"


SPIN = r"""
import json, os, re, time
def throttled():
    for name in ("/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat"):
        if os.path.exists(name):
            return int(re.search(r"nr_throttled (\d+)", open(name).read())[1])
def spin():
    while (spun := time.monotonic() - begin) < 30 and (spun < 2 or throttled() == before):
        sum(range(100000))
before, begin, children = throttled(), time.monotonic(), []
for _ in range(2):
    children.append(os.fork())
    if not children[-1]:
        spin()
        os._exit(0)
for child in children:
    os.waitpid(child, 0)
used = os.times()
print(json.dumps({
    "held back": throttled() - before,
    "share": (used.children_user + used.children_system) / (time.monotonic() - begin),
}))
"""
"""Two busy processes, until the kernel has held them back, which takes longer where others are busy, too."""


def test_an_app_gets_no_more_than_its_share_of_the_processors(guest: Deployment) -> None:
    spun = python(guest, SPIN)
    assert spun["held back"] > 0, "two busy processes were never held back"
    assert spun["share"] < CPU * 1.25


FORK = """
import json, os, time
children = 0
try:
    while children < 4096:
        if not os.fork():
            time.sleep(4)
            os._exit(0)
        children += 1
except BlockingIOError:
    pass
time.sleep(3)
print(json.dumps({"children": children}))
"""


def test_a_flood_of_processes_is_refused_and_all_apps_go_on(guest: Deployment, tiny: Deployment) -> None:
    started = guest.host.out(f"podman inspect --format '{{{{.State.StartedAt}}}}' {guest.container}")
    flood: list[dict[str, float]] = []
    flooding = threading.Thread(target=lambda: flood.append(python(guest, FORK)))
    flooding.start()
    eventually(lambda: processes(guest) == PIDS, "the container is full")
    assert guest.is_healthy()
    assert tiny.is_healthy()
    flooding.join()
    assert 0 < flood[0]["children"] < PIDS
    assert guest.is_healthy()
    now = guest.host.out(f"podman inspect --format '{{{{.State.StartedAt}}}}' {guest.container}")
    assert now == started


def processes(deployment: Deployment) -> int:
    """How many processes the kernel counts in the container."""
    return int(
        deployment.host.out(f"podman stats --no-stream --format '{{{{.PIDs}}}}' {deployment.container}")
    )


def test_the_share_of_the_disk_is_set_or_its_lack_is_said(guest: Deployment, host: LabHost) -> None:
    said = (
        "limits.io_weight has no effect: this kernel has no I/O weights" in guest.bin("run --dry-run").stderr
    )
    unit = host.out(f"cat /etc/systemd/system/{guest.unit}")
    assert said != ("io.weight=50" in unit or "--blkio-weight=" in unit)


RECEIVE = r"""
import socket, time
with socket.create_server(("", 9999)) as server:
    server.settimeout(20)
    with server.accept()[0] as sender:
        received, begin = 0, time.monotonic()
        while chunk := sender.recv(1 << 20):
            received += len(chunk)
        print(received * 8 / (time.monotonic() - begin) / 1e6)
"""
SEND = r"""
import json, socket, sys, time
for _ in range(50):
    try:
        made = socket.create_connection((sys.argv[1], 9999), 2)
        break
    except OSError:
        time.sleep(0.1)
end = time.monotonic() + 2
with made:
    while time.monotonic() < end:
        made.sendall(bytes(65536))
print(json.dumps({}))
"""


def test_an_app_sends_no_more_than_its_limit_and_that_holds_after_a_restart(
    guest: Deployment, host: LabHost
) -> None:
    host.sh(f"systemctl restart {guest.unit}")
    address = host.out("podman network inspect --format '{{(index .Subnets 0).Gateway}}' nuwa-guest")
    received: list[str] = []
    receiving = threading.Thread(
        target=lambda: received.append(host.out(f"python3 -c {shlex.quote(RECEIVE)}"))
    )
    receiving.start()
    guest.inside(f"/usr/bin/python3 -c {shlex.quote(SEND)} {address}")
    receiving.join()
    assert MBIT / 4 < float(received[0]) < MBIT * 1.5
    assert f"sends at most {MBIT} Mbit/s" in guest.bin("status").stdout


def test_an_app_that_fills_its_volume_fills_nothing_else_and_comes_back_when_there_is_room(
    guest: Deployment, tiny: Deployment, host: LabHost
) -> None:
    data = f"{guest.directory}/volumes/data"
    free = f"df --output=avail -B1M {guest.directory} | tail -n 1"
    lines, before = int(host.out("wc -l </var/log/monit.log")) + 1, int(host.out(free))
    host.sh(f"rm {data}/beat; dd if=/dev/zero of={data}/full bs=4k 2>/dev/null || true")
    assert int(host.out(f"df --output=avail -B1M {data} | tail -n 1")) == 0
    assert abs(int(host.out(free)) - before) < VOLUME_MB / 2
    eventually(lambda: guest.site.get("/health/").status >= 500, "it cannot work")
    assert tiny.is_healthy()
    eventually(lambda: "nuwa-guest" in host.out(f"tail -n +{lines} /var/log/monit.log"), "monit has noticed")
    host.sh(f"rm {data}/full")
    eventually(guest.is_healthy, "it serves again")


def test_an_app_does_not_start_on_the_folder_beneath_its_volume(guest: Deployment, host: LabHost) -> None:
    data = f"{guest.directory}/volumes/data"
    host.sh(f"umount --lazy {data}")
    assert host.sh(f"systemctl restart {guest.unit}", check=False).code != 0
    assert f"{data} is not mounted" in host.out(f"journalctl -u {guest.unit} -n 50 -o cat")
    assert host.out(f"stat -c '%a %u' {data}; ls -A {data}") == "0 0"
    guest.bin("run")
    assert host.sh(f"mountpoint -q {data}").code == 0
    assert guest.is_healthy()


def test_nothing_stays_of_an_app_that_was_removed(guest: Deployment, before: set[str], host: LabHost) -> None:
    guest.bin("uninstall --yes")
    guest.bin("kill --yes")

    def unchanged() -> bool:
        now = seen(host)
        assert sorted(now - before) == [], "left"
        assert sorted(before - now) == [], "lost"
        return True

    eventually(unchanged, "the host is as it was", seconds=20)
