#!/usr/bin/env bash
# `podman images` prints nothing and fails while another command removes any image.
#
# A good guess: a listing shows what is there at that moment, as `ls` and `podman ps` do; an image that goes meanwhile is in it or not.
#
# Seen: podman takes the ids first and then reads each image. If one of them is gone by then, the whole command ends with
# exit code 125 and prints no image at all, also none of those that nobody touches. So a listing in a script fails now and then on
# a machine where something else builds or prunes, and has to be asked for again.
#
# Versions: podman 4.3.1.

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

readonly KEPT=60 LIMIT_S=120

# Images come and go until the mark is there.
come_and_go() {
  local number=0
  until [[ -e $WORK/enough ]]; do
    number=$((number + 1))
    pod import --quiet --change "ENV N=$number" "$WORK/root.tar" "localhost/passing:$number" >/dev/null 2>&1 || true
    pod rmi --force "localhost/passing:$number" >/dev/null 2>&1 || true
  done
}

main() {
  local number code=0 other
  empty_podman
  podman --version
  for ((number = 2; number <= KEPT; number++)); do
    pod import --quiet --change "ENV N=kept$number" "$WORK/root.tar" "localhost/tiny:$number" >/dev/null
  done
  expect 'images without anything else at work' 0 "$(code_of pod images --quiet)"
  come_and_go &
  other=$!
  while ((code == 0 && SECONDS < LIMIT_S)); do
    code=$(code_of pod images --quiet)
  done
  : >"$WORK/enough"
  wait "$other"
  expect 'images while another command removes one' 125 "$code"
  expect 'lines with an image in its output' 0 "$(grep -Ecx '[0-9a-f]{12}' "$WORK/output" || true)"
  expect 'what it says' 1 "$(grep -c 'image not known' "$WORK/output" || true)"
  finish
}

main "$@"
