#!/usr/bin/env bats
# What a container sends is limited by the unit; what a host lacks for that is said.

load helper

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word MANIFEST=$TEST/manifest.json
  jq '.limits.network = 50000000' "$REPO/tests/shell/manifest.json" >"$MANIFEST"
  make_host
  make_deployment
  mkdir "$TEST/bin"
}

@test "a limit of what is sent is in the unit; without tc nothing is changed, and a kernel that cannot is told of" {
  printf '#!/bin/sh\nexit 2\n' >"$TEST/bin/tc"
  chmod +x "$TEST/bin/tc"
  PATH=$TEST/bin:$PATH run -0 bin/run --dry-run
  says 'limits.network: this kernel has no token bucket filter (tbf, module sch_tbf): no effect here'
  rm "$TEST/bin/tc"
  ln -s /usr/bin/* /usr/sbin/* "$TEST/bin/" 2>/dev/null || true
  rm "$TEST/bin/tc"
  PATH=$REPO/tests/shell/fakes:$TEST/bin run -4 bin/run
  says 'tc is missing, for limits.network: apt-get install --no-install-recommends iproute2'
  [[ ! -e $NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service ]]
  run -0 bin/run
  grep -q '^ExecStartPost=-/bin/sh -c "nsenter .* tbf rate 50000000bit burst 65536 latency 100ms' "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service"
}
