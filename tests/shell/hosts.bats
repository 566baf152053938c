#!/usr/bin/env bats
# The main scripts on hosts of each release, where programs have no other options than their versions there.

load helper

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word BORG_PASSPHRASE=phrase MANIFEST=$TEST/manifest.json
  unset KILL_AT NO_COLOR
  jq '.backup = {repository: "/nowhere/borg"} | .deploy = {watch: 0, drain: 1}' "$REPO/tests/shell/manifest.json" >"$MANIFEST"
  make_host
}

teardown() {
  cat "$FAKE/refused" 2>/dev/null || true
}

# From the first start to the last file, by way of a release, an archive, a restore and a move.
life() {
  make_release "$1"
  make_image "$TWO" 2.0
  make_deployment
  bin/run --quiet
  bin/install --self-signed --quiet
  bin/deploy --quiet "$TWO"
  bin/archive_volumes --quiet --repository "$TEST/borg" 2>/dev/null
  bin/archive_volumes --quiet
  bin/archive_volumes --rehearse --quiet
  bin/archive_volumes --check --quiet
  echo 'a new picture' >volumes/media/picture
  bin/restore_volumes --yes --quiet
  grep -qx 'first picture' volumes/media/picture
  bin/status --json >/dev/null
  bin/migrate --quiet --output "$TEST/blog.sh"
  make_other_host
  bin/migrate --quiet "root@there:$THERE"
  bin/migrate --quiet --yes --cutover "root@there:$THERE"
  bin/migrate --quiet --yes --rollback "root@there:$THERE"
  bin/uninstall --yes --quiet
  bin/kill --yes --quiet
  [[ ! -e $FAKE/refused ]] || fail "$(<"$FAKE/refused")"
}

@test "Rocky Linux 8 has all that the scripts ask for" {
  life rocky8
}

@test "Rocky Linux 9 has all that the scripts ask for" {
  life rocky9
}

@test "Rocky Linux 10 has all that the scripts ask for" {
  life rocky10
}

@test "Debian 12 has all that the scripts ask for" {
  life debian12
}

@test "Debian 13 has all that the scripts ask for" {
  life debian13
}

@test "an option of a later version is refused, and one that no table knows" {
  make_release rocky8
  run -2 borg create --numeric-ids "$TEST/borg::x"
  says 'borg 1.1.17: unrecognized arguments: --numeric-ids'
  run -2 borg compact "$TEST/borg"
  says 'borg 1.1.17: unrecognized arguments: compact'
  run -2 curl --retry-all-errors http://127.0.0.1
  says 'not in tests/data/options.tsv'
}
