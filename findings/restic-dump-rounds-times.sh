#!/usr/bin/env bash
# The tar that `restic dump` writes is up to half a second in the future: it rounds times to the nearest second.
#
# A good guess: the tar has the times of the snapshot in full, as PAX headers can, or cut to seconds, as GNU tar writes them;
# either way `tar --diff` agrees that what `restic restore` wrote, with times in full, is what is in the tar.
#
# Seen: a file of 12:00:00.4 is in the tar with 12:00:00, one of 12:00:00.6 with 12:00:01. `tar --diff` compares whole seconds,
# so it reports "Mod time differs" for about half of all files of a restore that is right.
#
# Versions: restic 0.14.0 (Debian 12).

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

find_restic() {
  [[ -z $(type -P restic) ]] || return 0
  (cd "$WORK" && apt-get download --quiet restic >/dev/null 2>&1 && dpkg -x restic_*.deb restic) ||
    die "restic is missing: apt-get install restic"
  PATH=$WORK/restic/usr/bin:$PATH
}

seconds_in_tar() {
  tar --utc --full-time -tvf "$WORK/dump.tar" "data/$1" | awk '{ print $5 }'
}

main() {
  need tar
  find_restic
  restic version
  export RESTIC_REPOSITORY=$WORK/repository RESTIC_PASSWORD=word RESTIC_CACHE_DIR=$WORK/cache
  mkdir "$WORK/data"
  touch -d '2026-01-01 12:00:00.4 UTC' "$WORK/data/early"
  touch -d '2026-01-01 12:00:00.6 UTC' "$WORK/data/late"
  restic --quiet init
  (cd "$WORK" && restic --quiet backup data)
  restic --quiet restore latest --target "$WORK/restored" >/dev/null
  restic --quiet dump latest / >"$WORK/dump.tar"
  expect 'a file of .4' 12:00:00 "$(seconds_in_tar early)"
  expect 'a file of .6' 12:00:01 "$(seconds_in_tar late)"
  expect 'restored' 12:00:00.6 "$(TZ=UTC stat -c %y "$WORK/restored/data/late" | cut -c 12-21)"
  expect 'tar --diff' 'data/late: Mod time differs' "$(tar --diff -f "$WORK/dump.tar" -C "$WORK/restored" 2>&1 || true)"
  finish
}

main "$@"
