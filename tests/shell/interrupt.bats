#!/usr/bin/env bats
# Each script is killed (-9) before each single thing that it does, then run again: the result is that of an
# undisturbed run.

load helper

# Programs that change files are counted as steps too, in addition to the fakes.
count_steps() {
  local tool
  mkdir "$TEST/shims"
  for tool in mv rm cp install mkdir ln chown chmod touch tar rmdir dd; do
    ln -s "$SHIMS/shim" "$TEST/shims/$tool"
  done
  STEPS_PATH=$TEST/shims:$PATH
}

# Copies of the hosts and the deployments, to begin each time from the same.
save() {
  local place
  rm -rf "$TEST/saved"
  mkdir "$TEST/saved"
  for place in root root2 fake fake2 there "${DEPLOYMENT##*/}"; do
    [[ ! -e $TEST/$place ]] || cp -a "$TEST/$place" "$TEST/saved/"
  done
}

restore() {
  cd "$TEST" || return
  rm -rf root root2 fake fake2 there "$DEPLOYMENT"
  cp -a saved/* "$TEST/"
  cd "$DEPLOYMENT" || return
}

# interrupt_each SCRIPT [ARGUMENT…]: kills at step 1, 1 + STRIDE, 1 + 2 STRIDE, … until one run gets through, so that
# all of it stays quick. After changing a script, kill it at each step: NUWA_STRIDE=1 script/test shell.
interrupt_each() {
  local stride=${NUWA_STRIDE:-${STRIDE:-1}} step
  step=$((1 - stride))
  save
  "$@" --quiet
  snapshot >"$TEST/undisturbed"
  while :; do
    step=$((step + stride))
    restore
    if { PATH=$STEPS_PATH KILL_AT=$step "$@" --quiet; } 2>/dev/null; then
      break
    fi
    # bin/run, which bin/install calls, may outlive it and holds the lock until it is done
    flock volumes/.nuwa/lock true
    "$@" --quiet 2>"$TEST/errors" || fail "$(<"$TEST/errors")" "after a kill at step $step ($(tail -n 1 "$FAKE/steps")) $* fails"
    snapshot | diff "$TEST/undisturbed" - >&2 || fail "after a kill at step $step ($(tail -n 1 "$FAKE/steps"))"
  done
  echo "# $1: $((step - 1)) steps" >&3
  ((step > 3))
}

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word
  make_host
  make_deployment
  count_steps
}

@test "run" {
  STRIDE=4 interrupt_each bin/run
}

@test "several secrets at once" {
  given bin/run --quiet
  take_in() {
    bin/secret import "$@" <<<'{"MAIL_PASSWORD": "new", "SECRET_KEY": "other"}'
  }
  STRIDE=3 interrupt_each take_in
}

@test "a variable of the host" {
  given bin/run --quiet
  STRIDE=3 interrupt_each bin/config set WORKERS=3 GREETING='a b'
}

@test "run of a new release" {
  given bin/run --quiet
  make_image "$TWO" 2.0
  make_deployment "$TWO"
  STRIDE=13 interrupt_each bin/run
}

# An app without an exclusive volume.
make_shared() {
  export MANIFEST=$TEST/manifest.json
  jq '.volume = [.volume[0]] | .deploy = {watch: 0}' "$REPO/tests/shell/manifest.json" >"$MANIFEST"
  make_image "$ONE"
  BID=$ONE bash "$(payload)/Setup" >/dev/null
  make_image "$TWO" 2.0
  given bin/run --quiet
  given bin/install --quiet
}

@test "deploy" {
  make_shared
  STRIDE=11 interrupt_each bin/deploy "$TWO"
}

# cut_off_each SCRIPT [ARGUMENT…]: a kill -9 and a power cut, from the switch of visitors on and at each STRIDE-th step;
# the host boots, its slots are still starting, and bin/deploy --resume comes, as the agent calls it.
cut_off_each() {
  local stride=${NUWA_STRIDE:-${STRIDE:-1}} step last
  save
  { PATH=$STEPS_PATH KILL_AT=9999 "$@" --quiet; } 2>/dev/null
  last=$(wc -l <"$FAKE/steps")
  step=$(grep -n 'mv .*/\.slot\.new' "$FAKE/steps" | head -n 1 | cut -d : -f 1)
  for ((step -= 6; step <= last; step += stride)); do
    restore
    ! { PATH=$STEPS_PATH KILL_AT=$step "$@" --quiet; } 2>/dev/null || break
    flock volumes/.nuwa/lock true
    CUT="a power cut at step $step ($(tail -n 1 "$FAKE/steps"))"
    systemctl boot
    touch "$FAKE/watched"
    after_boot
  done
  echo "# $1: $last steps" >&3
}

resume() {
  bin/deploy --resume --yes --quiet 2>"$TEST/errors"
}

# Exactly one slot is up and enabled, and everything names it: notes, link, scripts, monit.
is_whole() {
  local slot image
  slot=$(<volumes/.nuwa/slot)
  image=$(<"volumes/.nuwa/release.$slot")
  [[ ! -e $FAKE/dark ]] || fail "after $CUT: $(<"$FAKE/dark")" "$(<"$TEST/errors")"
  diff <(printf '%s\n' "nuwa-blog-$slot.service"{,,} "$slot/server.sock" "$image" "${image:0:12}" "$image") <(
    (cd "$FAKE/active" && printf '%s\n' nuwa-blog-*.service)
    (cd "$FAKE/enabled" && printf '%s\n' nuwa-blog-*.service)
    (cd "$NUWA_ROOT/etc/systemd/system" && printf '%s\n' nuwa-blog-*.service)
    readlink "$NUWA_ROOT/run/nuwa-app/blog/current" "$NUWA_ROOT/run/nuwa-app/blog/spare"
    cat bin/.image
    readlink volumes/static/current
    cat "$FAKE/containers/nuwa-blog-$slot"
  ) >&2 || fail "after $CUT" "$(<"$TEST/errors")"
  grep -q "nuwa-blog-$slot" "$FAKE/active/nuwa-blog-$slot.service"
  [[ ! -e volumes/.nuwa/deploy && -z $(find volumes/.nuwa -maxdepth 1 -name 'change.*') ]] ||
    fail "after $CUT something is left" "$(<"$TEST/errors")"
}

@test "deploy, a power cut, a boot with slots that take their time: somebody serves, and nobody is stopped too early" {
  after_boot() {
    resume || fail "--resume fails after $CUT" "$(<"$TEST/errors")"
    is_whole
  }
  make_shared
  STRIDE=6 cut_off_each bin/deploy "$TWO"
}

@test "deploy, a power cut, and a new release that does not come up after it: the previous one serves, or all is told" {
  after_boot() {
    touch "$FAKE/images/$TWO/broken"
    if resume; then
      is_whole
      [[ $(<bin/.image) == "$ONE" ]] || fail "after $CUT"
    else
      grep -q 'the site is down' "$TEST/errors" || fail "after $CUT:" "$(<"$TEST/errors")"
      # Only where the previous release was on its way out: its unit is gone.
      [[ ! -e $NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service ]] || fail "after $CUT: blue was there" "$(<"$TEST/errors")"
    fi
  }
  make_shared
  STRIDE=6 cut_off_each bin/deploy "$TWO"
}

@test "deploy, a power cut, and no release comes up: --resume says so each time, and finishes once one does" {
  after_boot() {
    touch "$FAKE/images/$ONE/broken" "$FAKE/images/$TWO/broken"
    for _ in 1 2; do
      ! resume || fail "exit code 0 though nobody serves, after $CUT"
      grep -q 'the site is down' "$TEST/errors" || fail "after $CUT:" "$(<"$TEST/errors")"
    done
    rm "$FAKE/images"/*/broken
    [[ ! -e volumes/.nuwa/deploy ]] || {
      resume || fail "after $CUT:" "$(<"$TEST/errors")"
      is_whole
    }
  }
  make_shared
  STRIDE=9 cut_off_each bin/deploy "$TWO"
}

@test "rollback" {
  make_shared
  bin/deploy --quiet "$TWO"
  STRIDE=17 interrupt_each bin/deploy --rollback
}

# A release that stands by after a deploy, and is woken.
make_standby() {
  make_shared
  jq '.deploy.standby = 600' "$MANIFEST" >"$TEST/other.json"
  export MANIFEST=$TEST/other.json
  mkdir -p "$NUWA_ROOT/proc"
  printf 'Mem%s kB\n' 'Total: 8000000' 'Available: 4000000' >"$NUWA_ROOT/proc/meminfo"
  make_image "$ONE"
  make_image "$TWO" 2.0
  BID=$ONE bash "$(payload)/Setup" >/dev/null
  given bin/run --quiet
}

@test "deploy with a release that stands by" {
  make_standby
  STRIDE=23 interrupt_each bin/deploy "$TWO"
}

@test "rollback to a release that stands by" {
  make_standby
  given bin/deploy --quiet "$TWO"
  [[ -e $FAKE/paused/nuwa-blog-blue ]]
  STRIDE=11 interrupt_each bin/deploy --rollback
}

@test "rollback to a release that stands by, a power cut, a boot: somebody serves, and nothing of a standby is left" {
  after_boot() {
    resume || fail "--resume fails after $CUT" "$(<"$TEST/errors")"
    [[ ! -e $NUWA_ROOT/run/nuwa-app/blog/standby && -z $(ls "$NUWA_ROOT/run/systemd/system") ]]
    is_whole
  }
  make_standby
  given bin/deploy --quiet "$TWO"
  STRIDE=12 cut_off_each bin/deploy --rollback
}

@test "install" {
  given bin/run --quiet
  STRIDE=6 interrupt_each bin/install --self-signed new.example.com
}

@test "install that gets a certificate from an authority" {
  given bin/run --quiet
  given bin/install --quiet --self-signed
  STRIDE=7 interrupt_each bin/install --tls-of-image
}

@test "uninstall and kill" {
  given bin/run --quiet
  given bin/install --quiet --self-signed
  STRIDE=2 interrupt_each bin/uninstall --yes
  restore
  bin/uninstall --yes --quiet
  STRIDE=2 interrupt_each bin/kill --yes
}

@test "run with a database" {
  export MANIFEST=$REPO/tests/shell/manifest-database.json BORG_PASSPHRASE=phrase FAKE_APP=blog
  rm -rf "$FAKE" "$DEPLOYMENT"
  make_host
  make_deployment
  mkdir -p "$FAKE"/{postgresql/{roles,databases},mariadb}
  touch "$FAKE"/{postgresql,mariadb}/up
  STRIDE=13 interrupt_each bin/run
}

@test "archive, rehearsal and restore" {
  export MANIFEST=$REPO/tests/shell/backup.json BORG_PASSPHRASE=word
  rm -rf "$TEST/root" "$FAKE" "$DEPLOYMENT"
  make_host
  make_deployment
  given bin/run --quiet
  STRIDE=2 interrupt_each bin/archive_volumes --repository "$FAKE/archives"
  restore
  bin/archive_volumes --repository "$FAKE/archives" --quiet 2>/dev/null
  STRIDE=3 interrupt_each bin/archive_volumes --rehearse
  restore
  echo changed >volumes/media/picture
  STRIDE=5 interrupt_each bin/restore_volumes --yes
  [[ $(<volumes/media/picture) == 'first picture' ]]
}

@test "migrate to another host, and back" {
  make_other_host
  given bin/run --quiet
  given bin/install --quiet --self-signed
  STRIDE=9 interrupt_each bin/migrate "root@there:$THERE"
  restore
  bin/migrate --quiet "root@there:$THERE"
  STRIDE=11 interrupt_each bin/migrate --yes --cutover "root@there:$THERE"
  restore
  bin/migrate --quiet --yes --cutover "root@there:$THERE"
  STRIDE=11 interrupt_each bin/migrate --yes --rollback "root@there:$THERE"
}

# Over what an earlier one left.
pack() {
  rm -f "$TEST/blog.sh"
  bin/migrate --output "$TEST/blog.sh" "$@"
}

@test "migrate into a file" {
  given bin/run --quiet
  STRIDE=2 interrupt_each pack
  sh "$TEST/blog.sh" --verify
}

# fake PATH LINE…: a program of those lines.
fake() {
  mkdir -p "${1%/*}"
  printf '%s\n' '#!/usr/bin/env bash' "${@:2}" >"$1"
  chmod +x "$1"
}

@test "checksums that outlive a killed command write nothing into the next one" {
  given bin/run --quiet
  # shellcheck disable=SC2016  # the programs expand these
  fake "$TEST/before/openssl" '[[ $1 == dgst ]] || exec "$REPO/tests/shell/fakes/openssl" "$@"' \
    'touch "$TEST/waits"' 'until [[ -e $TEST/continue ]]; do sleep 0.05; done'
  # shellcheck disable=SC2016  # the program expands it
  fake "$TEST/after/mkfifo" 'touch "$TEST/continue"' 'sleep 2' 'exec /usr/bin/mkfifo "$@"'
  PATH=$TEST/before:$PATH pack 3>&- &
  until [[ -e $TEST/waits ]]; do sleep 0.05; done
  pkill -KILL -P $!
  pkill -KILL -f -- "^tar .*$TEST"
  PATH=$TEST/after:$PATH pack --quiet
  sh "$TEST/blog.sh" --verify
}
