#!/usr/bin/env bash
# `--no-index` does not keep pip or uv from the network when they install a pylock.toml, and the index of this machine is not
# the one that is asked.
#
# A good guess: a lock says names, versions and hashes; where files come from is the installing machine's business, so
# `--no-index` or another index in its settings holds for locks as for requirements. And what a lock installs by default is
# what the project needs, not what its developers need.
#
# Seen: `uv export --format pylock.toml` writes the address of each file on the index of the machine that locked. pip and uv
# fetch these addresses, with `--no-index` too. A lock that was made against a company's mirror works there alone. And the
# development group, which `uv export` includes unless told, has no mark in the lock, so nobody who installs can leave it out.
#
# Versions: uv 0.13.9, pip 26.3 (2026-11).

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

# The names of what an environment has, on one line.
installed() {
  "$1/bin/python" -c '
from importlib.metadata import distributions
print(*sorted(d.name for d in distributions() if d.name in ("idna", "iniconfig")))'
}

main() {
  local bin=$WORK/venv/bin
  python_with uv==0.13.9 pip==26.3
  mkdir "$WORK/project" && cd "$WORK/project"
  cat >pyproject.toml <<'TOML'
[project]
name = "project"
version = "1"
requires-python = ">=3.11"
dependencies = ["idna==3.20"]
[dependency-groups]
dev = ["iniconfig==2.3.1"]
TOML
  export UV_CACHE_DIR=$WORK/cache VIRTUAL_ENV=
  "$bin/uv" export --quiet --format pylock.toml -o pylock.toml >/dev/null
  expect 'addresses in the lock' yes "$(grep -q 'url = "[a-z]*://' pylock.toml && echo yes || echo no)"
  expect 'a mark of the group in the lock' none "$(grep -o 'dependency-groups\|dependency_groups' pylock.toml || echo none)"
  python3 -m venv "$WORK/by-pip"
  expect 'pip --no-index -r pylock.toml' 0 "$(code_of "$bin/pip" --python "$WORK/by-pip" install --no-cache-dir --no-index -r pylock.toml)"
  expect 'which installed' 'idna iniconfig' "$(installed "$WORK/by-pip")"
  "$bin/uv" venv --quiet "$WORK/by-uv"
  export UV_CACHE_DIR=$WORK/another-cache
  expect 'uv --no-index -r pylock.toml' 0 "$(code_of "$bin/uv" pip install --python "$WORK/by-uv" --no-index -r pylock.toml)"
  expect 'which installed' 'idna iniconfig' "$(installed "$WORK/by-uv")"
  expect 'pip --no-index of the same by name' 1 "$(code_of env PIP_FIND_LINKS= "$bin/pip" --python "$WORK/by-pip" install --no-cache-dir --no-index --ignore-installed idna==3.20)"
  finish
}

main "$@"
