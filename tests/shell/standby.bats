#!/usr/bin/env bats
# [deploy] standby: the previous release stays, paused, and a rollback wakes it.

load helper

# An app whose releases stand by for ten minutes, installed and serving ONE, with TWO on the host.
setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word MANIFEST=$TEST/manifest.json
  unset KILL_AT NO_COLOR
  jq '.volume = [.volume[0]] | .deploy = {watch: 0, drain: 1, standby: 600}' "$REPO/tests/shell/manifest.json" >"$MANIFEST"
  make_host
  make_image "$TWO" 2.0
  make_deployment
  NOTE=$NUWA_ROOT/run/nuwa-app/blog/standby
  ID=c$(printf '%063d' 1)
  mkdir "$NUWA_ROOT/proc"
  printf 'Mem%s kB\n' 'Total: 8000000' 'Available: 4000000' >"$NUWA_ROOT/proc/meminfo"
  echo "$ID-4f1c.timer loaded active waiting podman healthcheck" >"$FAKE/health-timer"
  # The first check of a start fails.
  mkdir "$FAKE/failed"
  touch "$FAKE/failed/$ID-4f1c.service"
  given bin/run --quiet
  given bin/install --quiet 2>/dev/null
}

# Nothing of a former release is left: only this slot ($1) is there, and it is like any other.
is_alone() {
  [[ $(cd "$FAKE/active" && echo nuwa*) == "nuwa-blog-$1.service" ]] || fail "$(ls "$FAKE/active")"
  [[ $(cd "$FAKE/containers" && echo nuwa*) == "nuwa-blog-$1" && -z $(ls "$FAKE/paused") ]]
  [[ $(cd "$NUWA_ROOT/etc/systemd/system" && echo nuwa*) == "nuwa-blog-$1.service" ]]
  grep -qx 'Restart=always' "$NUWA_ROOT/etc/systemd/system/nuwa-blog-$1.service"
  [[ ! -e $NOTE && ! -e $FAKE/timers/nuwa-blog_standby.timer && -z $(ls "$NUWA_ROOT/run/systemd/system") ]]
  [[ $(readlink "$NUWA_ROOT/run/nuwa-app/blog/current") == "$1/server.sock" && ! -e volumes/.nuwa/deploy ]]
}

@test "after a deploy the previous release is paused, is not restarted, and ends by itself in time" {
  run -0 bin/deploy "$TWO"
  says 'the previous release is on standby for 10 min, paused'
  [[ -e $FAKE/paused/nuwa-blog-blue && $(cat "$FAKE/standby") == 'nuwa-blog-blue enter' ]]
  [[ ! -e $NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service && ! -e $FAKE/enabled/nuwa-blog-blue.service ]]
  grep -qx 'Restart=no' "$FAKE/loaded/nuwa-blog-blue.service"
  grep -B 1 '^ExecStop=/usr/bin/podman stop' "$FAKE/loaded/nuwa-blog-blue.service" | grep -q "podman unpause nuwa-blog-blue"
  grep -qx -- --on-active=600 "$FAKE/transient"
  run -0 bin/status
  says "standby     ${ONE:0:12} until "
  [[ $(bin/status --json | jq -r '.standby.slot') == blue ]]
  # As the timer calls it.
  mapfile -t words <"$FAKE/timers/nuwa-blog_standby.timer"
  "${words[@]}"
  is_alone green
}

@test "a rollback wakes it: nothing is started, visitors are there at once, and it is a slot like any other" {
  given bin/deploy --quiet "$TWO"
  starts=$(grep -c blog "$FAKE/starts")
  hooks=$(cat "$FAKE/hooks")
  run -0 bin/deploy --rollback --dry-run
  [[ $output == "would wake ${ONE:0:12}, which is on standby, and switch visitors to it" && -e $FAKE/paused/nuwa-blog-blue ]]
  run -0 bin/deploy --rollback
  says "${ONE:0:12} serves again, in blue"
  says_not 'interrupted'
  [[ $(grep -c blog "$FAKE/starts") == "$starts" && $(cat "$FAKE/hooks") == "$hooks" ]]
  [[ $(tail -n 1 "$FAKE/standby") == 'nuwa-blog-blue leave' && $(cat bin/.image) == "$ONE" ]]
  grep -qxF -- "$ID" "$FAKE/timers/$ID-4f1c.timer"
  is_alone blue
  run -0 bin/deploy --rollback
  says "starting nuwa-blog-green.service"
}

@test "where it does not answer any more, or nobody can pause it, the release is started anew" {
  given bin/deploy --quiet "$TWO"
  echo 500 >"$FAKE/status-inside"
  run -0 bin/deploy --rollback
  says 'does not answer any more'
  is_alone blue
  touch "$FAKE/no-standby"
  run -0 bin/deploy "$TWO"
  says 'the previous release is not kept on standby: its processes do not stop'
  is_alone green
}

@test "it is woken before the host is looked at, and what the host lacks is told then" {
  bin/deploy --quiet "$TWO"
  FAKE_PODMAN_VERSION=3.4 run -4 bin/deploy --rollback
  says "${ONE:0:12} serves again"
  says 'this host lacks: podman 4.0 or newer (here: 3.4)'
  [[ $(readlink "$NUWA_ROOT"/run/nuwa-app/blog/current) == blue/server.sock ]]
  run -0 bin/deploy --resume
  says "blog is at release ${ONE:0:12}"
  [[ ! -e $NUWA_ROOT/run/nuwa-app/blog/standby && -z $(ls "$FAKE/paused") ]]
}

@test "where memory is short, connections are open or secrets have changed, it ends, and why is told" {
  printf 'Mem%s kB\n' 'Total: 8000000' 'Available: 900000' >"$NUWA_ROOT/proc/meminfo"
  run -0 bin/deploy "$TWO"
  says 'is not kept on standby: memory is short: it uses 0 MB, and 878 MB of 7812 MB are free'
  is_alone green
  mkdir -p "$NUWA_ROOT/proc/self/net"
  echo "0: 3 0 0 0001 3 7 $NUWA_ROOT/run/nuwa-app/blog/green/server.sock" >"$NUWA_ROOT/proc/self/net/unix"
  run -0 bin/deploy "$ONE"
  says 'is not kept on standby: connections to it are still open'
  is_alone blue
}

@test "a new secret, another deploy and bin/uninstall end it; a boot does, too, and a rollback then starts the release" {
  given bin/deploy --quiet "$TWO"
  run -0 bin/secret set MAIL_PASSWORD <<<other
  says 'is no longer on standby'
  is_alone green
  bin/deploy --quiet "$ONE"
  [[ -e $FAKE/paused/nuwa-blog-green ]]
  run -0 bin/deploy --end-standby
  is_alone blue
  bin/deploy --quiet "$TWO"
  systemctl boot
  rm -rf "$FAKE/activating"
  systemctl start nuwa-blog-green.service
  bin/deploy --rollback --quiet
  is_alone blue
  bin/deploy --quiet "$TWO"
  bin/uninstall --yes --quiet
  [[ -z $(find "$FAKE"/{active,containers} "$NUWA_ROOT/run/systemd/system" -name 'nuwa-*') ]]
}
