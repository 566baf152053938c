#!/usr/bin/env bats
# Archives in a real S3 server by the real restic: what storage.bats says with a fake, as restic itself does it, and what
# servers answer that are slow, wrong, or have another clock.

load helper

setup_file() {
  # The faults of one test's server are those of all.
  export BATS_NO_PARALLELIZE_WITHIN_FILE=true
  export STORAGE=$BATS_FILE_TMPDIR/storage
  local i
  mkdir -p "$STORAGE/bucket"
  type -P restic >/dev/null || {
    echo 'restic is missing: apt-get install restic attr' >&2
    return 1
  }
  # It ends with its standard input, which this keeps open.
  mkfifo "$BATS_FILE_TMPDIR/end"
  (cd "$REPO" && exec "$NUWA_PYTHON" -m tests.standin.s3 "$STORAGE") <"$BATS_FILE_TMPDIR/end" >"$BATS_FILE_TMPDIR/url" 2>"$BATS_FILE_TMPDIR/log" 3>&- &
  echo $! >"$BATS_FILE_TMPDIR/pid"
  sleep 3600 >"$BATS_FILE_TMPDIR/end" 3>&- &
  echo $! >"$BATS_FILE_TMPDIR/open"
  for ((i = 0; i < 1200; i++)); do
    [[ ! -s $BATS_FILE_TMPDIR/url ]] || break
    sleep 0.1
  done
  [[ -s $BATS_FILE_TMPDIR/url ]] || {
    cat "$BATS_FILE_TMPDIR/log" >&2
    return 1
  }
  REAL_SERVER=$(<"$BATS_FILE_TMPDIR/url")
  export REAL_SERVER
}

teardown_file() {
  kill "$(<"$BATS_FILE_TMPDIR/open")"
  wait "$(<"$BATS_FILE_TMPDIR/pid")" || true
}

setup() {
  take_folder
  RESTIC=$(type -P restic)
  mkdir "$TEST/programs"
  ln -s "$RESTIC" "$TEST/programs/restic"
  export PATH=$TEST/programs:$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word TEST RESTIC_CACHE_DIR=$TEST/cache
  export STORED=$STORAGE/bucket/$BATS_TEST_NUMBER
  MANIFEST=$TEST/manifest.json
  jq --arg place "s3:$REAL_SERVER/bucket/$BATS_TEST_NUMBER" '.backup.repository = $place' "$REPO/tests/shell/backup.json" >"$MANIFEST"
  export MANIFEST
  make_host
  make_deployment
  given bin/run --quiet 2>/dev/null
  printf key | bin/secret set BACKUP_ACCESS_KEY_ID --quiet --yes
  printf word | bin/secret set BACKUP_SECRET_ACCESS_KEY --quiet --yes
}

teardown() {
  rm -f "$STORAGE.fault"
}

fault() {
  echo "$1" >"$STORAGE.fault"
}

live() {
  (cd "$DEPLOYMENT" && find volumes/{media,data,cache,secrets} -printf '%y %p %m %U %l\n' | sort && find volumes/media -type f -exec sha256sum {} + | sort)
}

as_restic() {
  RESTIC_PASSWORD_FILE=volumes/.nuwa/private/BORG_PASSPHRASE AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=word \
    "$RESTIC" --quiet -r "s3:$REAL_SERVER/bucket/$BATS_TEST_NUMBER" "$@"
}

@test "an archive is made, listed, checked, rehearsed, restored and pruned" {
  head -c 3000000 /dev/urandom >volumes/media/random
  printf x >$'volumes/media/new\nline "q" *?[a]'
  ln -s /nowhere volumes/media/dangling
  ln volumes/media/random volumes/media/hard
  truncate -s 5M volumes/media/sparse
  chown -hR 10001:10001 volumes/media
  run -0 bin/archive_volumes
  says 'creating a new, encrypted repository'
  says 'made nuwa-blog-'
  run -0 bin/archive_volumes --list
  [[ $output =~ ^nuwa-blog-[0-9T:Z-]+ ]]
  run -0 bin/archive_volumes --check
  says 'is intact'
  run -0 bin/archive_volumes --rehearse
  says 'every restored file has the bytes, owner and mode of the archive'
  live >"$TEST/before"
  echo changed >volumes/media/random
  rm volumes/media/dangling
  run -0 bin/restore_volumes --yes
  says 'is restored, and the app is healthy with it'
  live | diff "$TEST/before" -
  [[ volumes/media/random -ef volumes/media/hard ]]
  [[ $(<volumes/.nuwa/former/volumes/media/random) == changed ]]
  # Old ones of this app go, those of others stay.
  for site in nuwa-blog nuwa-shop; do
    for day in 1 2 3; do
      as_restic backup --host "$site" --tag "$site-2020-01-0${day}T000000Z" --time "2020-01-0$day 00:00:00" -- volumes/media/random
    done
  done
  run -0 bin/archive_volumes --dry-run
  says 'Would prune: nuwa-blog-2020-01-01T000000Z'
  sleep 1.1
  bin/archive_volumes --quiet
  as_restic snapshots --json | jq -e 'map(select(.hostname == "nuwa-shop")) | length == 3'
  as_restic snapshots --json | jq -e 'map(select(.hostname == "nuwa-blog").tags[0] | select(contains("-2020-01-0"))) | length < 3'
  bin/archive_volumes --check --quiet
  [[ -z $(cd "$STORED/locks" 2>/dev/null && ls) ]]
}

@test "a wrong access key and a wrong passphrase are told from restic's own words" {
  bin/archive_volumes --quiet 2>/dev/null
  BACKUP_SECRET_ACCESS_KEY=other run -1 bin/archive_volumes
  says 'does not accept the access key'
  [[ $(<volumes/.nuwa/private/BACKUP_SECRET_ACCESS_KEY) == word ]]
  cp volumes/.nuwa/private/BORG_PASSPHRASE "$TEST/passphrase"
  printf other >volumes/.nuwa/private/BORG_PASSPHRASE
  run -1 bin/archive_volumes
  says 'is not that of'
  cp "$TEST/passphrase" volumes/.nuwa/private/BORG_PASSPHRASE
}

@test "a server that is slow, has another clock, or is another program: a clear error, and nothing is changed" {
  bin/archive_volumes --quiet 2>/dev/null
  live >"$TEST/before"
  find "$STORED" -type f | sort >"$TEST/stored"
  fault slow
  NUWA_STORAGE_SECONDS=1 run -1 bin/archive_volumes
  says 'does not answer'
  fault clock
  run -1 bin/archive_volumes
  says 'the clock of this host differs from that of'
  fault skewed
  run -1 bin/archive_volumes
  says 'the clock of this host differs from that of'
  fault page
  run -1 bin/archive_volumes
  says 'is not object storage'
  [[ $(tail -n 1 volumes/.nuwa/archives.tsv | cut -f 3) == *'is not object storage'* ]]
  live | diff "$TEST/before" -
  find "$STORED" -type f | sort | diff "$TEST/stored" -
}

@test "a hostile archive of the real restic is refused before anything is written" {
  bin/archive_volumes --quiet 2>/dev/null
  live >"$TEST/before"
  mkdir -p "$TEST/hostile/volumes/media" "$TEST/hostile/etc"
  (cd "$TEST/hostile" && as_restic_in "$DEPLOYMENT" etc)
  run -1 bin/restore_volumes --yes
  says 'is refused, and nothing was written'
  live | diff "$TEST/before" -
}

# A newer archive of this app with these paths.
as_restic_in() {
  RESTIC_PASSWORD_FILE=$1/volumes/.nuwa/private/BORG_PASSPHRASE AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=word \
    "$RESTIC" --quiet -r "s3:$REAL_SERVER/bucket/$BATS_TEST_NUMBER" backup --host nuwa-blog --tag nuwa-blog-2099-01-01T000000Z -- "${@:2}"
}
