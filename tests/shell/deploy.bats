#!/usr/bin/env bats
# bin/deploy: a new release takes over from the one that serves, or nothing has happened.

load helper

THREE=$(printf 'c%.0s' {1..64})

# An app without an exclusive volume, installed and serving ONE, with TWO and THREE on the host.
setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word MANIFEST=$TEST/manifest.json
  unset KILL_AT NO_COLOR
  jq '.volume = [.volume[0]] | .deploy = {watch: 0, keep: 2, drain: 1}' "$REPO/tests/shell/manifest.json" >"$MANIFEST"
  make_host
  make_image "$TWO" 2.0
  make_image "$THREE" 3.0
  make_deployment
  given bin/run --quiet
  given bin/install --quiet 2>/dev/null
}

serves() {
  grep -q "$1" "$FAKE/active/nuwa-blog-$2.service"
  grep -q "$1" "$NUWA_ROOT/etc/systemd/system/nuwa-blog-$2.service"
  [[ $(cat volumes/.nuwa/slot) == "$2" && $(cat "volumes/.nuwa/release.$2") == "$1" && $(cat bin/.image) == "$1" ]]
  [[ $(readlink "$NUWA_ROOT/run/nuwa-app/blog/current") == "$2/server.sock" && ! -L $NUWA_ROOT/run/nuwa-app/blog/spare ]]
  [[ $(readlink volumes/static/current) == "${1:0:12}" ]]
  [[ $(cd "$FAKE/active" && echo *.service) == "nuwa-blog-$2.service" ]]
  [[ $(cd "$FAKE/enabled" && echo *.service) == "nuwa-blog-$2.service" ]]
  [[ $(cd "$NUWA_ROOT/etc/systemd/system" && echo nuwa*) == "nuwa-blog-$2.service" ]]
  grep -q "port $(<"volumes/.nuwa/port.$2") " "$NUWA_ROOT/etc/monit/conf.d/nuwa-blog"
  [[ ! -e volumes/.nuwa/deploy && ! -e volumes/.nuwa/change.run ]]
}

@test "deploy takes up an image by its name, and nginx is not reloaded" {
  reloads=$(grep -c nginx "$FAKE/reloads")
  run -0 bin/deploy localhost/app/blog:2.0
  says 'running the release hook'
  says 'bbbbbbbbbbbb serves, in green'
  serves "$TWO" green
  [[ $(grep -c nginx "$FAKE/reloads") == "$reloads" ]]
  [[ $(cut -f 2 volumes/.nuwa/releases.tsv) == "$ONE"$'\n'"$TWO" ]]
  run -0 bin/deploy localhost/app/blog:2.0
  says 'serves already'
}

@test "systemd reads all units again only where it still knows one that is gone" {
  # bin/install had the unit changed while it was enabled
  rm -f "$FAKE/daemon-reloads"
  given bin/deploy --quiet "$TWO"
  serves "$TWO" green
  [[ $(wc -l <"$FAKE/daemon-reloads") == 1 ]]
  [[ $(systemctl show --property LoadState --value -- nuwa-blog-blue.service) == not-found ]]
  rm -r "$FAKE/wanted" "$FAKE/daemon-reloads"
  given bin/deploy --quiet "$THREE"
  serves "$THREE" blue
  [[ ! -e $FAKE/daemon-reloads ]]
  # a unit that is there already, and known
  cp -p "$NUWA_ROOT"/etc/systemd/system/nuwa-blog-{blue,green}.service
  systemctl daemon-reload
  given bin/deploy --quiet "$TWO"
  serves "$TWO" green
  [[ $(wc -l <"$FAKE/daemon-reloads") == 3 ]]
}

@test "scripts that are the same stay, but for one that was edited and those of a Setup that was cut off" {
  given bin/deploy --quiet "$TWO"
  serves "$TWO" green
  [[ $(grep -c 'run: Setup of' volumes/.nuwa/nuwa.log) == 0 ]]
  echo '# mine' >>bin/logs
  run -0 bin/deploy "$THREE"
  says 'bin/logs was edited'
  serves "$THREE" blue
  [[ $(tail -n 1 bin/logs) != '# mine' && $(grep -c 'run: Setup of' volumes/.nuwa/nuwa.log) == 1 ]]
  touch bin/lib/.sums
  given bin/deploy --quiet --rollback
  serves "$TWO" green
  [[ $(grep -c 'run: Setup of' volumes/.nuwa/nuwa.log) == 2 ]]
}

@test "after a deploy with other scripts is undone, an image with the former ones is deployed by those" {
  jq '.app.version = "9.0"' "$MANIFEST" >"$TEST/other.json"
  MANIFEST=$TEST/other.json make_image "$TWO" 9.0
  BID=$TWO bash "$FAKE/images/$TWO/Setup" >/dev/null
  echo "starting $TWO blue green deploy" >volumes/.nuwa/deploy
  run -0 bin/deploy "$THREE"
  says 'undoing the interrupted deploy'
  serves "$THREE" green
  [[ $(cut -f 2 volumes/.nuwa/releases.tsv) == "$ONE"$'\n'"$THREE" && $(grep -c ':9.0' volumes/.nuwa/releases.tsv) == 0 ]]
}

@test "a release that somebody still talks to gets its time, and is then stopped with a message" {
  mkdir -p "$NUWA_ROOT/proc/self/net"
  printf "0: 3 0 %s 0001 3 7 $NUWA_ROOT/run/nuwa-app/%s/server.sock\n" \
    00010000 blog/blue 0 blog/blue 0 blog/green 0 shop/blue >"$NUWA_ROOT/proc/self/net/unix"
  run -0 bin/deploy "$TWO"
  says '1 connections to nuwa-blog-blue are open after 1 s: they are closed now.'
  serves "$TWO" green
}

@test "a scheduled job of the previous release ends before its container is stopped" {
  jobs=$NUWA_ROOT/run/nuwa-app/blog/jobs
  mkdir -p "$jobs"
  echo blue >"$jobs/report.running"
  echo green >"$jobs/other.running"
  exec 7>>"$jobs/other.running"
  flock 7
  jq '.deploy.drain = 60' "$MANIFEST" >"$TEST/patient.json"
  MANIFEST=$TEST/patient.json make_image "$TWO" 2.0
  flock "$jobs/report.running" bash -c "
    until [[ \$(readlink '$NUWA_ROOT/run/nuwa-app/blog/current') == green/* ]]; do sleep 0.1; done; sleep 0.5
    ls '$FAKE/active' >'$TEST/when_it_ended'" 3>&- 7>&- &
  run -0 bin/deploy "$TWO"
  grep -qx nuwa-blog-blue.service "$TEST/when_it_ended"
  serves "$TWO" green
}

@test "early in a minute, a slot whose app has scheduled jobs may have some that did not begin yet" {
  sed '/^readonly JOB_SECONDS=/d' "$REPO/bin-templates/lib/slots" >"$TEST/library"
  # shellcheck source=bin-templates/lib/slots
  source "$TEST/library"
  NUWA_RUNTIME=$TEST/slots
  mkdir -p "$NUWA_RUNTIME/jobs"
  # All of a minute is early, or nothing is.
  JOB_SECONDS=60 run -1 has_jobs blue
  echo 29931766 >"$NUWA_RUNTIME/jobs/report.minute"
  JOB_SECONDS=60 run -0 has_jobs blue
  JOB_SECONDS=0 run -1 has_jobs blue
}

@test "a release that brings more than the disk holds is refused before anything of it is copied" {
  head -c 60M /dev/zero >"$FAKE/images/$TWO/root/srv/app/static/film"
  printf '#!/bin/sh\necho head\necho "x 1000000 1 %s 1%% /"\n' $((250 << 10)) >"$TEST/df"
  chmod +x "$TEST/df"
  PATH=$TEST:$PATH run -4 bin/deploy "$TWO"
  says "this release needs 260 MB of free disk below $DEPLOYMENT/volumes, for its files and to keep running (free: 250 MB)"
  [[ ! -e volumes/static/${TWO:0:12} && ! -e volumes/.nuwa/deploy ]]
  [[ $(cat volumes/.nuwa/slot) == blue && $(readlink volumes/static/current) == "${ONE:0:12}" ]]
  run -0 bin/deploy "$TWO"
  serves "$TWO" green
  # what is there already takes no room a second time
  PATH=$TEST:$PATH run -0 bin/deploy "$ONE"
  serves "$ONE" blue
}

@test "deploy refuses an image that is not here, one of another app, and one for another processor" {
  run -4 bin/deploy localhost/app/blog:9
  says "podman pull 'localhost/app/blog:9'"
  echo shop >"$FAKE/images/$TWO/app"
  run -2 bin/deploy "$TWO"
  says 'is an image of shop, not a release of blog'
  rm "$FAKE/images/$TWO/app"
  echo s390x >"$FAKE/images/$TWO/architecture"
  run -2 bin/deploy "$TWO"
  says "the image ${TWO:0:12} is for s390x, and this host is"
  says 'nuwa build --platform linux/'
  rm "$FAKE/images/$TWO/architecture"
  run -2 bin/deploy --watch soon "$TWO"
  says '--watch takes a number of seconds'
  serves "$ONE" blue
}

@test "a deploy that is killed before it began anything leaves no scripts of its image" {
  printf '#!/bin/sh\ngrep -q %s bin/.image && kill -9 "$NUWA_LOCK_OWNER"\nexec /usr/bin/df "$@"\n' "$TWO" >"$TEST/df"
  chmod +x "$TEST/df"
  PATH=$TEST:$PATH run -137 bin/deploy "$TWO"
  [[ $(<bin/.image) == "$TWO" ]]
  run -0 bin/deploy --resume
  serves "$ONE" blue
  # Scripts that somebody took on purpose stay.
  run -0 bin/deploy "$TWO"
  serves "$TWO" green
  [[ ! -e volumes/.nuwa/former_scripts ]]
}

@test "the lock is free at once when a deploy is killed while the app starts, or while monit or systemd read their files" {
  mkdir "$TEST/slow"
  export PATH=$TEST/slow:$PATH
  for what in "restart -- nuwa-blog-green.service" "reload monit" daemon-reload; do
    rm -f "$TEST/begun"
    # shellcheck disable=SC2016  # the fake expands it
    printf '#!/bin/sh\n[ "$*" != "%s" ] || { : >"$TEST/begun"; sleep 3; }\nexec "$REPO/tests/shell/fakes/systemctl" "$@"\n' \
      "$what" >"$TEST/slow/systemctl"
    chmod +x "$TEST/slow/systemctl"
    # what makes systemd read all units at the end
    systemctl boot
    bin/deploy --quiet "$TWO" 3>&- &
    until [[ -e $TEST/begun ]]; do
      kill -0 $! || fail "never came to: $what"
      sleep 0.02
    done
    kill -9 $!
    wait $! || true
    flock --nonblock volumes/.nuwa/lock true || fail "the lock is held by: $what"
    rm "$TEST/slow/systemctl"
    sleep 3.5
    bin/deploy --resume --yes --quiet
    [[ $(<bin/.image) == "$ONE" ]] || bin/deploy --rollback --quiet
  done
}

@test "a deploy that is cut off while systemd reads its units for the last time is undone as a whole" {
  jq '.site.headers = {"X-Two": "yes"}' "$MANIFEST" >"$TEST/two.json"
  MANIFEST=$TEST/two.json make_image "$TWO" 2.0
  mkdir "$TEST/cut"
  # shellcheck disable=SC2016  # the fake expands it
  printf '#!/bin/sh\n[ "$*" != daemon-reload ] || kill -9 $PPID\nexec "$REPO/tests/shell/fakes/systemctl" "$@"\n' >"$TEST/cut/systemctl"
  chmod +x "$TEST/cut/systemctl"
  # what makes systemd read all units at the end
  systemctl boot
  PATH=$TEST/cut:$PATH run -137 bin/deploy --quiet "$TWO"
  [[ $(<volumes/.nuwa/deploy) == *finishing* ]]
  grep -q X-Two "$NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf"
  touch "$FAKE/images/$TWO/broken"
  systemctl boot
  run -0 bin/deploy --resume --yes
  serves "$ONE" blue
  run -1 grep X-Two "$NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf"
  [[ $(tail -n 1 volumes/.nuwa/releases.tsv | cut -f 2) == "$ONE" ]]
}

@test "a release that does not come up leaves the previous one serving, scripts and all" {
  touch "$FAKE/images/$TWO/broken"
  run -1 bin/deploy "$TWO"
  says 'ModuleNotFoundError: the last line of the app'
  says 'The previous release (aaaaaaaaaaaa) serves; bbbbbbbbbbbb was not kept.'
  serves "$ONE" blue
}

@test "a release whose processes do not stay up is taken back, and what fails is named" {
  jq '.process = [{name: "worker", command: ["work"], stop_timeout: 10}]' "$MANIFEST" >"$MANIFEST.new"
  MANIFEST=$MANIFEST.new make_image "$TWO" 2.0
  echo 'worker: keeps failing for 20 s: ended 4 times, last 2 s ago: exited with 1' >"$FAKE/faults"
  run -1 bin/deploy --watch 3 "$TWO"
  says 'watching errors and processes for 3 s'
  says 'in the new release, worker: keeps failing for 20 s: ended 4 times, last 2 s ago: exited with 1. Rolling back.'
  serves "$ONE" blue
  rm "$FAKE/faults"
  echo 'worker: up for 5 s' >"$FAKE/services"
  run -0 bin/deploy --watch 3 "$TWO"
  says '    worker: up for 5 s'
}

@test "a release hook that fails, and a site that does not answer, lead back too" {
  touch "$FAKE/hook-fails"
  run -1 bin/deploy "$TWO"
  says 'OperationalError: no such table'
  serves "$ONE" blue
  rm "$FAKE/hook-fails"
  echo 500 >"$FAKE/status"
  NUWA_SITE_SECONDS=0 run -1 bin/deploy "$TWO"
  says 'the site does not work at blog.example.com'
  says 'status 500'
  rm "$FAKE/status"
  serves "$ONE" blue
}

@test "errors that nginx hides by asking the previous release count as well" {
  logs=$NUWA_ROOT/var/log/nginx
  mkdir -p "$logs"
  answer='1.2.3.4 - - [25/Nov/2026:22:00:00 +0000] "GET / HTTP/2.0" 200 12 "-" "curl"'
  error='[error] upstream prematurely closed connection, server: x, upstream: "http://unix:/run/nuwa-app/blog/current:/", host: "x"'
  for _ in {1..40}; do echo "$answer"; done >"$logs/nuwa-blog.log"
  : >"$logs/error.log"
  (
    until [[ $(cat volumes/.nuwa/deploy 2>/dev/null) == switched* ]]; do sleep 0.05; done
    sleep 0.5
    for _ in {1..30}; do echo "$answer"; done >>"$logs/nuwa-blog.log"
    for _ in {1..20}; do echo "$error"; done >>"$logs/error.log"
  ) 3>&- &
  run -1 bin/deploy --watch 20 "$TWO"
  says '20 of 30 answers were errors (5xx): 66 %'
  serves "$ONE" blue
}

@test "a new release that keeps being restarted while the previous one answers is taken back" {
  echo 2 >"$FAKE/restarts"
  run -1 bin/deploy --watch 6 "$TWO"
  says 'the new release was restarted 2 times'
  serves "$ONE" blue
}

@test "when the share of errors rises after the switch, it rolls back automatically" {
  log=$NUWA_ROOT/var/log/nginx/nuwa-blog.log
  mkdir -p "${log%/*}"
  line='1.2.3.4 - - [25/Nov/2026:22:00:00 +0000] "GET / HTTP/2.0" %s 12 "-" "curl"\n'
  # shellcheck disable=SC2059  # the line is a format
  for _ in {1..40}; do printf "$line" 200; done >"$log"
  (
    until [[ $(cat volumes/.nuwa/deploy 2>/dev/null) == switched* ]]; do sleep 0.05; done
    sleep 0.5
    # While both are up, nginx tries the previous one where the new one does not take a request.
    readlink "$NUWA_ROOT/run/nuwa-app/blog/spare" >"$TEST/spare"
    # shellcheck disable=SC2059  # the line is a format
    for _ in {1..30}; do printf "$line" 502; done >>"$log"
  ) 3>&- &
  run -1 bin/deploy --watch 20 "$TWO"
  says 'of 30 answers were errors (5xx): 100 %, previously 0 %'
  says 'The previous release (aaaaaaaaaaaa) serves'
  [[ $(<"$TEST/spare") == blue/server.sock ]]
  serves "$ONE" blue
  [[ $(cut -f 2 volumes/.nuwa/releases.tsv) == "$ONE" ]]
}

@test "rollback goes back without the hook, and returns; a release that is gone is named" {
  run -1 bin/deploy --rollback
  says 'no release before this one (aaaaaaaaaaaa)'
  bin/deploy --quiet "$TWO"
  hooks=$(cat "$FAKE/hooks")
  run -0 bin/deploy --rollback
  serves "$ONE" blue
  [[ $(cat "$FAKE/hooks") == "$hooks" ]]
  run -0 bin/deploy --rollback
  serves "$TWO" green
  rm -r "$FAKE/images/$ONE"
  run -4 bin/deploy --rollback
  says 'the image aaaaaaaaaaaa of the previous release is not on this host any more. Available: none'
  run -2 bin/deploy --rollback "$THREE"
  says 'is not an earlier release'
}

@test "images of old releases go, those of the last ones and of others stay" {
  make_image "$(printf 'd%.0s' {1..64})"
  : >"$FAKE/images/$(printf 'd%.0s' {1..64})/name"
  make_image "$(printf 'e%.0s' {1..64})"
  bin/deploy --quiet "$TWO"
  bin/deploy --quiet "$THREE"
  [[ $(cd "$FAKE/images" && echo *) == "$TWO $THREE $(printf 'e%.0s' {1..64})" ]]
}

@test "a dry run shows the new unit and changes nothing" {
  snapshot >"$TEST/before"
  run -0 bin/deploy --dry-run "$TWO"
  says '+ExecStart=/usr/bin/podman run'
  says 'would start nuwa-blog-green.service'
  snapshot | diff "$TEST/before" -
}

@test "an exclusive volume: the previous release ends first, and comes back when the new one fails" {
  unset MANIFEST
  make_image "$TWO" 2.0
  BID=$ONE bash "$(payload)/Setup" >/dev/null
  bin/run --quiet
  touch "$FAKE/images/$TWO/broken"
  : >"$FAKE/starts"
  run -1 bin/deploy "$TWO"
  says 'the volume data is exclusive: the site pauses'
  serves "$ONE" blue
  [[ ! -e $NUWA_ROOT/run/nuwa-app/blog/paused ]]
  [[ $(grep blog "$FAKE/starts") == $'nuwa-blog-green.service\nnuwa-blog-blue.service' ]]
}

@test "without a site, deploy leaves nginx alone" {
  bin/uninstall --yes --quiet
  bin/run --quiet
  rm -f "$FAKE/reloads"
  run -0 bin/deploy "$TWO"
  [[ ! -e $FAKE/reloads || $(cat "$FAKE/reloads") != *nginx* ]]
  serves "$TWO" green
}

@test "an idle slot whose port somebody took meanwhile gets another" {
  "$NUWA_PYTHON" -c 'import socket, time; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True); time.sleep(600)' >"$TEST/taken" 3>&- &
  listener=$!
  until [[ -s $TEST/taken ]]; do sleep 0.1; done
  cp "$TEST/taken" volumes/.nuwa/port.green
  run -0 bin/deploy "$TWO"
  kill "$listener"
  serves "$TWO" green
  [[ $(<volumes/.nuwa/port.green) != "$(<"$TEST/taken")" ]]
  grep -q -- "--publish=127.0.0.1:$(<volumes/.nuwa/port.green):" "$FAKE/active/nuwa-blog-green.service"
}

# A hook whose script was killed: its container keeps running.
orphan_hook() {
  echo "$TWO" >volumes/.nuwa/hook.running
  echo "$TWO" >"$FAKE/containers/nuwa-blog-release"
}

@test "the release hook of a deploy that was killed is waited for, then stopped, before anything else is done" {
  orphan_hook
  echo "starting $TWO blue green deploy" >volumes/.nuwa/deploy
  (
    until grep -qs 'is still running after the interruption' volumes/.nuwa/nuwa.log; do sleep 0.1; done
    rm "$FAKE/containers/nuwa-blog-release"
    ls "$FAKE/active" >"$TEST/when-it-ended"
  ) 3>&- &
  run -0 bin/deploy --resume
  says 'the release hook of bbbbbbbbbbbb is still running after the interruption'
  says 'Its changes to the data stay'
  [[ -e $TEST/when-it-ended && ! -e volumes/.nuwa/hook.running ]]
  serves "$ONE" blue
  orphan_hook
  NUWA_HOOK_WAIT=1 run -0 bin/deploy "$TWO"
  says 'stopping the release hook of bbbbbbbbbbbb'
  [[ ! -e $FAKE/containers/nuwa-blog-release ]]
  serves "$TWO" green
}

@test "uninstall stops the release hook of a deploy that was killed, and so does kill" {
  orphan_hook
  run -0 bin/uninstall --yes
  says 'stopping the release hook of bbbbbbbbbbbb'
  orphan_hook
  run -0 bin/kill --yes
  says 'Its changes to the data stay'
  [[ ! -e $FAKE/containers/nuwa-blog-release && ! -e volumes/.nuwa/hook.running ]]
}

@test "what differed in its header alone is put back too when a release is not taken up" {
  find "$NUWA_ROOT/etc" -type f -print0 | sort -z | xargs -0 sha256sum >"$TEST/before"
  echo 500 >"$FAKE/status"
  NUWA_SITE_SECONDS=0 run -1 bin/deploy "$TWO"
  says 'the site does not work at blog.example.com'
  rm "$FAKE/status"
  find "$NUWA_ROOT/etc" -type f -print0 | sort -z | xargs -0 sha256sum | diff "$TEST/before" -
  [[ -z $(find volumes/.nuwa -maxdepth 1 -name 'change.*') ]]
  bin/deploy "$TWO"
  run -0 bin/deploy --rollback
  says_not 'changed by hand'
}

# Another app's deployment on this host, whose port nobody listens at yet.
reserve() {
  mkdir -p "$TEST/shop/bin/lib" "$NUWA_ROOT/var/lib/nuwa-app/ports"
  touch "$TEST/shop/bin/lib/app"
  printf '%s\tport.blue\n' "$TEST/shop" >"$NUWA_ROOT/var/lib/nuwa-app/ports/$1"
}

@test "a port that another app has reserved is left to it, until that app is gone" {
  reserve 18001
  bin/deploy --quiet "$TWO"
  [[ $(<volumes/.nuwa/port.green) == 18002 ]]
  rm -r "$TEST/shop"
  rm volumes/.nuwa/port.blue
  bin/deploy --quiet "$THREE"
  [[ $(<volumes/.nuwa/port.blue) == 18000 || $(<volumes/.nuwa/port.blue) == 18001 ]]
  grep -q "$DEPLOYMENT" "$NUWA_ROOT/var/lib/nuwa-app/ports/$(<volumes/.nuwa/port.blue)"
}

@test "the port of a release that is not taken up is free again, and so are all after bin/kill" {
  touch "$FAKE/images/$TWO/broken"
  run -1 bin/deploy "$TWO"
  [[ ! -e volumes/.nuwa/port.green ]]
  [[ $(ls "$NUWA_ROOT/var/lib/nuwa-app/ports") == "$(<volumes/.nuwa/port.blue)" ]]
  bin/uninstall --yes --quiet
  bin/kill --yes --quiet
  [[ -z $(ls "$NUWA_ROOT/var/lib/nuwa-app/ports") ]]
}

@test "two that choose a port at once never get the same" {
  source bin/lib/common
  source bin/lib/host
  source bin/lib/ports
  TEMPORARY=$(mktemp -d)
  use_parts reserve
  rm -rf "$TEMPORARY"
  taken() { false; }
  for name in a b c d e f; do
    reserve_port "port.$name" 18500 18599 taken '' taken >"$TEST/port.$name" 3>&- &
  done
  wait
  [[ $(cat "$TEST"/port.? | grep -o '185..' | sort -u | wc -l) == 6 ]]
}
