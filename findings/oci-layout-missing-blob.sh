#!/usr/bin/env bash
# An OCI layout that lost a layer passes `skopeo inspect`, `skopeo copy` and `podman pull`, where the layer is known already.
#
# A good guess: whoever copies or pulls an image reads its blobs and compares their digests, so a copy that went well proves
# that the source is whole.
#
# Seen: a blob that the destination has is never asked of the source. On the machine that built the image, pulling back a
# layout without its only layer succeeds; so does `skopeo copy` into a layout that has a sibling of the image. `skopeo inspect`
# reads the manifest and the configuration alone. Only an empty destination proves a layout.
#
# Versions: skopeo 1.9.3, podman 4.3.1 (Debian 12).

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

main() {
  local layout=layout manifest layer
  need skopeo
  empty_podman
  # podman takes a path with capitals for a wrong name.
  cd "$WORK"
  printf '%s; %s\n' "$(skopeo --version)" "$(podman --version)"
  pod push --quiet localhost/tiny:1 "oci:$layout:1"
  pod push --quiet localhost/tiny:1 "oci:sibling:1"
  manifest=$(jq -r '.manifests[0].digest' "$layout/index.json")
  layer=$(jq -r '.layers[0].digest' "$layout/blobs/sha256/${manifest#sha256:}")
  rm "$layout/blobs/sha256/${layer#sha256:}"
  expect 'skopeo inspect' 0 "$(code_of skopeo inspect "oci:$layout:1")"
  expect 'podman pull where the layer is' 0 "$(code_of pod pull --quiet "oci:$layout:1")"
  expect 'skopeo copy to a layout that has the layer' 0 "$(code_of skopeo copy "oci:$layout:1" "oci:sibling:2")"
  expect 'skopeo copy to an empty layout' 1 "$(code_of skopeo copy "oci:$layout:1" "oci:empty:1")"
  pod rmi --all --force >/dev/null
  expect 'podman pull into an empty store' 125 "$(code_of pod pull --quiet "oci:$layout:1")"
  finish
}

main "$@"
