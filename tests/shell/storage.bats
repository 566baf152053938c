#!/usr/bin/env bats
# Archives in object storage, made by restic: the same commands, what goes wrong there, and that its secrets stay secret.

# shellcheck disable=SC2016  # words of another script

load helper

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word
  MANIFEST=$BATS_RUN_TMPDIR/storage.json
  jq '.backup.repository = "s3:https://s3.example.com/bucket/blog"' "$REPO/tests/shell/backup.json" >"$MANIFEST.$$"
  mv "$MANIFEST.$$" "$MANIFEST"
  export MANIFEST RESTIC_CACHE_DIR=$TEST/cache
  make_host
  make_deployment
  mkdir -p "$FAKE/storage/bucket"
  given bin/run --quiet 2>/dev/null
  given give_keys word
  STORED=$FAKE/storage/bucket/blog
}

give_keys() {
  printf key | bin/secret set BACKUP_ACCESS_KEY_ID --quiet --yes
  printf %s "$1" | bin/secret set BACKUP_SECRET_ACCESS_KEY --quiet --yes
}

live() {
  (cd "$DEPLOYMENT" && find volumes/{media,data,cache,secrets} -printf '%p %m %U\n' | sort && cat volumes/media/*)
}

# follow AFTER: runs what the last output printed behind these words.
follow() {
  local command=${output#*"$1"}
  [[ $command != "$output" ]] || fail "no command after '$1' in:" "$output"
  run -0 bash -c "${command%%$'\n'*}"
}

newest() {
  bin/archive_volumes --list | tail -n 1 | cut -f 1
}

@test "an archive is made, listed, checked, rehearsed and restored with the same commands" {
  run -0 bin/archive_volumes
  says 'creating a new, encrypted repository: s3:https://s3.example.com/bucket/blog'
  says 'KEEP A COPY'
  says 'made nuwa-blog-'
  [[ $(<"$STORED/config") == "$(<volumes/.nuwa/private/BORG_PASSPHRASE)" ]]
  run -0 tar -tf "$STORED/$(newest).tar"
  for path in bin/.image volumes/media/picture volumes/secrets/MAIL_PASSWORD volumes/.nuwa/archive/about.json; do
    [[ $'\n'$output$'\n' == *$'\n'$path$'\n'* ]] || fail "$path is not in the archive: $output"
  done
  says_not volumes/.nuwa/private
  says_not volumes/cache
  run -0 bin/archive_volumes --check
  says 'is intact'
  run -0 bin/archive_volumes --rehearse
  says 'every restored file has the bytes, owner and mode of the archive'
  live >"$TEST/before"
  echo changed >volumes/media/picture
  run -0 bin/restore_volumes --yes
  says 'is restored, and the app is healthy with it'
  [[ $(<volumes/media/picture) == 'first picture' ]]
  [[ $(<volumes/.nuwa/former/volumes/media/picture) == changed ]]
  [[ $(cut -f 3 volumes/.nuwa/archives.tsv) == ok && $(cut -f 3 volumes/.nuwa/rehearsals.tsv) == ok ]]
  run -0 bin/status
  says s3:https://s3.example.com/bucket/blog
}

@test "passphrase and access key are in no log, in no environment but what restic needs, and the app's secrets hold neither" {
  bin/archive_volumes --quiet 2>/dev/null
  [[ ! -s $FAKE/leaked ]] || fail "$(<"$FAKE/leaked")"
  for name in BACKUP_ACCESS_KEY_ID BACKUP_SECRET_ACCESS_KEY; do
    [[ $(stat -c %a "volumes/.nuwa/private/$name") == 600 && ! -e volumes/secrets/$name ]]
  done
  run ! grep -rF "$(<volumes/.nuwa/private/BORG_PASSPHRASE)" volumes/log volumes/.nuwa/nuwa.log
  run -0 bin/secret list
  says 'of the archives, not for the app'
}

@test "the first archive says what is missing: restic, the access key" {
  rm volumes/.nuwa/private/BACKUP_*
  run -2 bin/archive_volumes
  says 'is missing: bin/secret set BACKUP_ACCESS_KEY_ID; bin/secret set BACKUP_SECRET_ACCESS_KEY'
  run -0 bin/secret list
  [[ $output =~ BACKUP_ACCESS_KEY_ID\ +missing && $output =~ BACKUP_SECRET_ACCESS_KEY\ +missing ]]
  BACKUP_ACCESS_KEY_ID=key BACKUP_SECRET_ACCESS_KEY=wrong run -1 bin/archive_volumes
  says 'does not accept the access key'
  [[ ! -e volumes/.nuwa/private/BACKUP_ACCESS_KEY_ID ]]
  BACKUP_ACCESS_KEY_ID=key BACKUP_SECRET_ACCESS_KEY=word run -0 bin/archive_volumes
  [[ $(<volumes/.nuwa/private/BACKUP_SECRET_ACCESS_KEY) == word ]]
  [[ ! -s $FAKE/leaked ]]
}

@test "a dry run writes nothing, neither here nor there" {
  snapshot >"$TEST/before"
  run -0 bin/archive_volumes --dry-run
  says 'would make the restic repository s3:https://s3.example.com/bucket/blog'
  [[ ! -e $STORED ]]
  snapshot | diff "$TEST/before" -
  bin/archive_volumes --quiet 2>/dev/null
  name=$(newest)
  for day in 1 2 3; do
    cp "$STORED/$name.tar" "$STORED/nuwa-blog-2020-01-0${day}T000000Z.tar"
    cp "$STORED/$name.host" "$STORED/nuwa-blog-2020-01-0${day}T000000Z.host"
  done
  run -0 bin/archive_volumes --dry-run
  says 'Would prune: nuwa-blog-2020-01-01T000000Z'
}

@test "old archives go, those of other apps stay" {
  bin/archive_volumes --quiet 2>/dev/null
  name=$(newest)
  for day in 1 2; do
    for site in nuwa-blog nuwa-shop; do
      cp "$STORED/$name.tar" "$STORED/$site-2020-01-0${day}T000000Z.tar"
      printf %s "$site" >"$STORED/$site-2020-01-0${day}T000000Z.host"
    done
  done
  : >"$FAKE/restic"
  bin/archive_volumes --quiet
  [[ $(<"$FAKE/restic") == backup$'\n'stats$'\n'unlock$'\n'forget ]] || fail "$(<"$FAKE/restic")"
  [[ $(find "$STORED" -name 'nuwa-blog-20*.tar' | wc -l) == 2 && $(find "$STORED" -name 'nuwa-shop-*.tar' | wc -l) == 2 ]]
  run -0 bin/archive_volumes --list
  says_not nuwa-shop
}

@test "what goes wrong is said with its remedy, remembered, and leaves live data and storage alone" {
  bin/archive_volumes --quiet 2>/dev/null
  live >"$TEST/before"
  while IFS='|' read -r text remedy; do
    printf 'Fatal: %s\n' "$text" >"$FAKE/restic.backup"
    run -1 bin/archive_volumes
    says "$text"
    says "$remedy"
    [[ $(tail -n 1 volumes/.nuwa/archives.tsv | cut -f 3) == *"$remedy"* ]]
    [[ ! -e volumes/.nuwa/archive && $(find "$STORED" -name '*.tar' | wc -l) == 1 ]]
  done <<'END'
unable to create lock in backend: repository is already locked by PID 1|bin/archive_volumes --tool unlock
The difference between the request time and the server's time is too large.|timedatectl set-ntp true
Stat: Access Denied.|bin/secret set BACKUP_ACCESS_KEY_ID; bin/secret set BACKUP_SECRET_ACCESS_KEY
client.PutObject: Put "https://s3.example.com/": read tcp: connection reset by peer|no connection to
Get "https://s3.example.com/bucket/blog/keys/1": Connection closed by foreign host https://s3.example.com/. Retry again.|no connection to
unable to open config file: Stat: Last-Modified time format is invalid, failed with unable to parse|is not object storage
There were 98 errors|bin/archive_volumes --check
client.PutObject: Your bucket quota is exceeded|[backup.keep]
Load(<data/1>): invalid data returned|bin/archive_volumes --check
Load(<index/1>, 0, 0) failed: The specified key does not exist.|bin/archive_volumes --check
END
  live | diff "$TEST/before" -
  rm "$FAKE/restic.backup"
  run -0 bin/archive_volumes
}

@test "a file that was gone while it was read is named, and is no failure" {
  bin/archive_volumes --quiet 2>/dev/null
  mkdir "$TEST/path"
  sed 's|^source "${BASH_SOURCE\[0\]%/\*}/\.\./shims|source "$SHIMS|; s|^  backup)$|  backup)\n    trap "exit 3" EXIT\n    echo "error: lstat /x/volumes/media/x: no such file" >\&2|' "$REPO/tests/shell/fakes/restic" >"$TEST/path/restic"
  chmod +x "$TEST/path/restic"
  PATH=$TEST/path:$PATH run -0 bin/archive_volumes
  says 'volumes/media/x: no such file'
  says 'made nuwa-blog-'
}

@test "a server that does not answer, and one with another clock: nothing is begun" {
  touch "$FAKE/no-storage"
  run -1 bin/archive_volumes
  says 'https://s3.example.com/ does not answer: curl: (7) Failed to connect'
  [[ ! -e $FAKE/restic ]]
  rm "$FAKE/no-storage"
  for clock in '1 hour ago' '1 hour'; do
    echo "$clock" >"$FAKE/clock"
    run -1 bin/archive_volumes
    says 'the clock of this host differs from that of https://s3.example.com/'
    [[ ! -e $FAKE/restic ]]
  done
  echo '5 minutes ago' >"$FAKE/clock"
  run -0 bin/archive_volumes
}

@test "a bucket or a repository that is gone is not recreated silently" {
  bin/archive_volumes --quiet 2>/dev/null
  mv "$FAKE/storage/bucket" "$FAKE/storage/away"
  run -1 bin/archive_volumes
  says 'there is no restic repository at s3:https://s3.example.com/bucket/blog. Is it the right bucket?'
  [[ ! -e $FAKE/storage/bucket ]]
  mkdir "$FAKE/storage/bucket"
  follow 'To create a new one there: '
  says 'creating a new, encrypted repository'
}

@test "a lock that was left is waited for by nobody, and goes by the printed command" {
  bin/archive_volumes --quiet 2>/dev/null
  touch "$STORED/lock"
  run -1 bin/archive_volumes
  says 'another restic is using'
  follow 'was killed: '
  [[ ! -e $STORED/lock ]]
  run -0 bin/archive_volumes
}

@test "another passphrase by the printed command" {
  bin/archive_volumes --quiet 2>/dev/null
  run -2 bin/secret set BORG_PASSPHRASE </dev/null
  says "change it in the repository too, by bin/archive_volumes --tool 'key passwd'"
  printf other >"$FAKE/new-passphrase"
  run -0 bin/archive_volumes --tool 'key passwd'
  run -1 bin/archive_volumes
  says 'is not that of s3:https://s3.example.com/bucket/blog'
  BORG_PASSPHRASE=other run -0 bin/archive_volumes --passphrase --list
  [[ $(<volumes/.nuwa/private/BORG_PASSPHRASE) == other ]]
}

@test "what is not object storage, and what only borg can, are refused" {
  for repository in s3: s3:https://host s3:ftp://host/bucket 's3:https://key:word@host/bucket' 's3:https://host/bucket/../x y'; do
    run -2 bin/archive_volumes --repository "$repository"
    says 'is not object storage'
  done
  bin/archive_volumes --quiet 2>/dev/null
  run -2 bin/archive_volumes --export-key "$TEST/key"
  says 'there is none to export'
  [[ ! -e $TEST/key ]]
  run -2 bin/archive_volumes --accept
}

@test "hostile archives are refused before anything is written" {
  bin/archive_volumes --quiet 2>/dev/null
  live >"$TEST/before"
  while IFS='|' read -r node reason; do
    jq -c '{struct_type: "node", uid: 0, gid: 0, size: 5} + .' <<<"$node" >"$FAKE/restic.entries"
    run -1 bin/restore_volumes --yes
    says 'is refused, and nothing was written'
    says "$reason"
    run -1 bin/archive_volumes --rehearse
    says "$reason"
  done <<'END'
{"type": "file", "path": "/etc/cron.d/x", "mode": 420}|outside bin/ and volumes/
{"type": "file", "path": "/volumes/media/../../../etc/x", "mode": 420}|outside bin/ and volumes/
{"type": "symlink", "path": "/volumes/media", "mode": 134218239}|it is not a folder
{"type": "symlink", "path": "/volumes/secrets/x", "mode": 134218239}|it is not a regular file
{"type": "symlink", "path": "/bin/run", "mode": 134218239}|it is not a regular file
{"type": "dev", "path": "/volumes/media/disk", "mode": 67109248}|device
{"type": "file", "path": "/volumes/media/su", "mode": 8389101}|it is setuid or setgid
END
  live | diff "$TEST/before" -
}

@test "a link of certificates that leads elsewhere is refused, and the stage goes" {
  mkdir -p volumes/.nuwa/tls
  ln -s ../private volumes/.nuwa/tls/www.example.com
  bin/archive_volumes --quiet 2>/dev/null
  run -1 bin/restore_volumes --yes
  says 'is refused. volumes/.nuwa/tls/www.example.com: it is not a regular file'
  [[ ! -e volumes/.nuwa/restore ]]
}

@test "a rehearsal whose files are not those of the archive fails" {
  bin/archive_volumes --quiet 2>/dev/null
  touch "$FAKE/restic.flips"
  run -1 bin/archive_volumes --rehearse
  says 'volumes/media/picture: Size differs'
}

@test "a host that never saw the app: Setup, restore, run" {
  bin/archive_volumes --quiet 2>/dev/null
  passphrase=$(<volumes/.nuwa/private/BORG_PASSPHRASE)
  mv "$FAKE/storage" "$TEST/storage"
  rm -rf "$DEPLOYMENT" "$TEST/root" "$FAKE"
  make_host
  make_deployment
  mv "$TEST/storage" "$FAKE/storage"
  export BACKUP_ACCESS_KEY_ID=key BACKUP_SECRET_ACCESS_KEY=word
  run -2 bin/restore_volumes --yes
  says 'that this host does not have'
  BORG_PASSPHRASE=$passphrase run -0 bin/restore_volumes --yes
  says 'Next: bin/run'
  bin/run --quiet
  [[ $(<volumes/media/picture) == 'first picture' ]]
}

@test "the oldest restic that a host has, and the newest, know all that is asked of them" {
  for release in rocky8 debian13; do
    rm -rf "$STORED"
    rm -f volumes/.nuwa/repository.used
    make_release "$release"
    bin/archive_volumes --quiet 2>/dev/null
    bin/archive_volumes --quiet
    bin/archive_volumes --check --quiet
    bin/archive_volumes --rehearse --quiet
    [[ ! -e $FAKE/refused ]] || fail "$(<"$FAKE/refused")"
  done
}

@test "files that run with rights of their own are refused, whatever else getfattr finds" {
  bin/archive_volumes --quiet 2>/dev/null
  live >"$TEST/before"
  mkdir "$TEST/path"
  # As getfattr is where another file has no such attribute.
  printf '%s\n' '#!/usr/bin/env bash' 'printf "# file: x\nsecurity.capability\n\n"' 'exit 1' >"$TEST/path/getfattr"
  chmod +x "$TEST/path/getfattr"
  PATH=$TEST/path:$PATH run -1 bin/restore_volumes --yes
  says 'it contains a file with capabilities'
  [[ ! -e volumes/.nuwa/restore ]]
  live | diff "$TEST/before" -
}

@test "many differences are differences, and times alone are none" {
  seq -f 'volumes/media/%.0f: Size differs' 100000 >"$TEST/many"
  printf 'volumes/media/a: Mod time differs\n' >"$TEST/times"
  for file in many times; do
    run bash -c 'set -euo pipefail; TEMPORARY=$1; source "$2"; if archiver_differs "$1/$3"; then echo differs; else echo same; fi' \
      - "$TEST" "$REPO/bin-templates/from_image/restic" "$file"
    says "$([[ $file == many ]] && echo differs || echo same)"
  done
}

@test "links that could not be checked are not taken for harmless" {
  run -1 bash -c 'set -euo pipefail; SCRIPT=restore_volumes TEMPORARY=$1; source "$2"; renderer() { return 125; }; setup_image() { :; }
    die() { echo "$1"; exit 1; }; archiver_links nuwa-blog-1 "$1"' - "$TEST" "$REPO/bin-templates/from_image/restic"
  says 'the links in nuwa-blog-1 could not be checked'
}

@test "where all archives are kept, a dry run asks for none to be removed" {
  for kept in '0 0 0' '0 0 1'; do
    run -0 bash -c 'set -euo pipefail; source "$1"; read -ra NUWA_ARCHIVES_KEPT <<<"$2"; NUWA_SITE=nuwa-blog REPOSITORY=/borg
      sources() { :; }; say() { echo "$1"; }; archiver_prunable() { echo "Would prune"; }; show_plan 1' \
      - "$REPO/bin-templates/from_image/backup" "$kept"
    [[ $kept == '0 0 0' && $output != *prune* || $kept == '0 0 1' && $output == *prune* ]] || fail "$kept: $output"
  done
}
