#!/usr/bin/env bats
# One-off commands: in a container of their own, which no deploy ends.
# shellcheck disable=SC2016  # words that must arrive as they are

load helper

# The words of the last one, one per line.
called() {
  grep -qxF -e "$1" "$FAKE/once" || fail "expected: $1" "called with:" "$(cat "$FAKE/once")"
}

# One whose volumes may be in two containers, and that names commands.
make_shared() {
  export MANIFEST=$TEST/shared.json
  jq '.volume[1].policy = "shared" | .command = {
    "import": {"run": ["python", "manage.py", "import_data"], "help": "Reads the day'"'"'s data."},
    "mail": {"run": ["python", "manage.py", "mail"], "arguments": true}}' "$REPO/tests/shell/manifest.json" >"$MANIFEST"
  rm -rf "${TEST:?}/my sité" "$FAKE/images/$ONE"
  make_image "$ONE"
  make_deployment
}

@test "a command runs in a container of its own, with what the app has, and its exit code counts" {
  make_shared
  given bin/run --quiet
  echo 3 >"$FAKE/once-code"
  run -3 bin/run-once python -c 'print("a  b; $HOME")' --help </dev/null
  grep -qE '^--name=nuwa-blog_once-command-[0-9]{8}-[0-9]{6}-[0-9]+$' "$FAKE/once"
  called "--volume=$PWD/volumes/secrets:/run/secrets:ro,nosuid,nodev"
  called '--network=nuwa-blog'
  called '--pids-limit=512'
  called '--interactive'
  [[ $(tail -n 4 "$FAKE/once") == $'python\n-c\nprint("a  b; $HOME")\n--help' ]]
  run ! grep -q 'publish\|NUWA_SLOT\|--tty' "$FAKE/once"
  grep -q 'runs a one-off command in nuwa-blog_once-command-' volumes/.nuwa/nuwa.log
  run ! grep -q 'print(' volumes/.nuwa/nuwa.log
}

@test "commands of nuwa.toml have names, help, and arguments only where they take them" {
  make_shared
  given bin/run --quiet
  run -0 bin/run-once --list
  says "import               Reads the day's data."
  says 'mail …'
  run -0 bin/run-once import
  called '/usr/lib/nuwa/command/once-import'
  run -2 bin/run-once import --all
  says 'import takes no arguments'
  run -0 bin/run-once mail --to everybody
  called '/usr/lib/nuwa/command/once-mail'
  called 'everybody'
  run -0 bin/run-once -- import --all
  called 'import'
}

@test "in the background it is a unit of systemd, whose lines bin/logs shows" {
  make_shared
  given bin/run --quiet
  run -0 bin/run-once --detach import
  says 'is running. bin/logs shows its output. To stop it: podman stop nuwa-blog_once-import'
  grep -qx -e --unit=nuwa-blog_once-import "$FAKE/transient"
  called '--log-driver=none'
  run ! grep -qx -e --interactive "$FAKE/once"
  run -0 bin/logs
  says '--unit nuwa-blog-blue.service --unit nuwa-blog_once-*'
  echo "$ONE" >"$FAKE/containers/nuwa-blog_once-import"
  run -6 bin/run-once --detach import
  says 'import is already running'
  run -0 bin/run-once import
  run -0 bin/run-once --detach id
  says 'nuwa-blog_once-command-'
}

@test "a deploy leaves it, and its image; status shows it" {
  make_shared
  given bin/run --quiet
  echo "$ONE" >"$FAKE/once-stays"
  bin/run-once import
  run -0 bin/status
  says 'one-off     nuwa-blog_once-import-'
  for image in "$TWO" "$(printf 'c%.0s' {1..64})" "$(printf 'd%.0s' {1..64})" "$(printf 'e%.0s' {1..64})" "$(printf 'f%.0s' {1..64})" "$(printf '1%.0s' {1..64})"; do
    make_image "$image"
    bin/deploy --watch 0 "$image"
  done
  compgen -G "$FAKE/containers/nuwa-blog_once-import-*"
  [[ -d $FAKE/images/$ONE && ! -d $FAKE/images/$TWO ]]
}

@test "a migration's cutover waits for its end, and the printed command stops it" {
  make_shared
  make_other_host
  given bin/run --quiet
  given bin/install --quiet
  bin/migrate --yes "root@other.example.com:$THERE"
  echo "$ONE" >"$FAKE/once-stays"
  bin/run-once import
  run -1 bin/migrate --yes --cutover "root@other.example.com:$THERE"
  says 'one-off commands are using the data'
  podman stop "$(grep -o 'podman stop .*' <<<"$output" | cut -d ' ' -f 3)"
  run -0 bin/migrate --yes --cutover "root@other.example.com:$THERE"
}

@test "one that began while a migration was sending is not cut off" {
  make_shared
  make_other_host
  given bin/run --quiet
  given bin/install --quiet
  bin/migrate --yes "root@other.example.com:$THERE"
  mkdir "$TEST/instead"
  printf '#!/bin/sh\necho %s >"$FAKE/containers/nuwa-blog_once-import"\nexec "$REPO/tests/shell/fakes/rsync" "$@"\n' "$ONE" >"$TEST/instead/rsync"
  chmod +x "$TEST/instead/rsync"
  PATH=$TEST/instead:$PATH run -1 bin/migrate --yes --cutover "root@other.example.com:$THERE"
  says 'one-off commands are using the data'
  [[ -e $FAKE/active/nuwa-blog-blue.service && $(<volumes/.nuwa/move) == copied* ]]
}

@test "uninstall stops it, and says so" {
  make_shared
  given bin/run --quiet
  echo "$ONE" >"$FAKE/once-stays"
  bin/run-once import
  run -2 bin/uninstall </dev/null
  says 'and its one-off commands stop (nuwa-blog_once-import-'
  run -0 bin/uninstall --yes
  run ! compgen -G "$FAKE/containers/nuwa-blog_once-*"
}

@test "an exclusive volume is of the slot alone: the printed command runs in it" {
  given bin/run --quiet
  run -1 bin/run-once id
  says 'bin/shell COMMAND'
  run -0 bin/shell id
  says '<nuwa-blog-blue></usr/lib/nuwa/app-env><id>'
}

@test "without a release there is nothing to run; no word, no command" {
  run -1 bin/run-once id
  says 'First: bin/run'
  bin/run
  run -1 bin/run-once id
  says 'the volume data is exclusive, and the app is using it'
  run -2 bin/run-once
  says 'which command?'
  run -2 bin/run-once --fast id
  says 'has no option --fast'
}

@test "a dry run shows the words and starts nothing; while the data is elsewhere nothing runs" {
  make_shared
  given bin/run --quiet
  run -0 bin/run-once --dry-run import
  says "'/usr/lib/nuwa/command/once-import'"
  [[ ! -e $FAKE/once ]]
  printf 'moved\tother\t/srv/blog\n' >volumes/.nuwa/move
  run -6 bin/run-once import
  says 'has moved to another host'
}

@test "the oldest host release knows all that is used" {
  make_shared
  make_release rocky8
  bin/run >/dev/null
  run -0 bin/run-once --detach import
  run bin/status --json
  [[ ! -e $FAKE/refused ]]
}

@test "what has an exclusive volume keeps the app from starting, until it ends" {
  given bin/run --quiet
  systemctl stop nuwa-blog-blue.service
  echo "$ONE" >"$FAKE/once-stays"
  bin/run-once id
  run -1 bin/run
  says 'one-off commands are using the data'
  make_image "$TWO" 2.0
  run -1 bin/deploy --watch 0 "$TWO"
  says 'one-off commands are using the data'
  [[ ! -e $FAKE/active/nuwa-blog-blue.service && ! -e $FAKE/active/nuwa-blog-green.service ]]
  podman stop "$(basename "$FAKE"/containers/nuwa-blog_once-*)"
  run -0 bin/deploy --watch 0 "$TWO"
}

@test "while a deploy moves an exclusive volume, no command takes it" {
  given bin/run --quiet
  systemctl stop nuwa-blog-blue.service
  printf 'starting %s blue green deploy\n' "$ONE" >volumes/.nuwa/deploy
  run -6 bin/run-once id
  says 'bin/deploy --resume'
}
