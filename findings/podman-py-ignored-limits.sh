#!/usr/bin/env bash
# podman-py takes `nano_cpus` and a log's `max-size`, and applies neither.
#
# A good guess: podman-py follows docker-py, refuses a keyword that it does not know (it does: TypeError) and hands over the
# others, so a container made with `nano_cpus=500_000_000` may use half a core, as with `cpu_quota`.
#
# Seen: `nano_cpus` is accepted and lost: no quota, no warning. `cpu_quota` with `cpu_period` works, and then podman reports
# `NanoCpus` by itself. The size limit of a log is lost as well. Other keywords of docker-py fail loudly: `tmpfs`,
# `stop_signal="SIGINT"` and a number as `user`.
#
# Versions: podman-py 5.8.0 (2026-03) against podman 4.3.1.

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

main() {
  local service
  python_with podman==5.8.0
  empty_podman
  pod system service --time 60 "unix://$WORK/podman.sock" >/dev/null 2>&1 &
  service=$!
  for _ in {1..50}; do [[ ! -S $WORK/podman.sock ]] || break && sleep 0.1; done
  "$WORK/venv/bin/python" - "unix://$WORK/podman.sock" >"$WORK/seen" 2>&1 <<'PYTHON' || true
import sys
import podman

client = podman.PodmanClient(base_url=sys.argv[1])


def made(**options):
    try:
        container = client.containers.create(image="localhost/tiny:1", command=["/file"], **options)
    except Exception as error:
        return type(error).__name__
    host = container.inspect()["HostConfig"] if hasattr(container, "inspect") else container.attrs["HostConfig"]
    container.remove(force=True)
    return host


def cpu(host):
    return f"{host['NanoCpus']} {host['CpuQuota']}"


print(cpu(made(nano_cpus=500_000_000)))
print(cpu(made(cpu_quota=50_000, cpu_period=100_000)))
print(made(log_config={"Type": "k8s-file", "Config": {"max-size": "1m"}})["LogConfig"]["Size"])
print(made(nonsense=1), made(tmpfs={"/x": "size=1m"}), made(stop_signal="SIGINT"), made(user=10001))
PYTHON
  kill "$service" 2>/dev/null || true
  wait "$service" 2>/dev/null || true
  mapfile -t lines <"$WORK/seen"
  expect 'nano_cpus of half a core: NanoCpus, CpuQuota' '0 0' "${lines[0]}"
  expect 'cpu_quota of half a core' '500000000 50000' "${lines[1]}"
  expect 'a log of at most 1m' 0B "${lines[2]}"
  expect 'others' 'TypeError TypeError APIError APIError' "${lines[3]}"
  finish
}

main "$@"
