#!/usr/bin/env bash
# Hashes in a constraints file are enough for pip's --require-hashes, and not for uv's.
#
# A good guess: uv's pip interface takes what pip takes here; a range in the requirements together with one pinned version and
# its hashes in a constraints file is safe, so both install exactly that.
#
# Seen: pip does. uv stops: "all requirements must have their versions pinned with `==`", though the constraint pins them; and
# does not stop where the package is installed already, so a pipeline that was tried once by hand fails in a fresh environment.
# For uv the whole closure has to stand in the requirements themselves.
#
# Versions: uv 0.13.9, pip 26.3 (2026-11).

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

main() {
  local bin=$WORK/venv/bin
  python_with uv==0.13.9 pip==26.3
  cd "$WORK"
  echo 'idna>=3' >requirements.txt
  cat >constraints.txt <<'TEXT'
idna==3.20 \
    --hash=sha256:a7db850025b95ded1eae8a46181a1a6c56c92c96f0e2b005d9ff8dc0210cab44 \
    --hash=sha256:ab7ae7122974553370f0bdb919e1a960b2cd1bc1ef0276416d896db81c14582c
TEXT
  export VIRTUAL_ENV=
  local words=(--require-hashes -c constraints.txt -r requirements.txt)
  "$bin/uv" venv --quiet by-uv
  expect 'uv, a fresh environment' 2 "$(code_of "$bin/uv" pip install --python by-uv "${words[@]}")"
  expect 'what it says' 'must have their versions pinned' "$(tr '\n' ' ' <output | grep -o 'must have their versions pinned')"
  expect 'uv, pins as requirements' 0 "$(code_of "$bin/uv" pip install --python by-uv --require-hashes -r constraints.txt)"
  expect 'uv, where it is installed' 0 "$(code_of "$bin/uv" pip install --python by-uv "${words[@]}")"
  python3 -m venv by-pip
  expect 'pip, a fresh environment' 0 "$(code_of "$bin/pip" --python by-pip install "${words[@]}")"
  expect 'which installed' 3.20 "$(by-pip/bin/python -c 'import idna; print(idna.__version__)')"
  sed -i 's/sha256:..../sha256:0000/' constraints.txt
  expect 'pip, other hashes' 1 "$(code_of "$bin/pip" --python by-pip install --force-reinstall --no-cache-dir "${words[@]}")"
  finish
}

main "$@"
