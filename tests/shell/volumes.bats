#!/usr/bin/env bats
# An app may leave anything in its volumes: links, pipes, devices, sockets, odd names. Each script, whichever it is, ends, and
# writes and reads nothing outside.

load helper

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word MANIFEST=$REPO/tests/shell/backup.json
  make_host
  make_deployment
  given bin/run --quiet 2>/dev/null
  mkdir "$TEST/outside"
  echo 'of the host' >"$TEST/outside/passphrase"
  database "$TEST/outside/foreign.sqlite3" foreign
  plant volumes/media
  plant volumes/data
  plant volumes/cache
  outside >"$TEST/before"
}

teardown() {
  chattr -i -- volumes/*/immutable 2>/dev/null || true
}

database() {
  "$NUWA_PYTHON" -c 'import sqlite3, sys
made = sqlite3.connect(sys.argv[1])
made.execute("CREATE TABLE notes (text)")
made.execute("INSERT INTO notes VALUES (?)", sys.argv[2:])
made.commit()' "$@"
}

notes() {
  "$NUWA_PYTHON" -c 'import sqlite3, sys
print(*sqlite3.connect(sys.argv[1]).execute("SELECT text FROM notes").fetchone())' "$1"
}

# All that an app can make in a volume, and what an operator might add.
plant() {
  local folder=$1
  mkdir -p "$folder/sub"
  database "$folder/sub/app.sqlite3" live
  ln -s "$TEST/outside/passphrase" "$folder/to-secret"
  ln -s "$TEST/outside" "$folder/to-folder"
  ln -s "$TEST/outside/foreign.sqlite3" "$folder/foreign.sqlite3"
  ln -s ../.nuwa "$folder/to-nuwa"
  ln -s loop "$folder/loop"
  mkfifo "$folder/pipe" "$folder/pipe.sqlite3"
  ln -f "$folder/sub/app.sqlite3" "$folder/hard"
  "$NUWA_PYTHON" -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$folder/socket"
  for name in $'with\nbreak' $'\xff\xfe' -rf '*' 'back\slash' "'quote\"" $'\e[31mred' ' '; do
    echo odd >"$folder/$name"
  done
  chown -hR 10001:10001 "$folder"
}

# The first file that came from the image becomes what $1 makes of it.
replace_initial() {
  rm -f volumes/media/picture
  "$@" volumes/media/picture
}

outside() {
  find "$TEST/outside" volumes/.nuwa/private -printf '%p %y %m %U %G %s\n' | sort
  find "$TEST/outside" volumes/.nuwa/private -type f -print0 | sort -z | xargs -0 sha256sum
}

# In time, and without a change outside.
ends() {
  run "$1" timeout 120 "${@:2}"
  outside | diff "$TEST/before" - || fail "$output"
  says_not 'of the host'
  [[ $output != *$'\e'* ]] || fail 'a terminal would obey this' "$output"
}

another_image() {
  make_image "$TWO" 2.0
  echo 'second picture' >"$FAKE/images/$TWO/root/srv/app/media dir/picture"
  echo new >"$FAKE/images/$TWO/root/srv/app/media dir/"$'\e[31mred'
}

@test "a pipe, a link, a folder in the place of a file of the image: deploy tells, and goes on" {
  another_image
  local made
  for made in mkfifo mkdir 'ln -s ../to-nuwa/private/BORG_PASSPHRASE' "ln -s $TEST/outside/passphrase" 'ln -s picture'; do
    # shellcheck disable=SC2086  # words
    replace_initial $made
    ends -0 bin/deploy "$TWO" --watch 0
    says 'the image has picture for volumes/media, where it is not a readable file: left unchanged'
    ends -0 bin/deploy --rollback --watch 0
    rm -rf volumes/media/picture
    printf '%s\n' "$ONE" >volumes/.nuwa/initial.media
  done
}

@test "a link out of the volume is not compared by run either, and what differs is told" {
  another_image
  echo mine >volumes/media/picture
  BID=$TWO bash "$(payload)/Setup" >/dev/null
  ends -0 bin/run
  says "the image's picture for volumes/media has changed since; yours is kept"
  says '-mine'
}

@test "an archive holds the app's own databases, whole, and none that a link points to" {
  ends -0 bin/archive_volumes --repository "$TEST/borg"
  tar -tf "$TEST"/borg/*.tar >"$TEST/names"
  grep -qx 'volumes/.nuwa/archive/sqlite/data/sub/app.sqlite3' "$TEST/names"
  run ! grep -q 'archive/sqlite/.*\(foreign\|pipe\)' "$TEST/names"
  [[ ! -e volumes/.nuwa/archive ]]
}

@test "a restored database goes into its own volume and nowhere else" {
  given bin/archive_volumes --repository "$TEST/borg" --quiet 2>/dev/null
  database volumes/data/sub/new.sqlite3 later
  ends -0 bin/restore_volumes --yes
  [[ $(notes volumes/data/sub/app.sqlite3) == live && ! -e volumes/data/sub/new.sqlite3 ]]
  [[ $(stat -c %u volumes/data/sub/app.sqlite3) == 10001 ]]
  ends -0 bin/archive_volumes --rehearse
}

@test "a folder that became a link between dump and copy is refused, and nothing is written through it" {
  mkdir -p "$TEST/dump/sqlite/data/sub"
  database "$TEST/dump/sqlite/data/sub/BORG_PASSPHRASE" forged
  rm -r volumes/data/sub
  ln -s ../.nuwa/private volumes/data/sub
  cp -r "$TEST/dump" volumes/.nuwa/incoming
  ends -1 bin/migrate --load --yes
  says 'volumes/data/sub is missing or is a link'
  # Where the app's folder is one, it goes there.
  rm volumes/data/sub
  mkdir volumes/data/sub
  ends -0 bin/migrate --load --yes
  [[ $(notes volumes/data/sub/BORG_PASSPHRASE) == forged ]]
}

@test "a copy that was given another kind while it was made is not archived" {
  # What an app that broke out of SQLite could leave in the folder of the copies. bash copies a function only by its text: eval.
  cat >>bin/lib/host <<'END'
eval "real_$(declare -f run_tool)"
run_tool() {
  [[ $* == *label=disable* ]] || { real_run_tool "$@"; return; }
  ln -s /etc/shadow "$(sed 's/.*--volume=//; s/:.*//' <<<"$6")/link"
}
END
  ends -1 bin/archive_volumes --repository "$TEST/borg"
  says 'which is not a regular file. Nothing was archived'
}

@test "a file of all that unpacks to what was there" {
  ends -0 bin/migrate --output "$TEST/all.nuwa.sh"
  ends -0 sh "$TEST/all.nuwa.sh" --extract "$TEST/there"
  [[ -p $TEST/there/volumes/media/pipe && -L $TEST/there/volumes/media/to-secret ]]
  [[ -e $TEST/there/volumes/media/$'with\nbreak' ]]
}

@test "a file that cannot be removed keeps nobody from anything" {
  touch volumes/cache/immutable
  chattr +i volumes/cache/immutable
  ends -0 bin/run
  ends -0 bin/archive_volumes --repository "$TEST/borg"
  ends -0 bin/restore_volumes --yes
  [[ -e volumes/cache/immutable ]]
}

@test "status, logs, secret, uninstall, kill and run end whatever the volumes hold" {
  local command
  for command in status 'secret list' 'secret set MAIL_PASSWORD' logs 'run --dry-run' 'uninstall --yes' 'kill --yes' run; do
    # shellcheck disable=SC2086  # words
    run timeout 120 bin/$command <<<'other word'
    ((status < 124)) || fail "$command: $output"
    outside | diff "$TEST/before" -
  done
}

mode() {
  stat -c '%a %u %G' -- "$1"
}

@test "other users of the host look into no volume; nginx passes to those that it serves" {
  [[ $(mode volumes) == '710 0 www-data' ]]
  [[ $(mode volumes/data) == '750 10001'* && $(mode volumes/cache) == '750 10001'* ]]
  # A volume with a url, as nginx reads it.
  sed -i 's/^readonly NUWA_SERVED=.*/readonly NUWA_SERVED=(media)/' bin/lib/app
  chmod 0755 volumes/media volumes/data volumes
  chmod 2770 volumes/cache
  bin/run --quiet
  [[ $(mode volumes/media) == '755 10001'* && $(mode volumes/data) == '750 10001 root' && $(mode volumes) == '710 0 www-data' ]]
  # What somebody chose stays.
  [[ $(mode volumes/cache) == 2770* ]]
  run ! setpriv --reuid=65534 --regid=65534 --clear-groups cat volumes/media/picture
}

@test "on a host whose nginx has another group, volumes/ goes to that one" {
  chgrp 4444 volumes
  bin/run --quiet
  [[ $(mode volumes) == '710 0 www-data' ]]
}
