#!/usr/bin/env bats
# A volume with a file system of its own, mounted for real: how it is made, moved into, grown, swapped and taken away, and
# that nothing is written to the folder beneath.

load helper

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word
  jq 'del(.volume[1].policy)' "$REPO/tests/shell/manifest.json" >"$TEST/plain.json"
  sized 33554432
  make_host
}

teardown() {
  local folder
  for folder in "$TEST"/*/volumes/media/shared "$TEST"/*/volumes/{media,films} "$TEST"/*/volumes/.nuwa/disks/*.mnt "$TEST"/*/volumes/.nuwa/restore/volumes/media; do
    ! mountpoint -q "$folder" || umount "$folder"
  done
}

# The manifest with a size for media, in $TEST/sized.json, which images made after this have.
sized() {
  export MANIFEST=$TEST/sized-$1.json
  jq --argjson size "$1" '.volume[0].size = $size' "$TEST/plain.json" >"$MANIFEST"
}

# Another image of the app, whose media has that size.
another_image() {
  sized "$1"
  make_image "$TWO" 2.0
}

install_plain() {
  MANIFEST=$TEST/plain.json make_image "$ONE"
  MANIFEST=$TEST/plain.json make_deployment
  bin/run --quiet
}

content() {
  (cd volumes/media && find . -printf '%p %y %m %U %l\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}

beneath() {
  local beneath=$TEST/beneath
  mkdir -p "$beneath"
  mount --bind volumes "$beneath"
  stat -c '%a %u' "$beneath/media"
  find "$beneath/media" -mindepth 1
  umount "$beneath"
}

@test "a volume with a size gets a file system of its own, and what fills it fills nothing else" {
  make_deployment
  run -0 bin/run --dry-run
  says 'would give volumes/media a file system of 32 MB'
  [[ ! -e volumes/.nuwa/disks ]]
  run -0 bin/run
  says 'volumes/media has a file system of its own: 32 MB'
  mountpoint -q volumes/media
  [[ $(<volumes/media/picture) == 'first picture' && $(stat -c '%a %u' volumes/media) == '750 10001' ]]
  # All of it is taken: the file has no holes.
  (($(stat -c '%b * %B' volumes/.nuwa/disks/media.img) >= 33554432))
  run ! dd if=/dev/zero of=volumes/media/all bs=1M count=64 status=none
  says 'No space left'
  run bin/status
  says 'volume      media: 2'
  rm volumes/media/all
  # What is there already stays as it is.
  content >"$TEST/before"
  run -0 bin/run
  says 'is already running and up to date'
  content | diff "$TEST/before" -
  # One of 3 GB: mawk writes that as 3.22123e+09.
  printf '#!/bin/sh\nprintf "Block count: 786432\\nBlock size: 4096\\n"\n' >"$TEST/tune2fs"
  chmod +x "$TEST/tune2fs"
  PATH=$TEST:$PATH run -0 bin/run
  says_not 'arithmetic'
}

@test "a volume's unit that has changed is read again while it is mounted, and no other image alone changes it" {
  local unit=$NUWA_ROOT/etc/systemd/system/nuwa-blog_volume-media.service
  make_deployment
  bin/run --quiet
  sed -i '/^ExecStop=/d' "$unit"
  systemctl daemon-reload
  run -0 bin/run
  grep -q '^ExecStop=' "$unit"
  cmp "$unit" "$FAKE/loaded/nuwa-blog_volume-media.service"
  sed -i '1s/.*/# of another image/' "$unit"
  systemctl daemon-reload
  rm "$FAKE/daemon-reloads"
  run -0 bin/run
  [[ $(head -n 1 "$unit") == '# of another image' && ! -e $FAKE/daemon-reloads ]]
}

@test "the folder beneath is closed to the app, and no release starts on it" {
  make_deployment
  bin/run --quiet
  [[ $(beneath) == '0 0' ]]
  grep -qx 'Requires=nuwa-blog_volume-media.service' "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service"
  # After a boot the image file cannot be mounted.
  umount volumes/media
  systemctl stop nuwa-blog_volume-media.service
  cp volumes/.nuwa/disks/media.img "$TEST/whole.img"
  dd if=/dev/zero of=volumes/.nuwa/disks/media.img bs=1M count=32 conv=notrunc status=none
  run -1 bin/run
  says "volumes/media cannot be mounted (see above), so blog does not start. If loop devices are missing: modprobe loop"
  run bin/status
  says 'volume      media: NOT mounted: bin/run'
  run -1 bin/archive_volumes --repository "$TEST/borg"
  says 'volumes/media cannot be mounted'
  [[ $(beneath) == '0 0' ]]
  # Whatever somebody put beneath is neither hidden nor lost.
  cp "$TEST/whole.img" volumes/.nuwa/disks/media.img
  echo stray >volumes/media/stray
  run -1 bin/run
  [[ $(<"$FAKE/journal") == *'volumes/media is not empty: move what is in it elsewhere, then bin/run'* ]]
  rm volumes/media/stray
  run -0 bin/run
  [[ $(<volumes/media/picture) == 'first picture' ]]
}

@test "content moves in with the next release, while the app pauses, and a rollback keeps it" {
  install_plain
  echo 'of a user' >volumes/media/photo
  ln -s photo volumes/media/link
  chown 10001 volumes/media/photo
  content >"$TEST/before"
  another_image 33554432
  BID=$TWO bash "$(payload)/Setup" >/dev/null
  # A file of the app's is gone before it is measured.
  mkdir "$TEST/tools"
  printf '%s\n' '#!/bin/sh' '/usr/bin/du "$@"' 'exit 1' >"$TEST/tools/du"
  chmod +x "$TEST/tools/du"
  PATH=$TEST/tools:$PATH run -0 bin/run --dry-run
  says 'would move volumes/media into a file system of 32 MB, while the app is stopped'
  run ! mountpoint -q volumes/media
  run -0 bin/deploy "$TWO" --watch 0
  says 'the volume media gets its file system: the site pauses'
  mountpoint -q volumes/media
  content | diff "$TEST/before" -
  [[ ! -e volumes/.nuwa/disks/media.former && ! -e volumes/.nuwa/disks/media.new ]]
  run -0 bin/deploy --rollback --watch 0
  mountpoint -q volumes/media
  content | diff "$TEST/before" -
}

@test "a new volume with a size is made while the release before serves" {
  install_plain
  export MANIFEST=$TEST/more.json
  jq '.volume += [.volume[0] * {"name": "films", "path": "/srv/films", "size": 33554432}]' "$TEST/plain.json" >"$MANIFEST"
  make_image "$TWO" 2.0
  # A power cut after the folder is made: the next boot mounts, or starts no release.
  mkdir "$TEST/tools"
  printf '%s\n' '#!/bin/bash' '[[ ${*: -1} != */volumes/films || -e $FAKE/enabled/nuwa-blog_volume-films.service ]] || touch "$TEST/bare"' \
    'exec /usr/bin/mkdir "$@"' >"$TEST/tools/mkdir"
  chmod +x "$TEST/tools/mkdir"
  PATH=$TEST/tools:$PATH run -0 bin/deploy "$TWO" --watch 0
  [[ ! -e $TEST/bare ]]
  mountpoint -q volumes/films
  [[ $(grep -c 'nuwa-blog-blue' "$FAKE/starts") == 1 ]]
}

@test "a release that does not come up leaves the one before with all of its data" {
  install_plain
  content >"$TEST/before"
  another_image 33554432
  touch "$FAKE/images/$TWO/broken"
  run -1 bin/deploy "$TWO" --watch 0
  says 'Rolling back'
  [[ -e $FAKE/active/nuwa-blog-blue.service ]]
  content | diff "$TEST/before" -
}

@test "however a move is cut off, nothing is lost and the next call completes it" {
  local step tool
  mkdir "$TEST/shims"
  for tool in mv mkdir umount fallocate tar; do
    ln -s "$SHIMS/shim" "$TEST/shims/$tool"
  done
  install_plain
  echo 'of a user' >volumes/media/photo
  content >"$TEST/before"
  bin/uninstall --yes --quiet
  cp -a "$DEPLOYMENT/volumes" "$TEST/saved"
  another_image 33554432
  BID=$TWO bash "$(payload)/Setup" >/dev/null
  for step in {4..60..8}; do
    rm -f "$FAKE/steps"
    if { PATH=$TEST/shims:$PATH KILL_AT=$step bin/run --quiet; } 2>/dev/null; then break; fi
    # Before and after, but never in between: all of it is in one place.
    if [[ -e volumes/.nuwa/disks/media.former ]]; then
      [[ ! -e volumes/media/photo ]] || mountpoint -q volumes/media
    else
      content | diff "$TEST/before" - || fail "after a kill at step $step"
    fi
    bin/run --quiet 2>"$TEST/errors" || fail "$(<"$TEST/errors")" "after a kill at step $step ($(tail -n 1 "$FAKE/steps"))"
    mountpoint -q volumes/media
    content | diff "$TEST/before" - || fail "after a kill at step $step ($(tail -n 1 "$FAKE/steps"))"
    bin/uninstall --yes --quiet
    bin/kill --yes --quiet
    run ! mountpoint -q volumes/media
    rm -rf volumes
    cp -a "$TEST/saved" volumes
  done
  ((step > 6))
}

@test "a move takes no room where temporary files are, and leaves some on the disk of volumes/" {
  install_plain
  another_image $((256 * 1048576))
  mkdir "$TEST/small" "$TEST/disk"
  truncate -s 16M "$TEST/small.img" && mkfs.ext4 -q "$TEST/small.img" && mount -o loop "$TEST/small.img" "$TEST/small"
  TMPDIR=$TEST/small run bin/deploy "$TWO" --watch 0
  umount "$TEST/small"
  ((status == 0)) || fail "$output"
  mountpoint -q volumes/media
  # volumes/ on a disk of its own.
  bin/uninstall --yes --quiet && bin/kill --yes --quiet
  mount -t tmpfs -o size=100M tmpfs "$TEST/disk"
  mkdir "$TEST/elsewhere" && cp -r bin "$TEST/elsewhere/"
  cd "$TEST/elsewhere"
  mkdir volumes && mount --bind "$TEST/disk" volumes
  run bin/run --dry-run
  umount volumes "$TEST/disk"
  ((status == 4)) || fail "$output"
  says "MB are free below $TEST/elsewhere/volumes)"
}

@test "what is left of an earlier move costs no data" {
  make_deployment
  bin/run --quiet
  content >"$TEST/before"
  # The former content could not be removed, and the copy after it was cut off.
  umount volumes/media
  mkdir volumes/.nuwa/disks/media.former
  echo half >volumes/.nuwa/disks/media.new
  run -0 bin/run
  umount volumes/media
  run -0 bin/run
  content | diff "$TEST/before" -
  [[ ! -e volumes/.nuwa/disks/media.new ]]
}

@test "what is mounted in a volume stays where it is: the volume does not move" {
  install_plain
  mkdir volumes/media/shared "$TEST/shared"
  echo theirs >"$TEST/shared/file"
  mount --bind "$TEST/shared" volumes/media/shared
  another_image 33554432
  run -1 bin/deploy "$TWO" --watch 0
  umount "$DEPLOYMENT/volumes/media/shared"
  says "another file system is mounted at volumes/media/shared, so volumes/media cannot be moved. Unmount it first: umount '$DEPLOYMENT/volumes/media/shared'"
  [[ $(<"$TEST/shared/file") == theirs && ! -e volumes/.nuwa/disks/media.img ]]
}

@test "a size that does not hold what is there is refused, and nothing is changed" {
  install_plain
  head -c 30M /dev/urandom >volumes/media/film
  another_image 33554432
  run -1 bin/deploy "$TWO" --watch 0
  says 'volumes/media holds 31 MB, but only'
  says 'Nothing was changed.'
  [[ ! -e volumes/.nuwa/disks/media.img && -e $FAKE/active/nuwa-blog-blue.service ]]
  [[ $(stat -c %s volumes/media/film) == $((30 * 1048576)) ]]
  # More than the disk has.
  another_image 1152921504606846976
  BID=$TWO bash "$(payload)/Setup" >/dev/null
  run -4 bin/deploy "$TWO" --watch 0
  says 'no space for volumes/media: '
  # A link or a mount point is somebody's own arrangement.
  another_image 67108864
  BID=$TWO bash "$(payload)/Setup" >/dev/null
  mv volumes/media "$TEST/elsewhere"
  ln -s "$TEST/elsewhere" volumes/media
  run -1 bin/deploy "$TWO" --watch 0
  says 'volumes/media is a link or a mount point, so it cannot get'
}

@test "a larger size grows the file system, in use where root may do that; a smaller one moves the content" {
  local pause=says_not three
  three=$(printf 'c%.0s' {1..64})
  make_deployment
  bin/run --quiet
  content >"$TEST/before"
  another_image 67108864
  # Without this right, as in some containers, no file system grows while it is mounted.
  ((0x$(awk '/^CapEff/ {print $2}' /proc/self/status) >> 24 & 1)) || pause=says
  run -0 bin/deploy "$TWO" --watch 0
  "$pause" 'pauses'
  content | diff "$TEST/before" -
  (($(df --output=size -B1 volumes/media | tail -n 1) > 50000000))
  (($(stat -c '%b * %B' volumes/.nuwa/disks/media.img) >= 67108864))
  # A growth that was cut off between file and file system.
  fallocate -l 96M volumes/.nuwa/disks/media.img
  another_image $((96 * 1048576))
  BID=$TWO bash "$(payload)/Setup" >/dev/null
  run -0 bin/run
  (($(df --output=size -B1 volumes/media | tail -n 1) > 80000000))
  head -c 60M /dev/urandom >volumes/media/film
  sized 50331648
  make_image "$three" 3.0
  run -1 bin/deploy "$three" --watch 0
  says 'Increase that size, or remove files'
  rm volumes/media/film
  run -0 bin/deploy "$three" --watch 0
  says 'volumes/media has a file system of its own: 48 MB'
  content | diff "$TEST/before" -
  (($(stat -c %s volumes/.nuwa/disks/media.img) == 50331648))
}

@test "a rollback to a release with a smaller size keeps the larger one, and what was written since" {
  make_deployment
  bin/run --quiet
  another_image 67108864
  bin/deploy "$TWO" --watch 0 --quiet
  head -c 40M /dev/urandom >volumes/media/film
  content >"$TEST/before"
  run -0 bin/deploy --rollback --watch 0
  says_not 'pauses'
  run -0 bin/run
  says 'is already running and up to date'
  content | diff "$TEST/before" -
}

@test "an archive is restored into a file system of the same size, and back when the app does not come up" {
  export MANIFEST=$TEST/backup.json
  jq '.volume[0].size = 33554432' "$REPO/tests/shell/backup.json" >"$MANIFEST"
  make_image "$ONE"
  make_deployment
  bin/run --quiet
  content >"$TEST/before"
  bin/archive_volumes --repository "$TEST/borg" --quiet
  echo later >volumes/media/later
  run -0 bin/restore_volumes --yes
  mountpoint -q volumes/media
  content | diff "$TEST/before" -
  [[ ! -e volumes/.nuwa/restore ]]
  echo 'of now' >volumes/media/now
  touch "$FAKE/images/$ONE/broken"
  run -1 bin/restore_volumes --yes
  [[ $(<volumes/media/now) == 'of now' ]]
  mountpoint -q volumes/media
  run -0 bin/archive_volumes --rehearse
}

@test "kill unmounts and leaves the data in the image file; run brings it back; a boot does too" {
  make_deployment
  bin/run --quiet
  echo mine >volumes/media/mine
  bin/uninstall --yes --quiet
  mountpoint -q volumes/media
  run -0 bin/kill --yes
  says 'Volumes with a file system of their own are in volumes/.nuwa/disks'
  run ! mountpoint -q volumes/media
  [[ ! -e $NUWA_ROOT/etc/systemd/system/nuwa-blog_volume-media.service ]]
  bin/run --quiet
  [[ $(<volumes/media/mine) == mine ]]
  umount volumes/media
  systemctl boot
  [[ $(<volumes/media/mine) == mine ]]
}

@test "a move to another host takes the content along, and makes the file system there" {
  make_deployment
  bin/run --quiet
  echo mine >volumes/media/mine
  content >"$TEST/before"
  bin/migrate --output "$TEST/all.nuwa.sh" --quiet
  sh "$TEST/all.nuwa.sh" --extract "$TEST/there" >/dev/null
  bin/uninstall --yes --quiet
  bin/kill --yes --quiet
  cd "$TEST/there"
  run -0 bin/migrate --load --yes
  mountpoint -q volumes/media
  content | diff "$TEST/before" -
}
