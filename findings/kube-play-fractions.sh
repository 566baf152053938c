#!/usr/bin/env bash
# `memory: 0.5Gi` is no limit at all for `podman kube play`: half a gibibyte becomes half an exbibyte.
#
# A good guess: quantities are Kubernetes', so `0.5Gi` is 536,870,912 bytes, `1.5Gi` three times as much, and `64m`, which
# Kubernetes reads as thousandths of a byte, is either refused or rounded up to a byte or so.
#
# Seen: a quantity with a fraction and a unit of 1024 comes out a thousand million times too large, without a word, and the
# container is as good as unlimited. A bare fraction loses its point: `0.5` is 5 bytes. `64m` is 64 bytes. `512M`, `1Gi` and
# the fractions of `cpu` are right.
#
# Versions: podman 4.3.1 (Debian 12), 5.4.2 (Debian 13).

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

memory_of() {
  cat >"$WORK/pod.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - {name: a, image: "localhost/tiny:1", imagePullPolicy: Never, command: [/file], resources: {limits: {memory: "$1"}}}
YAML
  pod kube play --start=false "$WORK/pod.yaml" >/dev/null 2>&1 || die "podman refuses $1"
  pod inspect -f '{{.HostConfig.Memory}}' web-a
  pod pod rm --force web >/dev/null 2>&1
}

main() {
  empty_podman
  find_catatonit
  podman --version
  expect '512M' 512000000 "$(memory_of 512M)"
  expect '1Gi' 1073741824 "$(memory_of 1Gi)"
  expect '0.5Gi' 536870912000000000 "$(memory_of 0.5Gi)"
  expect '1.5Gi' 1610612736000000000 "$(memory_of 1.5Gi)"
  expect '0.5' 5 "$(memory_of 0.5)"
  expect '64m' 64 "$(memory_of 64m)"
  finish
}

main "$@"
