#!/usr/bin/env bats
# Archives, rehearsals and restores: what is written where, what is refused, and that live data is never touched
# by what fails.
# shellcheck disable=SC2016  # words that must arrive as they are

load helper

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word MANIFEST=$REPO/tests/shell/backup.json
  make_host
  make_deployment
  given bin/run --quiet 2>/dev/null
  archive=(bin/archive_volumes --repository "$TEST/borg")
}

# The newest archive's name.
newest() {
  bin/archive_volumes --list | tail -n 1 | cut -f 1
}

# Makes the newest archive an old one: archives are named by the second.
age() {
  mv "$TEST/borg/$(newest).tar" "$TEST/borg/nuwa-blog-$1T000000Z.tar"
}

live() {
  (cd "$DEPLOYMENT" && find volumes/{media,data,cache,secrets} -printf '%p %m %U\n' | sort && cat volumes/media/*)
}

# borg_fails COMMAND MSGID TEXT: from now on.
borg_fails() {
  jq -nc --arg id "$2" --arg text "$3" '{type: "log_message", levelname: "ERROR", message: $text, msgid: $id}' >"$FAKE/borg.$1"
}

# An archive whose entries borg lists as these: mode, path, target.
hostile() {
  "${archive[@]}" --quiet 2>/dev/null
  while (($# > 0)); do
    printf '%s\0%s\0' "${1/ / 0 0 5 }" "$2"
    shift 2
  done >"$FAKE/borg.entries"
  live >"$TEST/before"
}

refuses() {
  run -1 bin/restore_volumes --yes
  says 'is refused, and nothing was written'
  says "$1"
  run -1 bin/archive_volumes --rehearse
  says "$1"
  [[ ! -e volumes/.nuwa/rehearsal ]]
  live | diff "$TEST/before" -
}

@test "the first archive makes the repository, and says where its passphrase is" {
  run -0 "${archive[@]}"
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
  run -0 "${archive[@]}" --dry-run
  says "would make the borg repository $TEST/borg"
  says 'volumes/media ('
  [[ ! -e $TEST/borg ]]
  snapshot | diff "$TEST/before" -
}

@test "old archives go, those of other apps stay" {
  for day in 1 2 3; do
    "${archive[@]}" --quiet 2>/dev/null
    age "2020-01-0$day"
    cp "$TEST/borg/nuwa-blog-2020-01-0${day}T000000Z.tar" "$TEST/borg/nuwa-blog-2-2020-01-0${day}T000000Z.tar"
  done
  : >"$FAKE/borg"
  "${archive[@]}" --quiet
  [[ $(<"$FAKE/borg") == create$'\n'check$'\n'prune$'\n'compact ]]
  [[ $(ls "$TEST"/borg/nuwa-blog-20*.tar | wc -l) == 2 && $(ls "$TEST"/borg/nuwa-blog-2-*.tar | wc -l) == 3 ]]
}

@test "an append-only repository keeps everything, which is no failure" {
  given "${archive[@]}" --quiet 2>/dev/null
  echo 'append_only = 1' >"$TEST/borg/config"
  : >"$FAKE/borg"
  run -0 "${archive[@]}"
  says 'append-only: no archive is removed'
  run ! grep -x prune "$FAKE/borg"
}

@test "an archive starts borg as seldom as it can" {
  given "${archive[@]}" --quiet 2>/dev/null
  : >"$FAKE/borg"
  "${archive[@]}" --quiet
  [[ $(<"$FAKE/borg") == create$'\n'check$'\n'prune ]]
}

@test "a repository that is gone is not recreated silently" {
  given "${archive[@]}" --quiet 2>/dev/null
  mv "$TEST/borg" "$TEST/away"
  run -1 "${archive[@]}"
  says 'Is its disk mounted?'
  [[ ! -e $TEST/borg ]]
  rm volumes/.nuwa/repository.used
  run -0 "${archive[@]}"
  says 'creating a new, encrypted repository'
}

@test "when old archives cannot be removed, the new one counts" {
  borg_fails prune '' 'Permission denied'
  run -0 "${archive[@]}"
  says 'old ones were not removed'
  [[ $(cut -f 3 volumes/.nuwa/archives.tsv) == ok ]]
}

@test "a file that changed while it was read is named, and is no failure" {
  given "${archive[@]}" --quiet 2>/dev/null
  echo 1 >"$FAKE/borg.code"
  jq -nc '{type: "log_message", levelname: "WARNING", message: "volumes/media/x: file changed while we backed it up"}' >"$FAKE/borg.check"
  run -0 "${archive[@]}"
  says 'volumes/media/x: file changed while we backed it up'
}

@test "what goes wrong is said with its remedy, remembered, and leaves nothing" {
  given "${archive[@]}" --quiet 2>/dev/null
  while IFS='|' read -r id text remedy; do
    borg_fails create "$id" "$text"
    run -1 "${archive[@]}"
    says "$text"
    says "$remedy"
    [[ $(tail -n 1 volumes/.nuwa/archives.tsv | cut -f 3) == *"$remedy"* ]]
    [[ ! -e volumes/.nuwa/archive ]]
  done <<'END'
LockTimeout|Failed to create/acquire the lock|borg break-lock
Error|OSError: [Errno 28] No space left on device|no space is left for
ConnectionClosed|Connection closed by remote host|to it as root; then repeat
IntegrityError|Data integrity error: Segment entry checksum mismatch|borg check --repair
END
  run -0 bin/status
  says 'WARNING     the last archive failed'
  run -1 "$BASH" bin/lib/archived
  says 'the last archive failed'
  rm "$FAKE/borg.create"
  "${archive[@]}" --quiet
  run -0 "$BASH" bin/lib/archived
}

@test "a wrong passphrase, and then the right one" {
  given "${archive[@]}" --quiet 2>/dev/null
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
  given "${archive[@]}" --quiet 2>/dev/null
  run -0 bin/archive_volumes --export-key key.txt
  [[ $(stat -c %a key.txt) == 600 ]]
  run -2 bin/archive_volumes --export-key key.txt
  says 'already exists'
}

@test "a rehearsal starts the newest archive without a network, and leaves nothing" {
  given "${archive[@]}" --quiet 2>/dev/null
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
  given "${archive[@]}" --quiet 2>/dev/null
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
  given "${archive[@]}" --quiet 2>/dev/null
  touch "$FAKE/borg.flips"
  run -1 bin/archive_volumes --rehearse
  says 'volumes/media/picture: Size differs'
  says 'differ from those in it'
}

@test "a rehearsal in another folder" {
  given "${archive[@]}" --quiet 2>/dev/null
  mkdir "$TEST/other"
  run -0 bin/archive_volumes --rehearse --to "$TEST/other"
  grep -q -- "--volume=$TEST/other/nuwa-blog-rehearsal/volumes/media:" "$FAKE/rehearsal"
  [[ -z $(ls "$TEST/other") ]]
  run -2 bin/archive_volumes --rehearse --to "$TEST/nothing"
}

@test "status and monit hear of what is overdue" {
  run -0 "$BASH" bin/lib/archived
  printf '2020-01-01T00:00:00Z\tx\ty\tz\n' >volumes/.nuwa/releases.tsv
  run -1 "$BASH" bin/lib/archived
  says 'there is no archive yet'
  "${archive[@]}" --quiet 2>/dev/null
  run -0 "$BASH" bin/lib/archived
  printf '2020-01-01T00:00:00Z\tnuwa-blog-2020-01-01T000000Z\tok\n' >volumes/.nuwa/archives.tsv
  run -1 "$BASH" bin/lib/archived
  says 'the last archive is of 2020-01-01'
  run -0 bin/status
  says 'WARNING     the last archive is of'
}

@test "cron has its file from run until kill" {
  grep -q 'bin/archive_volumes --rehearse --quiet' "$NUWA_ROOT/etc/cron.d/nuwa-blog_backup"
  grep -q 'nuwa-blog_backup' "$NUWA_ROOT/etc/monit/conf.d/nuwa-blog"
  bin/uninstall --yes --quiet
  bin/kill --yes --quiet
  [[ ! -e $NUWA_ROOT/etc/cron.d/nuwa-blog_backup ]]
}

@test "restore brings back what was archived, keeps what was live, and what is not in archives" {
  given "${archive[@]}" --quiet 2>/dev/null
  live >"$TEST/before"
  echo changed >volumes/media/picture
  echo new >volumes/media/new
  echo kept >volumes/cache/kept
  run -0 bin/restore_volumes --yes
  says 'is restored, and the app is healthy with it'
  [[ $(<volumes/media/picture) == 'first picture' && ! -e volumes/media/new && -e volumes/cache/kept ]]
  [[ $(<volumes/.nuwa/former/volumes/media/picture) == changed ]]
  rm volumes/cache/kept
  live | diff "$TEST/before" -
  [[ $(<"$FAKE/hooks") == 2 ]]
  [[ -e $NUWA_ROOT/etc/monit/conf.d/nuwa-blog ]]
}

@test "a one-off command that began while the archive was read is not cut off" {
  given "${archive[@]}" --quiet 2>/dev/null
  echo changed >volumes/media/picture
  mkdir "$TEST/instead"
  printf '%s\n' '#!/bin/sh' 'case " $* " in *" extract "*) echo "$ONE" >"$FAKE/containers/nuwa-blog_once-import" ;; esac' \
    'exec "$REPO/tests/shell/fakes/borg" "$@"' >"$TEST/instead/borg"
  chmod +x "$TEST/instead/borg"
  PATH=$TEST/instead:$PATH run -1 bin/restore_volumes --yes
  says 'one-off commands are using the data'
  [[ $(<volumes/media/picture) == changed && -e $FAKE/active/nuwa-blog-blue.service && ! -e volumes/.nuwa/restore.pending ]]
  podman stop nuwa-blog_once-import
  run -0 bin/restore_volumes --yes
  [[ $(<volumes/media/picture) == 'first picture' ]]
}

@test "restore takes missing secrets from the archive, and leaves those that are here" {
  given "${archive[@]}" --quiet 2>/dev/null
  key=$(<volumes/secrets/SECRET_KEY)
  rm volumes/secrets/SECRET_KEY
  printf other >volumes/secrets/MAIL_PASSWORD
  bin/restore_volumes --yes --quiet
  [[ $(<volumes/secrets/SECRET_KEY) == "$key" && $(<volumes/secrets/MAIL_PASSWORD) == other ]]
}

@test "restored data that the app does not come up with is swapped back" {
  given "${archive[@]}" --quiet 2>/dev/null
  echo changed >volumes/media/picture
  live >"$TEST/before"
  touch "$FAKE/hook-fails"
  bin/run --quiet
  run -1 bin/restore_volumes --yes
  says 'everything is swapped back'
  says 'It runs with its previous data'
  live | diff "$TEST/before" -
  [[ -e $FAKE/active/nuwa-blog-blue.service && ! -e volumes/.nuwa/restore.pending && ! -e volumes/.nuwa/restore ]]
}

@test "a dry run of restore, and one that nobody confirms, change nothing" {
  given "${archive[@]}" --quiet 2>/dev/null
  snapshot >"$TEST/before"
  run -0 bin/restore_volumes --dry-run
  says 'swap volumes/data volumes/media and the database'
  run -2 bin/restore_volumes </dev/null
  says 'rerun with --yes'
  run -1 bin/restore_volumes --yes nuwa-blog-1999
  says 'no such archive'
  run -2 bin/restore_volumes --yes 'a b'
  snapshot | diff "$TEST/before" -
}

@test "restore into a folder touches nothing else" {
  given "${archive[@]}" --quiet 2>/dev/null
  echo changed >volumes/media/picture
  live >"$TEST/before"
  mkdir "$TEST/out"
  run -0 bin/restore_volumes --to "$TEST/out"
  [[ $(<"$TEST/out/volumes/media/picture") == 'first picture' && -e $TEST/out/bin/run ]]
  run -2 bin/restore_volumes --to "$TEST/out"
  says 'is not an empty folder'
  live | diff "$TEST/before" -
}

@test "an archive that does not fit is not begun" {
  given "${archive[@]}" --quiet 2>/dev/null
  live >"$TEST/before"
  printf 'drwxr-xr-x 0 0 0 volumes/media\0\0-rw-r--r-- 0 0 999999999999999 volumes/media/bomb\0\0' >"$FAKE/borg.entries"
  # It does not say that most of it are holes.
  touch "$FAKE/no-about"
  run -1 bin/restore_volumes --yes
  says 'no space in'
  says 'the archive takes 999999999 MB'
  run -1 bin/archive_volumes --rehearse
  says 'no space in'
  live | diff "$TEST/before" -
}

@test "an archive of another app is not restored" {
  given "${archive[@]}" --quiet 2>/dev/null
  name=$(newest)
  mkdir -p "$TEST/other/volumes/.nuwa/archive" "$TEST/other/volumes/media"
  echo '{"app": "shop"}' >"$TEST/other/volumes/.nuwa/archive/about.json"
  tar -cf "$TEST/borg/$name.tar" -C "$TEST/other" volumes/media volumes/.nuwa/archive
  run -1 bin/restore_volumes --yes
  says 'not an archive of blog'
}

@test "hostile archives are refused before anything is written" {
  hostile 'drwxr-xr-x volumes/media' '' '-rw-r--r-- /etc/cron.d/x' ''
  refuses 'outside bin/ and volumes/'
  for path in volumes/media/../../../etc/x ../x etc/passwd volumes/media//x volumes/./x; do
    hostile "-rw-r--r-- $path" ''
    refuses 'outside bin/ and volumes/'
  done
  hostile 'drwxr-xr-x volumes/media' '' 'lrwxrwxrwx volumes/media/d' /etc '-rw-r--r-- volumes/media/d/cron.d/x' ''
  refuses 'behind a symbolic link'
  hostile 'lrwxrwxrwx volumes/media' /etc
  refuses 'it is not a folder'
  hostile 'lrwxrwxrwx volumes/secrets/x' /etc/shadow
  refuses 'it is not a regular file'
  for target in ../private /etc pairs/../../private; do
    hostile 'lrwxrwxrwx volumes/.nuwa/tls/www.example.com' "$target"
    refuses 'it is not a regular file'
  done
  hostile 'drwx------ volumes/.nuwa' '' 'lrwxrwxrwx volumes/.nuwa/tls/live/x/key.pem' ../../../private
  refuses 'it is not a regular file'
  hostile 'hrw-r--r-- volumes/media/x' ../../../etc/shadow
  refuses 'it is a link to'
  hostile 'brw-r--r-- volumes/media/disk' ''
  refuses 'device'
  hostile '-rwsr-xr-x volumes/media/su' ''
  refuses 'rights of another user'
}

@test "links with any target stay links, and nothing goes through them" {
  ln -s /etc/passwd volumes/media/outside
  ln volumes/media/picture volumes/media/twice
  "${archive[@]}" --quiet 2>/dev/null
  rm -r volumes/media
  mkdir volumes/media
  run -0 bin/restore_volumes --yes
  [[ $(readlink volumes/media/outside) == /etc/passwd && volumes/media/picture -ef volumes/media/twice ]]
}

@test "a restore next to a deployment of the same app on this host is refused, and that one keeps running" {
  given "${archive[@]}" --quiet 2>/dev/null
  passphrase=$(<volumes/.nuwa/private/BORG_PASSPHRASE)
  snapshot >"$TEST/before"
  mkdir "$TEST/second"
  cd "$TEST/second"
  BID=$ONE bash "$(payload)/Setup" >/dev/null
  BORG_PASSPHRASE=$passphrase run -1 bin/restore_volumes --repository "$TEST/borg" --yes
  says "blog is already deployed on this host, in $DEPLOYMENT"
  snapshot | diff "$TEST/before" -
  mkdir "$TEST/out"
  run -0 bin/restore_volumes --to "$TEST/out"
}

@test "a host that never saw the app: Setup, restore, run" {
  mkdir -p volumes/.nuwa/tls/{pairs/1,certbot/{live,archive}/blog}
  echo pair >volumes/.nuwa/tls/pairs/1/fullchain.pem
  ln -s pairs/1 volumes/.nuwa/tls/www.example.com
  echo certbot >volumes/.nuwa/tls/certbot/archive/blog/cert1.pem
  ln -s ../../archive/blog/cert1.pem volumes/.nuwa/tls/certbot/live/blog/cert.pem
  "${archive[@]}" --quiet 2>/dev/null
  passphrase=$(<volumes/.nuwa/private/BORG_PASSPHRASE) key=$(<volumes/secrets/SECRET_KEY)
  echo mine >volumes/media/mine
  age 2020-01-01
  "${archive[@]}" --quiet
  rm -rf "$DEPLOYMENT" "$TEST/root" "$FAKE"
  make_host
  make_deployment
  run -2 bin/restore_volumes --repository "$TEST/borg" --yes
  says 'that this host does not have'
  BORG_PASSPHRASE=$passphrase run -0 bin/restore_volumes --repository "$TEST/borg" --yes
  says 'Next: bin/run'
  bin/run --quiet
  [[ $(<volumes/media/mine) == mine && $(<volumes/secrets/SECRET_KEY) == "$key" ]]
  [[ $(<volumes/.nuwa/tls/www.example.com/fullchain.pem) == pair ]]
  [[ $(<volumes/.nuwa/tls/certbot/live/blog/cert.pem) == certbot ]]
}
