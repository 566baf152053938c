#!/usr/bin/env bats
# bin/lib/backoff, which systemd calls before each start of a slot.

load helper

setup() {
  take_folder
  export FAKE=$TEST/fake PATH=$TEST/fakes:$REPO/tests/shell/fakes:$PATH
  mkdir -p "$FAKE/active" "$TEST/fakes"
  # shellcheck disable=SC2016  # the fake expands it
  printf '#!/bin/sh\necho "$1" >>"$TEST/slept"\n' >"$TEST/fakes/sleep"
  chmod +x "$TEST/fakes/sleep"
}

start() {
  bash "$REPO/bin-templates/entrypoints/backoff" nuwa-blog-blue.service "$TEST/starts" "${1:-700}"
}

@test "restarts in a row wait longer and longer, up to a minute; the first two come at once" {
  start
  echo 1 >"$FAKE/restarts"
  for _ in {1..11}; do start; done
  [[ $(paste -sd ' ' "$TEST/slept") == '1 2 4 8 16 32 60 60 60' ]]
}

@test "a start that somebody asked for, and one after good work, wait for nothing" {
  echo 1 >"$FAKE/restarts"
  echo "$(cut -d . -f 1 /proc/uptime) 7" >"$TEST/starts"
  start -1
  [[ ! -e $TEST/slept ]]
  echo "$(cut -d . -f 1 /proc/uptime) 7" >"$TEST/starts"
  rm "$FAKE/restarts"
  start
  [[ ! -e $TEST/slept && $(cut -d ' ' -f 2 "$TEST/starts") == 0 ]]
}

@test "a start whose count a deploy has emptied begins anew, and systemd is not asked" {
  : >"$TEST/starts"
  printf '#!/bin/sh\nexit 1\n' >"$TEST/fakes/systemctl"
  chmod +x "$TEST/fakes/systemctl"
  start
  [[ ! -e $TEST/slept && $(cut -d ' ' -f 2 "$TEST/starts") == 0 ]]
}
