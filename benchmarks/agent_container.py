"""A deployment that is one container on a lab host, and how soon the dashboard shows its changes."""

from __future__ import annotations

NAME = "death"
FOLDER = f"/srv/{NAME}"
ROOT = "/srv/death-root"
"""The container's files; the health check tests for one of them."""
WELL = f"{ROOT}/well"
CONTAINER = f"nuwa-{NAME}-blue"
_UNIT = f"""[Service]
Type=notify
NotifyAccess=all
KillMode=mixed
Delegate=yes
Environment=PODMAN_SYSTEMD_UNIT=%n PODMAN_IGNORE_CGROUPSV1_WARNING=1
Restart=always
RestartSec=1
ExecStart=/usr/bin/podman run --name={CONTAINER} --replace --rm --detach --cgroups=no-conmon \\
  --sdnotify=conmon --log-driver=journald --network=none --label=io.nuwa.app={NAME} \\
  --health-interval=disable --health-retries=1 --health-start-period=0s \\
  --health-cmd='["/usr/bin/test", "-e", "/well"]' --rootfs {ROOT} /usr/bin/sleep 1000000
ExecStop=/usr/bin/podman stop --ignore --time=1 {CONTAINER}
"""
SETUP = f"""set -e
mkdir -p {FOLDER}/bin/lib {FOLDER}/volumes/.nuwa {ROOT}
for folder in tmp proc sys dev etc run; do mkdir -p "{ROOT}/$folder"; done
echo 'readonly NUWA_APP={NAME}' >{FOLDER}/bin/lib/app
echo blue >{FOLDER}/volumes/.nuwa/slot
touch {WELL}
for file in /usr/bin/sleep /usr/bin/test; do
  cp --parents --dereference "$file" $(ldd "$file" | grep -o '/[^ )]*') {ROOT}
done
cat >/etc/systemd/system/{CONTAINER}.service <<'END'
{_UNIT}END
systemctl daemon-reload
systemctl restart {CONTAINER}
"""
"""Run by a shell on the host, as root."""
TAKE_AWAY = f"""systemctl stop {CONTAINER}
rm -rf {FOLDER} {ROOT} /etc/systemd/system/{CONTAINER}.service
systemctl daemon-reload
"""
SEEN = f"""import http.client, json, os, queue, subprocess, sys, threading, time

rounds = int(sys.argv[1])
connection = http.client.HTTPConnection("127.0.0.1", 7500, timeout=600)
token = open("/etc/nuwa/token").read().strip()
connection.request("GET", "/events", headers={{"Authorization": "Bearer " + token}})
answer, rows = connection.getresponse(), queue.Queue()


def read():
    name = b""
    while line := answer.readline():
        if line.startswith(b"event: "):
            name = line[7:].strip()
        elif line.startswith(b"data: ") and name == b"row":
            row = json.loads(line[6:])
            if row["name"] == "{NAME}":
                rows.put((time.time(), row))


def wait(fits):
    while True:
        when, row = rows.get(timeout=60)
        if fits(row):
            return when


def podman(*words):
    return subprocess.run(["podman", *words], capture_output=True, text=True).stdout.strip()


def health(begun_when, fits):
    begun_when()
    begun = time.time()
    podman("healthcheck", "run", "{CONTAINER}")
    seen = wait(fits)
    log = json.loads(podman("inspect", "--format={{{{json .State.Health.Log}}}}", "{CONTAINER}"))
    noted = subprocess.check_output(["date", "--date", log[-1]["End"], "+%s.%N"])
    times["change of health"].append(seen - begun)
    times["change of health, as podman noted it,"].append(seen - float(noted))


threading.Thread(target=read, daemon=True).start()
time.sleep(15)
times = {{"death": [], "change of health": [], "change of health, as podman noted it,": []}}
for _ in range(rounds):
    pid = podman("inspect", "--format={{{{.State.Pid}}}}", "{CONTAINER}")
    while not rows.empty():
        rows.get()
    begun = time.time()
    os.kill(int(pid), 9)
    times["death"].append(wait(lambda row: row["status"] != "running" or "pid " in row["html"]) - begun)
    while podman("inspect", "--format={{{{.State.Status}}}}", "{CONTAINER}") != "running":
        time.sleep(0.2)
    time.sleep(4)
    while not rows.empty():
        rows.get()
    is_sick = lambda row: "unhealthy" in row["html"]
    health(lambda: os.unlink("{WELL}"), is_sick)
    health(lambda: open("{WELL}", "w").close(), lambda row: not is_sick(row))
print(json.dumps(times))
"""
"""Run by Python on the host: seconds to the dashboard's event, from a death, from the start of the health
check with a new result, and from the end of that check that podman recorded."""
