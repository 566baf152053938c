#!/usr/bin/env bash
# `podman events --filter label=KEY` lets no event through; `podman ps --filter label=KEY` lists the container.
#
# A good guess: a filter for labels takes a key alone, for any value, or a key with its value, in every command that has
# one. So a program that follows the containers of its own label hears of each create, start and death.
#
# Seen: for events, only the key together with the value counts. With the key alone the stream stays open and empty: no
# error, no warning. Who does not know the values beforehand has to read all events and look into their attributes, which
# hold the container's labels.
#
# Versions: podman 4.3.1, with the events kept in a file.

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

with_events() {
  pod --events-backend file --tmpdir "$WORK/tmp" "$@"
}

# What happened to the container, as far as a filter lets it through.
events() {
  with_events events --stream=false --since 5m --filter "container=$(<"$WORK/id")" --format '{{.Status}}' "$@" | sort | paste -sd ' '
}

main() {
  empty_podman
  podman --version
  with_events create --label owner=me localhost/tiny:1 /file >"$WORK/id"
  expect 'ps, the key alone' 1 "$(with_events ps --all --quiet --filter label=owner | wc -l)"
  with_events rm --force "$(<"$WORK/id")" >/dev/null
  expect 'events of the container' 'create remove' "$(events)"
  expect 'events, key and value' 'create remove' "$(events --filter label=owner=me)"
  expect 'events, the key alone' '' "$(events --filter label=owner)"
  finish
}

main "$@"
