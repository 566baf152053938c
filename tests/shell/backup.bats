#!/usr/bin/env bats
# Archives: what is written where, which stay, what is said of failures and of what is overdue.
# shellcheck disable=SC2016  # words that must arrive as they are

load helper
load archives

# borg_fails COMMAND MSGID TEXT: from now on.
borg_fails() {
  jq -nc --arg id "$2" --arg text "$3" '{type: "log_message", levelname: "ERROR", message: $text, msgid: $id}' >"$FAKE/borg.$1"
}

@test "the first archive makes the repository, and says where its passphrase is" {
  run -0 "${ARCHIVE[@]}"
  says 'creating a new, encrypted repository'
  says 'KEEP A COPY'
  says 'made nuwa-blog-'
  [[ $(<"$TEST/borg/passphrase") == "$(<volumes/.nuwa/private/BORG_PASSPHRASE)" ]]
  [[ $(stat -c %a volumes/.nuwa/private/BORG_PASSPHRASE) == 600 ]]
  run -0 tar -tf "$TEST/borg/$(newest).tar"
  for path in bin/.image volumes/media/picture volumes/secrets/MAIL_PASSWORD volumes/.nuwa/archive/about.json; do
    [[ $'\n'$output$'\n' == *$'\n'$path$'\n'* ]] || fail "$path is not in the archive: $output"
  done
  says_not volumes/cache
  says_not volumes/.nuwa/private
  [[ $(cut -f 3 volumes/.nuwa/archives.tsv) == ok ]]
  [[ ! -e volumes/.nuwa/archive ]]
  run ! grep -rF "$(<volumes/.nuwa/private/BORG_PASSPHRASE)" volumes/log "$FAKE/borg"
}

@test "the second name does the same" {
  run -0 bin/archieve_volumes --repository "$TEST/borg" --quiet
  [[ -n $(newest) ]]
}

@test "a dry run of an archive writes nothing, neither here nor there" {
  snapshot >"$TEST/before"
  run -0 "${ARCHIVE[@]}" --dry-run
  says "would make the borg repository $TEST/borg"
  says 'volumes/media ('
  [[ ! -e $TEST/borg ]]
  snapshot | diff "$TEST/before" -
}

@test "old archives go, those of other apps stay" {
  for day in 1 2 3; do
    "${ARCHIVE[@]}" --quiet 2>/dev/null
    age "2020-01-0$day"
    cp "$TEST/borg/nuwa-blog-2020-01-0${day}T000000Z.tar" "$TEST/borg/nuwa-blog-2-2020-01-0${day}T000000Z.tar"
  done
  : >"$FAKE/borg"
  "${ARCHIVE[@]}" --quiet
  [[ $(<"$FAKE/borg") == create$'\n'check$'\n'prune$'\n'compact ]]
  [[ $(ls "$TEST"/borg/nuwa-blog-20*.tar | wc -l) == 2 && $(ls "$TEST"/borg/nuwa-blog-2-*.tar | wc -l) == 3 ]]
}

@test "an append-only repository keeps everything, which is no failure" {
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
  echo 'append_only = 1' >"$TEST/borg/config"
  : >"$FAKE/borg"
  run -0 "${ARCHIVE[@]}"
  says 'append-only: no archive is removed'
  run ! grep -x prune "$FAKE/borg"
}

@test "an archive starts borg as seldom as it can" {
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
  : >"$FAKE/borg"
  "${ARCHIVE[@]}" --quiet
  [[ $(<"$FAKE/borg") == create$'\n'check$'\n'prune ]]
}

@test "a repository that is gone is not recreated silently" {
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
  mv "$TEST/borg" "$TEST/away"
  run -1 "${ARCHIVE[@]}"
  says 'Is its disk mounted?'
  [[ ! -e $TEST/borg ]]
  rm volumes/.nuwa/repository.used
  run -0 "${ARCHIVE[@]}"
  says 'creating a new, encrypted repository'
}

@test "when old archives cannot be removed, the new one counts" {
  borg_fails prune '' 'Permission denied'
  run -0 "${ARCHIVE[@]}"
  says 'old ones were not removed'
  [[ $(cut -f 3 volumes/.nuwa/archives.tsv) == ok ]]
}

@test "a file that changed while it was read is named, and is no failure" {
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
  echo 1 >"$FAKE/borg.code"
  jq -nc '{type: "log_message", levelname: "WARNING", message: "volumes/media/x: file changed while we backed it up"}' >"$FAKE/borg.check"
  run -0 "${ARCHIVE[@]}"
  says 'volumes/media/x: file changed while we backed it up'
}

@test "what goes wrong is said with its remedy, remembered, and leaves nothing" {
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
  while IFS='|' read -r id text remedy; do
    borg_fails create "$id" "$text"
    run -1 "${ARCHIVE[@]}"
    says "$text"
    says "$remedy"
    [[ $(tail -n 1 volumes/.nuwa/archives.tsv | cut -f 3) == *"$remedy"* ]]
    [[ ! -e volumes/.nuwa/archive ]]
  done <<'END'
LockTimeout|Failed to create/acquire the lock|borg break-lock
Error|OSError: [Errno 28] No space left on device|no space is left for
ConnectionClosed|Connection closed by remote host|Check that root can log in there with ssh, then repeat
IntegrityError|Data integrity error: Segment entry checksum mismatch|borg check --repair
END
  run -0 bin/status
  says 'WARNING     the last archive failed'
  run -1 "$BASH" bin/lib/archived
  says 'the last archive failed'
  rm "$FAKE/borg.create"
  "${ARCHIVE[@]}" --quiet
  run -0 "$BASH" bin/lib/archived
}

@test "a wrong passphrase, and then the right one" {
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
  cp volumes/.nuwa/private/BORG_PASSPHRASE "$TEST/right"
  BORG_PASSPHRASE=wrong run -1 bin/archive_volumes --passphrase
  says 'the passphrase that was given is not that of'
  says 'bin/archive_volumes --passphrase'
  [[ $(<volumes/.nuwa/private/BORG_PASSPHRASE) == "$(<"$TEST/right")" ]]
  echo lost >volumes/.nuwa/private/BORG_PASSPHRASE
  run -1 bin/archive_volumes
  says 'is not that of'
  BORG_PASSPHRASE=$(<"$TEST/right") run -0 bin/archive_volumes --passphrase
  [[ $(<volumes/.nuwa/private/BORG_PASSPHRASE) == "$(<"$TEST/right")" ]]
  rm volumes/.nuwa/private/BORG_PASSPHRASE
  run -2 bin/archive_volumes
  says 'that this host does not have'
}

@test "repositories that cannot be are refused" {
  run -2 bin/archive_volumes --repository nonsense
  says 'is neither a borg repository'
  run -2 bin/archive_volumes --repository "$DEPLOYMENT/volumes/borg"
  says 'is inside volumes/'
  mkdir "$TEST/theirs"
  chown 12345 "$TEST/theirs"
  run -1 bin/archive_volumes --repository "$TEST/theirs"
  says 'belongs to'
  run -1 bin/archive_volumes --list --repository "$TEST/nothing"
  says 'To create it: bin/archive_volumes --repository'
}

@test "the key is exported for root alone, and over no file" {
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
  run -0 bin/archive_volumes --export-key key.txt
  [[ $(stat -c %a key.txt) == 600 ]]
  run -2 bin/archive_volumes --export-key key.txt
  says 'already exists'
}

@test "status and monit hear of what is overdue" {
  run -0 "$BASH" bin/lib/archived
  printf '2020-01-01T00:00:00Z\tx\ty\tz\n' >volumes/.nuwa/releases.tsv
  run -1 "$BASH" bin/lib/archived
  says 'there is no archive yet'
  "${ARCHIVE[@]}" --quiet 2>/dev/null
  run -0 "$BASH" bin/lib/archived
  printf '2020-01-01T00:00:00Z\tnuwa-blog-2020-01-01T000000Z\tok\n' >volumes/.nuwa/archives.tsv
  run -1 "$BASH" bin/lib/archived
  says 'the last archive is from 2020-01-01'
  run -0 bin/status
  says 'WARNING     the last archive is from'
}

@test "cron has its file from run until kill" {
  grep -q 'bin/archive_volumes --rehearse --quiet' "$NUWA_ROOT/etc/cron.d/nuwa-blog_backup"
  grep -q 'nuwa-blog_backup' "$NUWA_ROOT/etc/monit/conf.d/nuwa-blog"
  bin/uninstall --yes --quiet
  bin/kill --yes --quiet
  [[ ! -e $NUWA_ROOT/etc/cron.d/nuwa-blog_backup ]]
}
