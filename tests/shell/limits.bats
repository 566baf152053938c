#!/usr/bin/env bats
# What a container sends is limited by the unit; what a host lacks for that is said.

load helper

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word MANIFEST=$TEST/manifest.json
  jq '.limits.network = 50000000 | .volume[1].policy = "shared"' "$REPO/tests/shell/manifest.json" >"$MANIFEST"
  make_host
  make_deployment
  mkdir "$TEST/bin" "$TEST/enters"
  # The namespace of a container that the fake podman made up.
  printf '#!/bin/sh\necho "$*" >"%s.new" && mv "%s.new" "%s"\n' "$TEST/limited" "$TEST/limited" "$TEST/limited" >"$TEST/enters/nsenter"
  chmod +x "$TEST/enters/nsenter"
  export PATH=$TEST/enters:$PATH
}

@test "a limit of what is sent is in the unit; without tc nothing is changed, and a kernel that cannot is told of" {
  printf '#!/bin/sh\nexit 2\n' >"$TEST/bin/tc"
  chmod +x "$TEST/bin/tc"
  PATH=$TEST/bin:$PATH run -0 bin/run --dry-run
  says 'limits.network has no effect: this kernel has no token bucket filter (tbf, module sch_tbf).'
  rm "$TEST/bin/tc"
  ln -s /usr/bin/* /usr/sbin/* "$TEST/bin/" 2>/dev/null || true
  rm "$TEST/bin/tc"
  PATH=$REPO/tests/shell/fakes:$TEST/bin run -4 bin/run
  says 'tc is missing, for limits.network: apt-get install --no-install-recommends iproute2'
  [[ ! -e $NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service ]]
  # The container of the release hook, which the fake podman does not make.
  echo "$ONE" >"$FAKE/containers/nuwa-blog-release"
  run -0 bin/run
  until [[ -e $TEST/limited ]]; do sleep 0.1; done
  [[ $(<"$TEST/limited") == '--target 77 --net tc qdisc replace dev eth0 root tbf rate 50000000bit burst 65536 latency 100ms' ]]
  grep -q '^ExecStartPost=-/bin/sh -c "nsenter .* tbf rate 50000000bit burst 65536 latency 100ms' "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service"
}

@test "what a one-off command sends is limited, too, in the background as well; one that is over already is left" {
  bin/run --quiet
  echo "$ONE" >"$FAKE/once-stays"
  for options in '' --detach; do
    rm -f "$TEST/limited"
    # shellcheck disable=SC2086  # none, or one
    run -0 bin/run-once $options id </dev/null
    until [[ -e $TEST/limited ]]; do sleep 0.1; done
    [[ $(<"$TEST/limited") == '--target 77 --net tc qdisc replace dev eth0 root tbf rate 50000000bit '* ]]
  done
  rm "$FAKE/once-stays" "$TEST/limited" "$FAKE"/containers/nuwa-blog_once-*
  run -0 bin/run-once --detach id
  [[ ! -e $TEST/limited ]]
}
