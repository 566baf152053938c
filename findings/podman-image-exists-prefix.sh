#!/usr/bin/env bash
# `podman image exists f` is true on a machine whose only image has an id that begins with f.
#
# A good guess: ids may be shortened to 12 digits, perhaps to a few; `podman image exists NAME` says whether an image of that
# name is there, and so is fit to decide whether one must be built or pulled.
#
# Seen: any beginning of an id counts, down to one digit, before a name is resolved. An app called `cafe`, `feed`, `ada` or `b`
# exists by chance, and `podman rmi` or `podman tag` take the same words. A name with a registry (`localhost/feed`) is never
# taken for an id.
#
# Versions: podman 4.3.1, 5.4.2.

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

main() {
  local id
  empty_podman
  podman --version
  id=$(pod image inspect -f '{{.Id}}' localhost/tiny:1)
  expect 'exists, the first digit of the id' 0 "$(code_of pod image exists "${id:0:1}")"
  expect 'exists, four digits' 0 "$(code_of pod image exists "${id:0:4}")"
  expect 'exists, localhost/ and four digits' 1 "$(code_of pod image exists "localhost/${id:0:4}")"
  expect 'tag, the first digit' 0 "$(code_of pod tag "${id:0:1}" localhost/other:1)"
  expect 'the name that was given' "$id" "$(pod image inspect -f '{{.Id}}' localhost/other:1)"
  finish
}

main "$@"
