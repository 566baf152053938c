#!/usr/bin/env bats
# The file that bin/migrate makes: it holds all, opens with what every system has, and refuses what would do harm.

load helper

pack() {
  given bin/run --quiet
  run -0 bin/migrate --output "$TEST/blog.sh" "$@"
}

# A file as bin/migrate makes it, around the members that a line of Python adds to `tar`.
hostile() {
  local begin
  printf -v begin '#!/bin/sh\nAPP=blog\nMADE=now\nPACKER=gzip\nHEAD='
  {
    printf '%s%-8d\n' "$begin" $((${#begin} + 9 + $(wc -c <"$REPO/bin-templates/from_image/unpack")))
    cat "$REPO/bin-templates/from_image/unpack"
  } >"$TEST/hostile.sh"
  "$NUWA_PYTHON" -c "
import io, sys, tarfile
from tarfile import BLKTYPE, CHRTYPE, DIRTYPE, LNKTYPE, PAX_FORMAT, REGTYPE, SYMTYPE, TarInfo
tar = tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=PAX_FORMAT)
def add(name, type=REGTYPE, link='', content=b''):
    info = TarInfo(name)
    info.type, info.linkname, info.size = type, link, len(content)
    tar.addfile(info, io.BytesIO(content))
$1
tar.close()" | gzip >>"$TEST/hostile.sh"
  mkdir -p "$TEST/outside"
  run sh "$TEST/hostile.sh" --extract "$TEST/there"
  # shellcheck disable=SC2154  # bats sets it
  ((status != 0)) || fail "unpacked: $1"
  [[ -z $(find "$TEST/outside" "$TEST/there" -mindepth 1 ! -path '*/.nuwa-unpack' ! -path '*/.nuwa-unpack/*') ]] || fail "$(find "$TEST/outside" "$TEST/there")"
  [[ ! -e /tmp/nuwa-hostile ]]
}

refuses() {
  hostile "$1"
  says "$2"
  [[ ! -e $TEST/there/.nuwa-unpack/tree ]] || fail 'something was unpacked'
}

@test "the file holds volumes, secrets, scripts and a list of permissions, for nobody else to read" {
  pack
  says 'keep it private'
  [[ $(stat -c %a "$TEST/blog.sh") == 600 ]]
  run -0 sh "$TEST/blog.sh" --list
  says 'volumes/media/picture'
  says 'volumes/secrets/MAIL_PASSWORD'
  says 'bin/run'
  says 'PERMISSIONS'
  says 'SHA256SUMS'
  says_not 'volumes/.nuwa/port'
}

@test "it says how it is opened, and opens by that with tar and gzip alone" {
  pack
  run -0 sh "$TEST/blog.sh" --help
  says 'sh FILE --extract DIR'
  mkdir "$TEST/by-hand"
  line=$(sh "$TEST/blog.sh" --help | grep 'tail -c')
  (cd "$TEST/by-hand" && eval "${line//FILE/\"\$TEST/blog.sh\"}")
  (cd "$TEST/by-hand" && sha256sum --quiet -c SHA256SUMS)
  diff -r volumes/media "$TEST/by-hand/volumes/media"
}

@test "unpacked, names, owners, modes, times, links and holes are what they were" {
  given bin/run --quiet
  (
    cd volumes/media
    printf a >$'new\nline "q" -> x'
    ln $'new\nline "q" -> x' hard
    ln -s /etc/passwd out
    ln -s ../../nowhere in
    printf x >$'\xff\xfe bad'
    printf d >-dash
    printf b >'back\slash'
    truncate -s 20M sparse
    printf end >>sparse
    touch -d '2001-02-03 04:05:06.123456789' old
    chown 4321:1234 old
    chmod 4751 old
    mkfifo pipe
  )
  bin/migrate --quiet --output "$TEST/blog.sh"
  sh "$TEST/blog.sh" --extract "$TEST/there"
  list() { (cd "$1/volumes" && find media secrets -printf '%y %m %U:%G %T@ %n %s %b %p %l\0' | sort -z | sha256sum); }
  [[ $(list .) == $(list "$TEST/there") ]]
  diff -r --no-dereference -x pipe volumes/media "$TEST/there/volumes/media"
  [[ ! -e $TEST/there/.nuwa-unpack ]]
}

@test "unpacked on a host that has the image, it starts with one command" {
  pack
  mkdir "$TEST/fake2"
  cp -r "$FAKE/images" "$TEST/fake2/"
  sh "$TEST/blog.sh" --extract "$TEST/there"
  export FAKE=$TEST/fake2 NUWA_ROOT=$TEST/root2
  mkdir -p "$FAKE"/{active,enabled,containers} "$NUWA_ROOT"/etc/{systemd/system,nginx/conf.d,monit/conf.d,cron.d} "$NUWA_ROOT"/run/systemd/system
  cp "$TEST/root/etc/os-release" "$NUWA_ROOT/etc/"
  cd "$TEST/there"
  run -1 bin/run
  says 'bin/migrate --load'
  run -0 bin/migrate --load
  [[ -f $FAKE/active/nuwa-blog-blue.service && ! -e volumes/.nuwa/incoming ]]
  run -0 bin/run
}

@test "certificates come along, with the links that bin/install and certbot make" {
  given bin/run --quiet
  given bin/install --quiet
  mkdir -p volumes/.nuwa/tls/certbot/{live,archive}/nuwa-blog
  echo certificate >volumes/.nuwa/tls/certbot/archive/nuwa-blog/cert1.pem
  ln -s ../../archive/nuwa-blog/cert1.pem volumes/.nuwa/tls/certbot/live/nuwa-blog/cert.pem
  bin/migrate --quiet --output "$TEST/blog.sh"
  run -0 sh "$TEST/blog.sh" --extract "$TEST/there"
  diff -r --no-dereference volumes/.nuwa/tls "$TEST/there/volumes/.nuwa/tls"
  [[ $(<"$TEST/there/volumes/.nuwa/tls/certbot/live/nuwa-blog/cert.pem") == certificate ]]
}

@test "the image comes along where that is asked for" {
  pack --with-image
  sh "$TEST/blog.sh" --list | grep -q image.tar
}

@test "to standard output goes the file alone, and it is checked when it is unpacked" {
  given bin/run --quiet
  bin/migrate --output - >"$TEST/blog.sh" 2>"$TEST/messages"
  run -0 sh "$TEST/blog.sh" --verify
  says 'is complete'
  run -0 sh "$TEST/blog.sh" --extract "$TEST/there"
}

@test "a file is never overwritten, nor made inside of what it packs" {
  given bin/run --quiet
  echo mine >"$TEST/blog.sh"
  run -2 bin/migrate --output "$TEST/blog.sh"
  says 'already exists'
  [[ $(<"$TEST/blog.sh") == mine ]]
  run -2 bin/migrate --output volumes/media/x.sh
  says 'is in a folder that is packed itself'
  run -2 bin/migrate --output "$TEST/none/x.sh"
  says 'there is no folder'
}

@test "a full disk leaves no file and says so" {
  given bin/run --quiet
  printf '#!/bin/sh\nhead -c 100\necho "gzip: No space left on device" >&2\nexit 1\n' >"$TEST/gzip"
  chmod +x "$TEST/gzip"
  PATH=$TEST:$PATH run -1 bin/migrate --output "$TEST/blog.sh"
  says 'could not be written. If the disk is full'
  [[ ! -e $TEST/blog.sh && ! -e $TEST/blog.sh.part ]]
}

@test "a file that changes while it is read is named" {
  given bin/run --quiet
  printf '#!/bin/bash\necho more >>%q\nexec /usr/bin/tar "$@"\n' "$PWD/volumes/media/picture" >"$TEST/tar"
  chmod +x "$TEST/tar"
  PATH=$TEST:$PATH run -0 bin/migrate --output "$TEST/blog.sh"
  says 'changed while it was being read, so its copy may be inconsistent: volumes/media/picture'
  run -0 sh "$TEST/blog.sh" --extract "$TEST/there"
}

@test "a device among the data is refused before anything is packed" {
  given bin/run --quiet
  mknod volumes/media/null c 1 3
  run -1 bin/migrate --output "$TEST/blog.sh"
  says "'volumes/media/null' is a device"
}

@test "a dry run says what it would pack, and writes nothing" {
  given bin/run --quiet
  snapshot >"$TEST/before"
  run -0 bin/migrate --dry-run
  says 'would write blog-'
  snapshot | diff "$TEST/before" -
}

@test "a folder with something in it stays as it is" {
  pack
  mkdir "$TEST/there"
  echo mine >"$TEST/there/mine"
  run -1 sh "$TEST/blog.sh" --extract "$TEST/there"
  says 'is not empty'
  [[ $(ls -A "$TEST/there") == mine ]]
}

# damaged COMMAND…: what the command makes of the file is refused, by both options.
damaged() {
  "$@" <"$TEST/blog.sh" >"$TEST/bad.sh"
  run -1 sh "$TEST/bad.sh" --verify
  says 'damaged or incomplete'
  run -1 sh "$TEST/bad.sh" --extract "$TEST/there"
  says 'damaged or incomplete'
  [[ ! -e $TEST/there/bin && ! -e $TEST/there/.nuwa-unpack/tree ]]
}

# One bit of the packed bytes, so many from the end.
flip() {
  "$NUWA_PYTHON" -c "
import sys
data = bytearray(sys.stdin.buffer.read())
data[-$1] ^= 1
sys.stdout.buffer.write(data)"
}

@test "a file that is cut off or damaged is refused" {
  for option in '' --zstd; do
    rm -f "$TEST/blog.sh"
    pack ${option:+"$option"}
    run -0 sh "$TEST/blog.sh" --verify
    says 'is complete'
    # Without the end of the tar, of the packer's own, and without anything.
    for bytes in 3000 100 2; do
      damaged head -c "-$bytes"
    done
    damaged head -c "$(grep -am 1 '^HEAD=' "$TEST/blog.sh" | tr -dc 0-9)"
    for bytes in 1000 20 3; do
      damaged flip "$bytes"
    done
  done
}

@test "one that was written to a pipe and cut off is refused too" {
  given bin/run --quiet
  bin/migrate --quiet --output - >"$TEST/blog.sh"
  head -c -3000 "$TEST/blog.sh" >"$TEST/cut.sh"
  run -1 sh "$TEST/cut.sh" --extract "$TEST/there"
  [[ ! -e $TEST/there/bin ]]
}

@test "an unpacking that was interrupted anywhere is taken up by the next" {
  pack
  for step in mkdir verify tree whole volumes; do
    rm -rf "$TEST/there"
    case $step in
      mkdir) mkdir -p "$TEST/there/.nuwa-unpack" ;;
      verify | tree) mkdir -p "$TEST/there/.nuwa-unpack/tree/bin" ;;
      *)
        sh "$TEST/blog.sh" --extract "$TEST/there" >/dev/null
        mkdir "$TEST/there/.nuwa-unpack" "$TEST/there/.nuwa-unpack/tree"
        touch "$TEST/there/.nuwa-unpack/whole"
        mv "$TEST/there/bin" "$TEST/there/.nuwa-unpack/tree/"
        [[ $step == volumes ]] || mv "$TEST/there/volumes" "$TEST/there/.nuwa-unpack/tree/"
        ;;
    esac
    run -0 sh "$TEST/blog.sh" --extract "$TEST/there"
    diff -r volumes/media "$TEST/there/volumes/media"
    [[ -x $TEST/there/bin/run && ! -e $TEST/there/.nuwa-unpack ]]
  done
}

# --- archives that mean harm ---------------------------------------------------------------------------------

@test "a whole path is refused" {
  refuses "add('/tmp/nuwa-hostile')" 'leads out of the folder'
}

@test "a path that climbs out is refused" {
  refuses "add('volumes/media/../../../outside/x')" 'leads out of the folder'
  refuses "add('..', DIRTYPE)" 'leads out of the folder'
  refuses "add('volumes/media/./x')" 'leads out of the folder'
}

@test "what is not of a deployment is refused" {
  refuses "add('etc/passwd')" 'does not belong in this archive'
  refuses "add('volumesX/a')" 'does not belong in this archive'
}

@test "a member that would be written through a link is refused" {
  refuses "add('volumes/media/a', SYMTYPE, '$TEST/outside'); add('volumes/media/a/x')" 'through the link "volumes/media/a"'
  refuses "add('volumes/media/a', SYMTYPE, '..'); add('volumes/media/a/b/c', DIRTYPE)" 'through the link'
}

@test "a member through a second name of a link is refused" {
  refuses "add('volumes/media/a', SYMTYPE, '$TEST/outside'); add('volumes/media/b', LNKTYPE, 'volumes/media/a'); add('volumes/media/b/x')" 'through the link "volumes/media/b"'
}

@test "a link in the place of a folder of ours is refused" {
  refuses "add('volumes/media', SYMTYPE, '/etc')" 'is a link to "/etc", where links are not allowed'
  refuses "add('bin/run', SYMTYPE, '$TEST/outside/x')" 'where links are not allowed'
  refuses "add('volumes/secrets/A', SYMTYPE, '/etc/shadow')" 'where links are not allowed'
  refuses "add('volumes/.nuwa/tls', SYMTYPE, '/etc')" 'where links are not allowed'
  refuses "add('volumes/static/current', SYMTYPE, '../../..')" 'where links are not allowed'
  refuses "add('volumes/.nuwa/tls/certbot/live/a/cert.pem', SYMTYPE, '../../../../../../etc/shadow')" 'where links are not allowed'
}

@test "a hard link that leads out or into our own files is refused" {
  refuses "add('volumes/media/a', LNKTYPE, '/etc/passwd')" 'where links are not allowed'
  refuses "add('volumes/media/a', LNKTYPE, '../../outside/x')" 'where links are not allowed'
  refuses "add('bin/run', REGTYPE, '', b'x'); add('volumes/media/a', LNKTYPE, 'bin/run')" 'where links are not allowed'
  refuses "add('volumes/media/l', SYMTYPE, '/etc'); add('volumes/media/a', LNKTYPE, 'volumes/media/l/passwd')" 'through the link'
}

@test "devices are refused" {
  refuses "add('volumes/media/disk', BLKTYPE)" 'of type b'
  refuses "add('volumes/media/null', CHRTYPE)" 'of type c'
}

@test "names that imitate tar's list are read as what they are" {
  refuses "add('volumes/media/a\" -> \"b', SYMTYPE, 'x'); add('volumes/media/a\" -> \"b/c')" 'through the link'
  refuses "add('volumes/media/x\nblock 1: drwx 0/0 0 2026-01-01 00:00 \"volumes', SYMTYPE, 'y'); add('/tmp/nuwa-hostile')" 'leads out of the folder'
}

@test "an archive that would fill the disk is refused before it does" {
  printf '#!/bin/sh\necho head\necho "x 1000000 1 %s 1%% /"\n' 1000 >"$TEST/df"
  chmod +x "$TEST/df"
  PATH=$TEST:$PATH refuses "add('volumes/media/bomb', content=bytes(3000000)); add('volumes/media/after')" 'larger than the free disk'
  PATH=$TEST:$PATH refuses "[add(f'volumes/media/{n}') for n in range(1100)]" 'more files than the disk has room for'
}

@test "an archive of nothing, and noise in the place of one, are refused" {
  refuses '' 'it is empty'
  refuses "sys.stdout.buffer.write(b'noise' * 1000)" 'damaged'
}

@test "files that are not what their checksums say are never put into place" {
  hostile "add('volumes/media/a', content=b'b'); add('SHA256SUMS', content=b'0' * 64 + b'  volumes/media/a\n')"
  says 'differ from their checksums'
  hostile "add('volumes/media/a', content=b'b')"
  says 'differ from their checksums'
}
