#!/usr/bin/env bats
# The Setup label: an image writes its own bin/.

load helper

# run_setup [VARIABLE=VALUE…]
# shellcheck disable=SC2120  # most tests set none
run_setup() {
  (cd "$TEST/new" && env BID="${BID-$ONE}" "$@" bash "$(payload)/Setup")
}

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH
  make_host
  mkdir "$TEST/new"
}

@test "setup writes the scripts and remembers the image" {
  run -0 run_setup
  says "Next, in $TEST/new: bin/run"
  [[ $(cat "$TEST/new/bin/.image") == "$ONE" ]]
  [[ -x $TEST/new/bin/run && -x $TEST/new/bin/lib/wait && ! -x $TEST/new/bin/lib/common ]]
  [[ -z $(find "$TEST/new/bin" -name '.setup*') ]]
}

@test "setup works by the name of an image, and into another folder" {
  BID=localhost/app/blog:1.0 run -0 run_setup NUWA_DIR="$TEST/else where"
  [[ $(cat "$TEST/else where/bin/.image") == "$ONE" && ! -e $TEST/new/bin ]]
}

@test "the documented one-liner runs it, verbatim" {
  cd "$TEST/new"
  export BID=$ONE
  line=$(
    cat <<'END'
bash -c "`podman inspect -f '{{json .Config.Labels}}' $BID |jq -r '.[\"Setup\"]'`"
END
  )
  eval "$line"
  [[ -x bin/run ]]
}

@test "RunSetup runs it, and fails clearly without image or label" {
  cd "$TEST/new"
  line=$(<"$(payload)/RunSetup")
  [[ $line != *[\"\\]* ]]
  export BID=$ONE
  run -0 bash -c "$line"
  says 'bin/ is in place'
  run ! env -u BID bash -c "$line"
  says 'export BID=IMAGE'
  BID=nothing run ! bash -c "$line"
  says 'nothing: image not known'
  : >"$FAKE/images/$ONE/Setup"
  run ! bash -c "$line"
  says 'has no Setup label'
}

@test "setup without BID, or with one that is not there, says so and writes nothing" {
  BID='' run -1 run_setup
  says 'export BID=IMAGE'
  BID=missing run -1 run_setup
  says 'there is no image missing here'
  [[ ! -e $TEST/new/bin/run ]]
}

@test "an image for another processor is refused before anything is written, with the command that builds it" {
  case $(uname -m) in aarch64) other=amd64 here=arm64 ;; *) other=arm64 here=amd64 ;; esac
  printf '%s\n' "$other" >"$FAKE/images/$ONE/architecture"
  run -1 run_setup
  says "the image is for $other, and this host is $here. Build it for this host: nuwa build --platform linux/$here"
  [[ ! -e $TEST/new/bin ]]
}

@test "a damaged payload is refused before anything is written" {
  sed 's/\(packed=H4sI........\)./\1!/' "$(payload)/Setup" >"$TEST/damaged"
  cd "$TEST/new"
  BID=$ONE run -1 bash "$TEST/damaged"
  says 'sha256 is wrong'
  [[ ! -e bin/run && ! -e bin/.image ]]
}

@test "a dry run lists what would be written, with sizes, and writes nothing" {
  run -0 run_setup SETUP_DRY_RUN=1
  says 'would write ./bin/run ('
  says "would write ./bin/.image (image $ONE)"
  [[ -z $(ls -A "$TEST/new") ]]
}

@test "a dry run over a changed file shows the difference" {
  run -0 run_setup
  echo '# mine' >>"$TEST/new/bin/run"
  run -0 run_setup SETUP_DRY_RUN=1
  says '-# mine'
  says 'would keep  ./bin/run, which was edited, as ./bin/run.edited'
  says 'unchanged   ./bin/install'
}

@test "an edited script is kept under another name, and that is said" {
  run -0 run_setup
  echo '# mine' >>"$TEST/new/bin/run"
  run -0 run_setup
  says 'your version is kept as ./bin/run.edited'
  grep -q '# mine' "$TEST/new/bin/run.edited"
  [[ -x $TEST/new/bin/run ]]
  run ! grep -q '# mine' "$TEST/new/bin/run"
}

@test "setup again changes nothing; a script of an earlier image goes" {
  run -0 run_setup
  echo old >"$TEST/new/bin/gone"
  (cd "$TEST/new/bin" && sha256sum gone >>.sums)
  echo mine >"$TEST/new/bin/mine"
  before=$(stat -c %i "$TEST/new/bin/run")
  run -0 run_setup
  [[ $(stat -c %i "$TEST/new/bin/run") == "$before" && ! -e $TEST/new/bin/gone && -e $TEST/new/bin/mine ]]
}

@test "bin shows the commands, and lib all else" {
  run -0 run_setup
  [[ $(cd "$TEST/new/bin" && printf '%s ' *) == "$(cd "$REPO/bin-templates/commands" && printf '%s ' * lib | tr ' ' '\n' | sort | paste -sd ' ') " ]] ||
    fail "$(ls "$TEST/new/bin")"
  [[ -z $(find "$TEST/new/bin/lib" -mindepth 1 ! -name .sums ! -type f) ]]
}

@test "the folder of another app is refused" {
  run -0 run_setup
  sed -i 's/^readonly NUWA_APP=blog/readonly NUWA_APP=shop/' "$TEST/new/bin/lib/app"
  run -1 run_setup
  says 'is the folder of shop'
}

@test "setup works where it cannot keep what it unpacked" {
  mkdir -p "$TEST/new/volumes/.nuwa" "$TEST/instead"
  # shellcheck disable=SC2016  # the program itself looks at these
  printf '%s\n' '#!/bin/sh' 'case $* in */.nuwa/setup) exit 1 ;; esac' 'exec /bin/mkdir "$@"' >"$TEST/instead/mkdir"
  chmod +x "$TEST/instead/mkdir"
  PATH=$TEST/instead:$PATH run -0 run_setup
  says 'bin/ is in place'
  [[ -x $TEST/new/bin/run && ! -e $TEST/new/volumes/.nuwa/setup ]]
}
