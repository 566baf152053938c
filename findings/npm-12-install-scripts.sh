#!/usr/bin/env bash
# npm 12 builds nothing of a dependency, and says so with exit code 0.
#
# A good guess: `npm ci` runs the install scripts of dependencies, as it always did, so a package with native parts is built;
# npm has `ignore-scripts` for those who do not want that, and pnpm is the one that asks for approval.
#
# Seen: npm 11.19 warns and runs them. npm 12.2 skips them in `install`, `ci` and `rebuild` alike and exits with 0; what is
# missing shows when the app is started. `npm install-scripts approve` writes the package into `allowScripts` of package.json,
# by its whole file name or version, so an update is skipped again.
#
# Versions: npm 11.19.1, 12.2.2 (2026-11).

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

# A dependency with a script, and a project that has it in its lock.
prepare() {
  mkdir "$WORK/dependency"
  cat >"$WORK/dependency/package.json" <<'JSON'
{"name": "dependency", "version": "1.0.0", "scripts": {"postinstall": "echo built >built"}}
JSON
  (cd "$WORK/dependency" && npm pack --silent >/dev/null)
}

built() {
  [[ -e node_modules/dependency/built ]] && echo built || echo 'not built'
}

try() {
  local version=$1 expected=$2 command cli
  npm install --silent --no-audit --no-fund --prefix "$WORK/npm-$version" "npm@$version" >/dev/null 2>&1 || die "npm@$version cannot be had"
  cli=("$(command -v node)" "$WORK/npm-$version/node_modules/npm/bin/npm-cli.js")
  mkdir "$WORK/project-$version"
  cd "$WORK/project-$version"
  echo '{"name": "project", "version": "1.0.0"}' >package.json
  for command in "install ../dependency/dependency-1.0.0.tgz" ci rebuild; do
    # shellcheck disable=SC2086  # the words of a command
    expect "npm $version, ${command%% *}" "exit 0, $expected" "exit $(code_of "${cli[@]}" --no-audit --no-fund $command), $(built)"
  done
}

main() {
  need node npm
  prepare
  try 11.19.1 built
  try 12.2.2 'not built'
  "$(command -v node)" "$WORK/npm-12.2.2/node_modules/npm/bin/npm-cli.js" install-scripts approve dependency >/dev/null 2>&1
  expect 'npm 12.2.2, ci after approve' 'exit 0, built' \
    "exit $(code_of node "$WORK/npm-12.2.2/node_modules/npm/bin/npm-cli.js" ci --no-audit --no-fund), $(built)"
  finish
}

main "$@"
