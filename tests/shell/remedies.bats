#!/usr/bin/env bats
# What the scripts print as a remedy works as it is printed: each is taken from the output and run.

load helper

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word MANIFEST=$REPO/tests/shell/backup.json BORG_BASE_DIR=$TEST/home
  make_host
  make_deployment
  given bin/run --quiet 2>/dev/null
  bin/archive_volumes --repository "$TEST/borg" --quiet 2>/dev/null
}

# follow AFTER [UNTIL]: runs what the last output printed between these words.
follow() {
  local command=${output#*"$1"}
  command=${command%%$'\n'*}
  [[ -z ${2:-} ]] || command=${command%%"$2"*}
  [[ $command != "$output" && $command == *[a-z]* ]] || fail "no command after '$1' in:" "$output"
  FOLLOWED=$command
  run -0 bash -c "$command"
}

archives() {
  find "$TEST/borg" -name '*.tar' | wc -l
}

# As a backup disk that was restored from its own backup.
roll_back() {
  cp -a "$TEST/borg" "$TEST/aside"
  sleep 1
  bin/archive_volumes --quiet
  rm -r "$TEST/borg"
  mv "$TEST/aside" "$TEST/borg"
}

@test "a repository that was put back to an earlier state is read all the same, with a warning" {
  roll_back
  for command in 'archive_volumes --list' 'archive_volumes --check' 'archive_volumes --rehearse' "archive_volumes --export-key $TEST/key" 'restore_volumes --yes'; do
    # shellcheck disable=SC2086  # words
    run -0 bin/$command
    says 'is older than when this host last used it: it was reset to an earlier state. It is only read here, so this continues.'
  done
  mkdir "$TEST/to"
  run -0 bin/restore_volumes --to "$TEST/to"
  [[ -e $TEST/to/volumes/media/picture ]]
}

@test "archives continue in a repository that was put back, once somebody says that it was meant" {
  roll_back
  run -1 bin/archive_volumes --yes
  says 'it was reset to an earlier state. If you did this yourself: bin/archive_volumes --yes --accept'
  [[ $(archives) -eq 1 && $(tail -n 1 volumes/.nuwa/archives.tsv) == *'reset to an earlier state'* ]]
  echo 7 >"$(dirname "$TEST"/home/.config/borg/security/*/location)/nonce"
  follow 'If you did this yourself: '
  [[ $(archives) -eq 2 && $FOLLOWED == 'bin/archive_volumes --yes --accept' ]]
  # No nonce is used a second time.
  [[ $(cat "$TEST"/home/.config/borg/security/*/nonce) == 7 ]]
  run -0 bin/archive_volumes --list
  says_not 'reset to an earlier state'
}

@test "a repository that was moved is named with the command's own words" {
  mkdir "$TEST/other disk"
  mv "$TEST/borg" "$TEST/other disk/borg"
  run -1 bin/archive_volumes --repository "$TEST/other disk/borg"
  says 'was moved, or is not the repository that this host used there'
  follow 'If you did this yourself: '
  [[ $FOLLOWED == *"--repository '$TEST/other disk/borg' --accept" ]]
  run -0 bin/archive_volumes --list
  says 'nuwa-blog-'
}

@test "a wrong passphrase: the printed command takes another" {
  right=$(<"$TEST/borg/passphrase")
  rm volumes/.nuwa/private/BORG_PASSPHRASE
  BORG_PASSPHRASE=wrong run -1 bin/archive_volumes --list
  says 'BORG_PASSPHRASE=… bin/archive_volumes --list --passphrase'
  output=${output//…/$right}
  follow 'Give the right one: '
  says 'nuwa-blog-'
  rm volumes/.nuwa/private/BORG_PASSPHRASE
  run -2 bin/archive_volumes --list
  says 'Set it in the environment variable BORG_PASSPHRASE'
  BORG_PASSPHRASE=$right run -0 bin/archive_volumes --list
}

@test "a repository that is gone is not recreated automatically, but by the printed commands" {
  mv "$TEST/borg" "$TEST/unmounted"
  run -1 bin/archive_volumes
  says 'Is its disk mounted?'
  run -1 bin/archive_volumes --list
  says 'Is its disk mounted?'
  mv "$TEST/unmounted" "$TEST/borg"
  run -0 bin/archive_volumes --list
  mv "$TEST/borg" "$TEST/unmounted"
  run -1 bin/archive_volumes
  follow 'To create a new one there: '
  [[ $(archives) -eq 1 ]]
}

@test "a repository of the manifest that is gone is not recreated either" {
  sed -i "s|^readonly NUWA_BACKUP=.*|readonly NUWA_BACKUP=$TEST/named|" bin/lib/app
  rm volumes/.nuwa/repository*
  run -0 bin/archive_volumes
  mv "$TEST/named" "$TEST/unmounted"
  run -1 bin/archive_volumes
  says 'Is its disk mounted?'
  [[ ! -e $TEST/named ]]
}

@test "where no repository is yet, the printed command makes it" {
  run -1 bin/archive_volumes --list --repository "$TEST/new one"
  follow 'To create it: '
  [[ -e "$TEST/new one/passphrase" ]]
}

@test "an archive that does not fit names a command that each script has" {
  printf -- '-rw-r--r-- 10001 10001 99000000000000000 volumes/media/sparse\0\0' >"$FAKE/borg.entries"
  printf 'drwxr-xr-x 10001 10001 0 volumes/media\0\0' >>"$FAKE/borg.entries"
  # The holes of a sparse file take no room: the archive knows what it took.
  run bin/archive_volumes --rehearse
  says_not 'no space'
  # An archive of before, which does not.
  : >"$FAKE/no-about"
  run -1 bin/archive_volumes --rehearse
  says 'or try anyway: bin/archive_volumes --rehearse --ignore-space'
  run -1 bin/restore_volumes --yes
  says 'or try anyway: bin/restore_volumes --yes --ignore-space'
  rm "$FAKE/borg.entries"
  run -0 bash -c "${output#*try anyway: }"
}

@test "an archive's name that is none: the printed command lists them" {
  run -1 bin/restore_volumes nuwa-blog-2020 --yes
  follow 'there is no such archive. ' ' shows them'
  says 'nuwa-blog-'
}

@test "a disk with no room records that there is no archive" {
  mkdir "$TEST/tools"
  printf '#!/bin/sh\n[ "$1" = -Pk ] || exec /usr/bin/df "$@"\nprintf "x\\nx 1 1 900 1 /\\n"\n' >"$TEST/tools/df"
  chmod +x "$TEST/tools/df"
  PATH=$TEST/tools:$PATH run -4 bin/archive_volumes
  says '1 MB of free disk'
  [[ $(tail -n 1 volumes/.nuwa/archives.tsv) == *$'\t-\tthis host lacks: 1 MB of free disk below '* ]]
  run bin/status
  says 'the last archive failed: this host lacks: 1 MB of free disk below '
  # A few megabytes do for an archive elsewhere, and for a secret that has to change.
  sed -i 's/900 1/90000 1/' "$TEST/tools/df"
  PATH=$TEST/tools:$PATH run -0 bin/archive_volumes
  PATH=$TEST/tools:$PATH run -0 bin/secret set MAIL_PASSWORD <<<other
  PATH=$TEST/tools:$PATH run -4 bin/run
  says '200 MB of free disk'
}

@test "another script at work is recorded as what kept an archive from being made, and nothing of it is touched" {
  mkdir -p volumes/.nuwa/archive
  (
    exec 9>>volumes/.nuwa/lock
    flock 9
    printf 'bin/deploy (process 1, since then)' >volumes/.nuwa/lock
    run -6 bin/archive_volumes
    says 'bin/deploy (process 1, since then) is running here'
  )
  [[ -d volumes/.nuwa/archive && $(tail -n 1 volumes/.nuwa/archives.tsv) == *'is running here'* ]]
}

@test "a state of podman in BoltDB: the printed command moves it, and older ones are told when the host is checked" {
  mkdir -p "$NUWA_ROOT/var/lib/containers/storage/libpod"
  touch "$NUWA_ROOT/var/lib/containers/storage/libpod/bolt_state.db"
  run -0 bin/run
  says_not BoltDB
  run -0 bin/_predicate
  says 'podman 5.8 migrates it when the host restarts: do not skip that release.'
  export FAKE_PODMAN_VERSION=5.8.2
  run -0 bin/run
  follow 'or stop all containers, then: '
  run -0 bin/run
  says_not BoltDB
}

@test "data that is not the app's: the printed command gives it to the app" {
  chown -R 0:0 volumes/media
  run -0 bin/run
  follow 'If so: '
  [[ $(stat -c %u volumes/media) == 10001 ]]
  run -0 bin/run
  says_not chown
}

@test "an image that is not here: the printed command fetches it" {
  mkdir -p "$FAKE/registry"
  make_image "$TWO" 2.0
  mv "$FAKE/images/$TWO" "$FAKE/registry/other:2.0"
  run -4 bin/deploy other:2.0
  output=${output//\'/}
  follow 'on this host: ' ', or podman load it'
  [[ -e $FAKE/images/other:2.0 ]]
  BID=nothing:1 run -1 bash "$(payload)/Setup"
  output=${output//"'"/}
  follow 'there is no image nothing:1 here. ' ' lists them'
}

@test "a port that somebody else has: the printed command has another chosen" {
  printf '%s\tport.blue\n' "$TEST/shop" >"$NUWA_ROOT/var/lib/nuwa-app/ports/$(<volumes/.nuwa/port.blue)"
  mkdir -p "$TEST/shop/bin/lib"
  touch "$TEST/shop/bin/lib/app"
  run -1 bin/run
  [[ $output == *'(ss -ltnp shows it)'* ]]
  ss -ltnp >/dev/null
  follow 'have another port chosen: ' '; then bin/run'
  run -0 bin/run
}

@test "a repository of somebody else: the printed command makes it root's" {
  chown 10001 "$TEST/borg"
  run -1 bin/archive_volumes
  follow ', or: '
  run -0 bin/archive_volumes
}

@test "what a restore has put aside goes with the printed command, and so does the data of an app that is gone" {
  run -0 bin/restore_volumes --yes
  follow 'To delete it: '
  [[ ! -e volumes/.nuwa/former ]]
  bin/uninstall --yes --quiet
  run -0 bin/kill --yes
  follow 'Its data stays in '"$VOLUMES$DEPLOYMENT/volumes: " ' deletes it'
  [[ ! -e volumes ]]
}

@test "a lock of a borg that was cut off, and a damaged repository: the printed commands are borg's own" {
  for fault in LockTimeout IntegrityError; do
    jq -nc --arg id "$fault" '{type: "log_message", levelname: "ERROR", message: "no", msgid: $id}' >"$FAKE/borg.create"
    run -1 bin/archive_volumes
    follow "$([[ $fault == LockTimeout ]] && echo 'because it was killed: ' || echo 'Repair a copy: ')"
    run -0 bin/archive_volumes
  done
}

@test "another passphrase for the archives: the printed command gives it to the repository" {
  run -2 bin/secret set BORG_PASSPHRASE <<<another
  follow 'in the repository too, by ' '. Continue?'
  [[ -e $TEST/borg/changed ]]
}

@test "a release hook that outlived its script: the printed command ends it" {
  echo "$TWO" >volumes/.nuwa/hook.running
  echo "$TWO" >"$FAKE/containers/nuwa-blog-release"
  bin/run --yes >"$TEST/told" 2>&1 3>&- &
  until grep -q "still running" "$TEST/told"; do sleep 0.1; done
  output=$(<"$TEST/told")
  output=${output//\'/}
  follow 'To stop it now: '
  wait "$!"
  [[ ! -e volumes/.nuwa/hook.running ]]
}

@test "nginx refuses its files while the site goes: the printed command says why" {
  given bin/install --quiet 2>/dev/null
  echo BROKEN >"$NUWA_ROOT/etc/nginx/conf.d/other.conf"
  run -0 bin/uninstall --yes
  run -1 bash -c "$(sed -n 's/.*keeps the previous one\. \(.*\) shows why\.$/\1/p' <<<"$output")"
  says 'unknown directive "BROKEN"'
}
