#!/usr/bin/env bats
# A disk that is full: the site keeps serving, what is there stays whole, and the same command finishes once there is room.

load helper

# A file system of its own for a folder, with what is in it.
small_disk() {
  mv "$1" "$1.kept"
  mkdir "$1"
  mount -t tmpfs -o size=2m tmpfs "$1"
  cp -a "$1.kept/." "$1/"
  DISK=$1
}

fill() {
  dd if=/dev/zero of="$DISK/.filler" bs=4k status=none 2>/dev/null || true
}

empty() {
  rm "$DISK/.filler"
}

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word
  make_host
  make_deployment
}

teardown() {
  cd /
  umount "$DISK"
}

# knows DOMAIN STARTS: the app was told this one last, when it was started for the last of so many times.
knows() {
  grep -q "NUWA_HOST=$1" "$FAKE/active/nuwa-blog-blue.service"
  [[ $(bin/status --json | jq -r .site.domains[0]) == "$1" && $(grep -c nuwa-blog-blue "$FAKE/starts") == "$2" ]]
}

# goes_on SCRIPT [ARGUMENT…]: fails on the full disk with a clear word, and leaves nothing half; then it finishes.
goes_on() {
  fill
  run -1 "$@" --quiet
  says "no space left on $DISK: make room and repeat"
  [[ -z $(find "$TEST/root" "$DEPLOYMENT/volumes/.nuwa" -name '.*.new') ]] || fail 'something half is left'
  [[ -z $(find "$DEPLOYMENT/volumes/.nuwa" -maxdepth 1 -type f ! -name "*lock" -size 0) ]] || fail 'an empty state'
  empty
  run -0 "$@" --quiet
}

@test "nginx's folder is full: the site that is there stays, and install finishes later" {
  given bin/run --quiet
  given bin/install --quiet
  small_disk "$NUWA_ROOT/etc/nginx/conf.d"
  cp "$DISK/nuwa-blog.conf" "$TEST/before"
  cp "$FAKE/serving/nuwa-blog.conf" "$TEST/served"
  fill
  run -1 bin/install new.example.com --self-signed
  says "no space left on $DISK: make room and repeat"
  cmp "$DISK/nuwa-blog.conf" "$TEST/before"
  cmp "$FAKE/serving/nuwa-blog.conf" "$TEST/served"
  knows blog.example.com 1
  [[ -z $(find "$DISK" -name '.nuwa-blog.new') ]]
  empty
  run -0 bin/install new.example.com --self-signed
  grep -q new.example.com "$FAKE/serving/nuwa-blog.conf"
}

@test "nginx's folder fills up while the app is told its domains: it goes back to the former ones" {
  given bin/run --quiet
  given bin/install --quiet
  small_disk "$NUWA_ROOT/etc/nginx/conf.d"
  cp "$DISK/nuwa-blog.conf" "$TEST/before"
  # The first of a script is to see whether the site fits.
  cat >"$TEST/install" <<END
#!/bin/sh
case "\$*" in */conf.d/.nuwa-blog.new)
  ! [ -e "$TEST/once" ] || head -c 4M /dev/zero >"$DISK/.filler"
  touch "$TEST/once" ;;
esac
exec /usr/bin/install "\$@"
END
  chmod +x "$TEST/install"
  PATH=$TEST:$PATH run -1 bin/install new.example.com --self-signed
  says "no space left on $DISK: make room and repeat"
  cmp "$DISK/nuwa-blog.conf" "$TEST/before"
  knows blog.example.com 3
  empty
  run -0 bin/install new.example.com --self-signed
  knows new.example.com 4
}

@test "the deployment's disk is full: run, install and a new release say so, and finish later" {
  mkdir volumes
  small_disk "$DEPLOYMENT/volumes"
  bin/run
  goes_on bin/install
  cp "$FAKE/serving/nuwa-blog.conf" "$TEST/served"
  goes_on bin/install other.example.com
  make_image "$TWO" 2.0
  goes_on bin/deploy "$TWO" --watch 0
  [[ $(cut -f 2 volumes/.nuwa/releases.tsv) == "$ONE"$'\n'"$TWO" ]]
}
