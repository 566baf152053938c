#!/usr/bin/env bash
# A file that is saved by rename was "added", for watchfiles, and a rewritten one may be "added" and "deleted" in one set.
#
# A good guess: a watcher that looks at `Change.modified` sees every save of a file that was there before, and one batch
# tells the last state of a path.
#
# Seen: editors and deploy tools write a new file and rename it over the old one: that is `added` for the target, and
# never `modified`. A file that is removed and written again comes as `added` and `deleted` in one set, without an order, so
# the last state is known from the disk alone. And a `chmod` without any change of content is `modified`. What is watched
# through a symbolic link is not seen: the link's folder stays silent when the target changes.
#
# Versions: watchfiles 1.3.0 (2026-09), inotify.

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

main() {
  python_with watchfiles==1.3.0
  mkdir "$WORK/app" "$WORK/links"
  echo 1 >"$WORK/app/a.py"
  ln -s ../app/a.py "$WORK/links/link.py"
  "$WORK/venv/bin/python" - "$WORK/app" "$WORK/links" >"$WORK/seen" <<'PYTHON'
import os, sys, threading, time
from watchfiles import watch

app, links = sys.argv[1:]
path, stop = f"{app}/a.py", threading.Event()


def write(name, text):
    with open(name, "w") as file:
        file.write(text)


def renamed():
    write(f"{app}/a.tmp", "2")
    os.replace(f"{app}/a.tmp", path)


def rewritten():
    os.remove(path)
    write(path, "3")


seen = {}
for step in (lambda: write(path, "1b"), renamed, rewritten, lambda: os.chmod(path, 0o600)):
    threading.Timer(1, step).start()
    changes = next(watch(app, links, debounce=400, step=100, yield_on_timeout=False))
    print(" ".join(sorted(f"{change.name}:{os.path.basename(name)}" for change, name in changes if not name.endswith(".tmp"))))
    time.sleep(0.5)
PYTHON
  mapfile -t lines <"$WORK/seen"
  expect 'written in place' 'modified:a.py' "${lines[0]}"
  expect 'saved by rename' 'added:a.py' "${lines[1]}"
  expect 'removed and written again' 'added:a.py deleted:a.py' "${lines[2]}"
  expect 'chmod alone' 'modified:a.py' "${lines[3]}"
  finish
}

main "$@"
