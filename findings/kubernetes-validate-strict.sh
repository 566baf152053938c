#!/usr/bin/env bash
# A pod that no cluster and no podman takes is valid for kubernetes-validate, with --strict too.
#
# A good guess: a strict validation against the schemas of a Kubernetes release rejects wrong quantities, ports out of range,
# names that are none and words that an enumeration does not have; what it passes, `podman kube play` can at least read.
#
# Seen: the schemas say `string` and `integer` where Kubernetes has rules in its code: `512MB` is a quantity, 700000 a port,
# `Bad_Name` a name, `Sometimes` a pull policy. --strict rejects unknown keys and nothing else. podman refuses the same file
# at the first quantity, before it looks at the rest.
#
# Versions: kubernetes-validate 1.37.0 (2026-10); podman 4.3.1, 5.4.2.

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

main() {
  python_with kubernetes-validate==1.37.0
  empty_podman
  cat >"$WORK/pod.yaml" <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: Bad_Name}
spec:
  restartPolicy: Perhaps
  containers:
    - name: a
      image: localhost/tiny:1
      imagePullPolicy: Sometimes
      resources: {limits: {memory: 512MB, cpu: lots}}
      ports: [{containerPort: 700000}]
YAML
  expect 'kubernetes-validate --strict' 0 "$(code_of "$WORK/venv/bin/kubernetes-validate" --strict "$WORK/pod.yaml")"
  expect 'podman kube play' 125 "$(code_of pod kube play --start=false "$WORK/pod.yaml")"
  expect 'what it says' 'quantities must match' "$(grep -o 'quantities must match' "$WORK/output" || tail -n 1 "$WORK/output")"
  sed 's/ports:/portz:/' "$WORK/pod.yaml" >"$WORK/unknown.yaml"
  expect 'kubernetes-validate --strict, an unknown key' 1 "$(code_of "$WORK/venv/bin/kubernetes-validate" --strict "$WORK/unknown.yaml")"
  expect 'kubernetes-validate, an unknown key' 0 "$(code_of "$WORK/venv/bin/kubernetes-validate" "$WORK/unknown.yaml")"
  finish
}

main "$@"
