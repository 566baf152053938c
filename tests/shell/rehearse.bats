#!/usr/bin/env bats
# Rehearsals: the app is started from an archive, and nothing of that stays.

load helper
load archives

@test "a rehearsal starts the newest archive without a network, and leaves nothing" {
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
  snapshot | grep -v rehears >"$TEST/before"
  run -0 bin/archive_volumes --rehearse
  says 'every restored file has the bytes, owner, mode and time of the archive'
  says 'is healthy'
  grep -qx -- '--network=none' "$FAKE/rehearsal"
  grep -q -- "--volume=$DEPLOYMENT/volumes/.nuwa/rehearsal/volumes/cache:/cache:" "$FAKE/rehearsal"
  [[ $(cut -f 3 volumes/.nuwa/rehearsals.tsv) == ok ]]
  snapshot | grep -v rehears | diff "$TEST/before" -
}

@test "a rehearsal that is not healthy says why, and leaves nothing" {
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
  touch "$FAKE/unhealthy"
  run -1 bin/archive_volumes --rehearse
  says 'the last line of the rehearsal'
  says 'not healthy with it: the database does not answer'
  [[ $(cut -f 3 volumes/.nuwa/rehearsals.tsv) == *'not healthy'* ]]
  [[ ! -e volumes/.nuwa/rehearsal && ! -e $FAKE/containers/nuwa-blog-rehearsal ]]
  run -0 bin/status --json
  jq -e '.backup.rehearsal.result != "ok" and .backup.last.result == "ok"' <<<"$output"
}

@test "a rehearsal whose files are not those of the archive fails" {
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
  touch "$FAKE/borg.flips"
  run -1 bin/archive_volumes --rehearse
  says 'volumes/media/picture: Size differs'
  says 'differ from those in it'
}

@test "a rehearsal in another folder" {
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
  mkdir "$TEST/other"
  run -0 bin/archive_volumes --rehearse --to "$TEST/other"
  grep -q -- "--volume=$TEST/other/nuwa-blog-rehearsal/volumes/media:" "$FAKE/rehearsal"
  [[ -z $(ls "$TEST/other") ]]
  run -2 bin/archive_volumes --rehearse --to "$TEST/nothing"
}
