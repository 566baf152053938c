#!/usr/bin/env bash
# What a pod's file says of variables, of the time to stop and of memory volumes is partly dropped by `podman kube play`.
#
# A good guess: `$(NAME)` of a variable that the container has is replaced in `command`, `args` and later variables, as the
# Kubernetes API says; `terminationGracePeriodSeconds` is the time that `podman stop` waits; `emptyDir` with `medium: Memory`
# and `sizeLimit: 16Mi` is a tmpfs of 16 MiB. Fields that podman does not know are reported.
#
# Seen: all of it happens without a word. podman 4.3.1 replaces no variable, waits 10 seconds, and makes the memory volume a
# volume on disk. podman 5.4.2 replaces them in arguments (`$$(NAME)` becomes `$(NAME)`, as it should) but not in the values of
# other variables, waits as long as it is told, and makes a tmpfs without a size: half of the host's memory.
# In both, a readiness probe is not there, and an `httpGet` probe calls curl, inside the container, through its shell.
#
# Versions: podman 4.3.1 (Debian 12), 5.4.2 (Debian 13).

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

write_pod() {
  cat >"$WORK/pod.yaml" <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 75
  containers:
    - name: a
      image: localhost/tiny:1
      imagePullPolicy: Never
      command: [/file, "$(GREETING) $$(GREETING)"]
      env: [{name: GREETING, value: hello}, {name: LONGER, value: "$(GREETING) world"}]
      readinessProbe: {exec: {command: [/file]}}
      livenessProbe: {httpGet: {path: /, port: 8000}}
      volumeMounts: [{name: scratch, mountPath: /scratch}]
  volumes: [{name: scratch, emptyDir: {medium: Memory, sizeLimit: 16Mi}}]
YAML
}

of_container() {
  pod inspect web-a | jq -r ".[0] | $1"
}

main() {
  local version arguments grace memory
  empty_podman
  find_catatonit
  version=$(podman --version | grep -o '[0-9][0-9.]*')
  case $version in
    4.3.*) arguments="\$(GREETING) \$\$(GREETING)" grace=10 memory='a volume' ;;
    5.4.*) arguments="hello \$(GREETING)" grace=75 memory='a tmpfs: rw,rprivate,nosuid,nodev,tmpcopyup' ;;
    *) die "podman $version was not looked at: 4.3 and 5.4 were" ;;
  esac
  write_pod
  pod kube play --start=false "$WORK/pod.yaml" >"$WORK/played" 2>&1
  expect "podman $version, warnings" '' "$(grep -iE 'warn|ignor|unsupported' "$WORK/played" || true)"
  expect 'arguments' "$arguments" "$(of_container '.Args[0]')"
  expect 'a variable of a variable' "\$(GREETING) world" "$(of_container '.Config.Env[] | select(startswith("LONGER=")) | .[7:]')"
  expect 'seconds to stop' "$grace" "$(of_container .Config.StopTimeout)"
  expect '/scratch' "$memory" "$(of_container 'if .HostConfig.Tmpfs["/scratch"] then "a tmpfs: " + .HostConfig.Tmpfs["/scratch"] else "a " + .Mounts[0].Type end')"
  expect 'the check' 'CMD-SHELL curl -f http://localhost:8000/ || exit 1' "$(of_container '.Config.Healthcheck.Test | join(" ")')"
  pod pod rm --force web >/dev/null 2>&1
  finish
}

main "$@"
