#!/usr/bin/env bats
# What one does with a deployment from day to day: look, enter, stop, remove.
# shellcheck disable=SC2016  # words that must arrive as they are

load helper

@test "get_bid and get_cid print ids, and nothing else" {
  run -0 bin/get_bid
  [[ $output == "$ONE" ]]
  run -1 bin/get_cid
  says 'no container is running'
  bin/run
  run -0 bin/get_cid
  [[ $output =~ ^c[0-9]{63}$ ]]
}

@test "get_bid prints what runs, not what a newer Setup brought" {
  given bin/run --quiet
  make_image "$TWO" 2.0
  make_deployment "$TWO"
  run -0 bin/get_bid
  [[ $output == "$ONE" ]]
}

@test "shell enters as root, and runs commands as the app, word for word" {
  given bin/run --quiet
  run -0 bin/shell
  says '<exec><--interactive><--><nuwa-blog-blue></bin/bash>'
  run -0 bin/shell python -c 'print("a  b; $HOME")' --help
  says '<nuwa-blog-blue></usr/lib/nuwa/app-env><python><-c><print("a  b; $HOME")><--help>'
  run -0 bin/shell -u root id
  says '<nuwa-blog-blue><id>'
  run -2 bin/shell -u nobody id
  run ! grep -q 'print(' volumes/.nuwa/nuwa.log
}

@test "shell without a container says how to start one" {
  run -1 bin/shell
  says 'bin/run starts it'
}

@test "logs shows the unit's journal" {
  run -0 bin/logs -n 5
  says '--unit nuwa-blog-blue.service --unit nuwa-blog_once-* --lines 5'
  run -0 bin/logs --follow --since '2 hours ago'
  says '--follow --since 2 hours ago'
  run -2 bin/logs -n many
}

@test "status before the first start, while it runs, and as JSON" {
  run -3 bin/status
  says 'serves      NO'
  bin/run
  bin/install
  run -0 bin/status
  says 'serves      yes'
  says 'answer      127.0.0.1:18000: 200'
  says 'https://blog.example.com https://www.blog.example.com'
  cat >"$FAKE/services.json" <<'END'
[{"name": "worker", "kind": "process", "state": "failing", "text": "keeps failing for 20 s: ended 4 times"},
 {"name": "cron", "kind": "service", "state": "down", "text": "down for 5 s"},
 {"name": "rsyslogd", "kind": "service", "state": "up", "text": "up for 3 min"}]
END
  run -0 bin/status
  says 'process     worker: keeps failing for 20 s: ended 4 times'
  says 'service     cron: down for 5 s'
  says_not 'rsyslogd'
  run -0 --separate-stderr bin/status --json
  jq -e '[.services[].state] == ["failing", "down", "up"]' <<<"$output"
  jq -e '.serves and .site.installed and .answer.status == 200 and .unit.state == "active" and .memory == null' <<<"$output"
  mkdir -p "$NUWA_ROOT"/{proc/77,sys/fs/cgroup/one}
  echo 0::/one >"$NUWA_ROOT/proc/77/cgroup"
  echo 31457280 >"$NUWA_ROOT/sys/fs/cgroup/one/memory.current"
  echo 209715200 >"$NUWA_ROOT/sys/fs/cgroup/one/memory.max"
  touch "$FAKE/no-health-listed"
  run -0 bin/status
  says $'health      healthy\n'
  says $'memory      31.5MB / 209.7MB\n'
}

@test "monit hears of what runs next to the server and fails" {
  given bin/run --quiet
  run -0 bash "$DEPLOYMENT/bin/lib/services"
  says 'all processes are up'
  echo 'worker: keeps failing for 20 s' >"$FAKE/faults"
  run -1 bash "$DEPLOYMENT/bin/lib/services"
  says 'worker: keeps failing for 20 s'
}

@test "uninstall takes the site away and stops the app; run and install bring it back" {
  given bin/run --quiet
  given bin/install --quiet
  snapshot >"$TEST/before"
  run -2 bin/uninstall </dev/null
  says 'rerun with --yes'
  run -0 bin/uninstall --yes
  [[ $(find "$NUWA_ROOT/etc" -name '*nuwa*') == "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service" ]]
  [[ ! -e $FAKE/serving/nuwa-blog.conf && ! -e $FAKE/active/nuwa-blog-blue.service ]]
  run -0 bin/uninstall --yes
  bin/run
  bin/install
  snapshot | diff "$TEST/before" -
}

@test "kill refuses while the app is installed, then leaves nothing but volumes" {
  find "$NUWA_ROOT" -type f | sort >"$TEST/before"
  bin/run
  bin/install
  run -1 bin/kill --yes
  says 'First: bin/uninstall'
  bin/uninstall --yes
  mkdir -p "$NUWA_ROOT/run"
  echo '1 0' >"$NUWA_ROOT/run/nuwa-blog-blue.starts"
  run -0 bin/kill --yes
  find "$NUWA_ROOT" -type f | sort | diff "$TEST/before" -
  [[ -z $(find "$FAKE/containers" "$FAKE/enabled" -name '*nuwa*') ]]
  [[ -s volumes/media/picture && -s volumes/secrets/MAIL_PASSWORD ]]
  run -0 bin/kill --yes
}

@test "dry runs of uninstall and kill change nothing" {
  given bin/run --quiet
  given bin/install --quiet
  snapshot >"$TEST/before"
  run -0 bin/uninstall --dry-run
  says 'would run: systemctl disable --now'
  snapshot | diff "$TEST/before" -
  bin/uninstall --yes
  snapshot >"$TEST/before"
  run -0 bin/kill --dry-run
  says 'would run: rm -f --'
  says_not 'is gone'
  snapshot | diff "$TEST/before" -
}
