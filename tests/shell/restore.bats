#!/usr/bin/env bats
# Restores: what comes back, what is refused, and that live data is never touched by what fails.
# shellcheck disable=SC2016  # words that must arrive as they are

load helper
load archives

live() {
  (cd "$DEPLOYMENT" && find volumes/{media,data,cache,secrets} -printf '%p %m %U\n' | sort && cat volumes/media/*)
}

# An archive whose entries borg lists as these: mode, path, target.
hostile() {
  "${ARCHIVE[@]}" --quiet 2>/dev/null
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

@test "restore brings back what was archived, keeps what was live, and what is not in archives" {
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
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
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
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
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
  key=$(<volumes/secrets/SECRET_KEY)
  rm volumes/secrets/SECRET_KEY
  printf other >volumes/secrets/MAIL_PASSWORD
  bin/restore_volumes --yes --quiet
  [[ $(<volumes/secrets/SECRET_KEY) == "$key" && $(<volumes/secrets/MAIL_PASSWORD) == other ]]
}

@test "restored data that the app does not come up with is swapped back" {
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
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
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
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
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
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
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
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
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
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
  refuses 'it is setuid or setgid'
}

@test "links with any target stay links, and nothing goes through them" {
  ln -s /etc/passwd volumes/media/outside
  ln volumes/media/picture volumes/media/twice
  "${ARCHIVE[@]}" --quiet 2>/dev/null
  rm -r volumes/media
  mkdir volumes/media
  run -0 bin/restore_volumes --yes
  [[ $(readlink volumes/media/outside) == /etc/passwd && volumes/media/picture -ef volumes/media/twice ]]
}

@test "a restore next to a deployment of the same app on this host is refused, and that one keeps running" {
  given "${ARCHIVE[@]}" --quiet 2>/dev/null
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
  "${ARCHIVE[@]}" --quiet 2>/dev/null
  passphrase=$(<volumes/.nuwa/private/BORG_PASSPHRASE) key=$(<volumes/secrets/SECRET_KEY)
  echo mine >volumes/media/mine
  age 2020-01-01
  "${ARCHIVE[@]}" --quiet
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
