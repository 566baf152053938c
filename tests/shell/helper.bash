# What all shell tests share: a host of files below $TEST, and fakes of the programs that change a real one.
# Tests take the same few folders one after the other, since paths are in what is rendered and in what scripts write: so
# the renderer's answers, and a host as it is after bin/run, are made by one test and taken up by the others (`given`).

bats_require_minimum_version 1.5.0

REPO=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
ONE=$(printf 'a%.0s' {1..64})
TWO=$(printf 'b%.0s' {1..64})
NUWA_PYTHON=$REPO/.venv/bin/python
SHIMS=$REPO/tests/shell/shims
FAKE_RENDERED=$BATS_RUN_TMPDIR/rendered
export REPO ONE TWO NUWA_PYTHON SHIMS FAKE_RENDERED

# Setup, RunSetup and the renderer of the app in $MANIFEST, made once for all tests.
payload() {
  local manifest=${MANIFEST:-$REPO/tests/shell/manifest.json} folder
  folder=$BATS_RUN_TMPDIR/payload.$(sha256sum <"$manifest" | cut -c 1-12)
  if [[ ! -d $folder ]]; then
    [[ -x $NUWA_PYTHON ]] || {
      echo "$NUWA_PYTHON is missing: script/bootstrap makes it" >&2
      return 1
    }
    PYTHONPATH=$REPO "$NUWA_PYTHON" "$REPO/tests/shell/make_payload.py" "$manifest" "$folder.$BASHPID"
    # Tests run side by side: the second takes what the first one made.
    mv -T "$folder.$BASHPID" "$folder" 2>/dev/null || rm -rf "$folder.$BASHPID"
  fi
  printf '%s' "$folder"
}

# Sets TEST to a folder that no other test has at this time. What outlives a test, such as a process, keeps its folder.
take_folder() {
  local number=1
  while :; do
    TEST=$BATS_RUN_TMPDIR/host$number
    exec {FOLDER_LOCK}>>"$TEST.lock"
    ! flock --nonblock "$FOLDER_LOCK" || break
    exec {FOLDER_LOCK}>&-
    number=$((number + 1))
  done
  rm -rf "$TEST"
  mkdir "$TEST"
  export TEST
}

# A sum of all that a command can depend on: its words, the variables, and each file of the test but for its time.
sum_of_state() {
  {
    printf '%s\n' "$@"
    env | grep -vE '^(BATS_|MANIFEST=|OLDPWD=|SHLVL=|_=)' | sort
    tar --create --sort=name --mtime=@0 --directory="$TEST" .
  } | sha256sum | cut -c 1-32
}

# given COMMAND…: runs a script, or puts what it left behind when an earlier test ran it: on the same host, in the same state.
# For what a test begins with; what it is about, it runs itself.
given() {
  local kept=$BATS_RUN_TMPDIR/states
  mkdir -p "$kept"
  kept=$kept/$(sum_of_state "$@").tar
  if [[ ! -e $kept ]]; then
    "$@" >/dev/null || return
    # What still changes is not kept.
    { tar --create --format=posix --acls --xattrs --file="$kept.new" --directory="$TEST" . && mv "$kept.new" "$kept"; } || rm -f "$kept.new"
    return
  fi
  find "$TEST" -mindepth 1 -delete
  tar --extract --file="$kept" --acls --xattrs --preserve-permissions --same-owner --directory="$TEST"
  cd "$PWD" || return
}

# An image with this id: what its labels and its root hold.
make_image() {
  local image=$FAKE/images/$1
  mkdir -p "$image/root/srv/app/static" "$image/root/srv/app/media dir"
  cp "$(payload)"/{Setup,RunSetup,render.pyz} "$image/"
  echo "localhost/app/blog:${2:-1.0}" >"$image/name"
  echo 'body { color: red }' >"$image/root/srv/app/static/site.css"
  echo 'first picture' >"$image/root/srv/app/media dir/picture"
}

make_host() {
  export FAKE=$TEST/fake NUWA_ROOT=$TEST/root
  mkdir -p "$FAKE"/{active,enabled,containers} "$NUWA_ROOT"/etc/{systemd/system,nginx/conf.d,monit/conf.d,cron.d} "$NUWA_ROOT"/run/systemd/system
  printf 'ID=debian\nVERSION_ID="12"\n' >"$NUWA_ROOT/etc/os-release"
  make_image "$ONE"
}

# Makes the host one of this release of Rocky Linux, with SELinux, and firewalld at work.
make_rocky() {
  local name
  printf 'ID="rocky"\nVERSION_ID="%s.4"\n' "$1" >"$NUWA_ROOT/etc/os-release"
  export ROCKY_FAKES=$REPO/tests/shell/rocky:
  export PATH=$ROCKY_FAKES$PATH
  mkdir -p "$FAKE"/booleans "$FAKE"/firewall/{runtime,permanent} "$NUWA_ROOT/etc/monit.d"
  for name in httpd_can_network_connect systemd_socket_proxyd_{bind,connect}_any; do
    # Rocky Linux 8 does not confine the proxy.
    [[ $1 == 8 && $name == systemd_* ]] || echo off >"$FAKE/booleans/$name"
  done
}

# Makes the host one of a release that tests/data/hosts.toml lists: programs have the versions and the options of there.
make_release() {
  [[ $1 != rocky* ]] || make_rocky "${1#rocky}"
  export FAKE_RELEASE=$1
  printf 'ID=%s\nVERSION_ID="%s"\n' "${1%%[0-9]*}" "${1##*[a-z]}" >"$NUWA_ROOT/etc/os-release"
  if grep -A 20 -xF "[$1]" "$REPO/tests/data/hosts.toml" | grep -m 1 '^cgroup' | grep -q 2; then
    mkdir -p "$NUWA_ROOT/sys/fs/cgroup"
    touch "$NUWA_ROOT/sys/fs/cgroup/cgroup.controllers"
  fi
}

# A second host, which knows no image, and where nothing is deployed. $THERE is the deployment's folder on it.
make_other_host() {
  export THERE=$TEST/there/blog
  mkdir -p "$TEST"/fake2/{images,active,enabled,containers} "$TEST"/root2/etc/{systemd/system,nginx/conf.d,monit/conf.d,cron.d} "$TEST"/root2/run/systemd/system
  cp "$TEST/root/etc/os-release" "$TEST/root2/etc/"
}

# shellcheck disable=SC2120  # tests call this with the id of another image
make_deployment() {
  export DEPLOYMENT=$TEST/'my sité'
  mkdir -p "$DEPLOYMENT"
  cd "$DEPLOYMENT" || return
  BID=${1:-$ONE} given bash "$(payload)/Setup"
}

setup() {
  take_folder
  # shellcheck disable=SC2016  # a secret of characters that shells like to touch
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD='p$a"s'\''s word'
  unset KILL_AT NO_COLOR
  make_host
  make_deployment
}

# What there is below the roots of both hosts and the deployments, and what runs: names, modes, owners, content. Without
# what differs by time or chance.
snapshot() {
  local places=(root root2 'my sité' there {fake,fake2}/{loaded,active,enabled,serving,containers,networks,paused,timers})
  local prune=(-name nuwa.log -o -name 'lock*' -o -name releases.tsv -o -name certificate -o -path '*/tls/*'
    -o -name SECRET_KEY -o -name DATABASE_URL -o -path '*/stage*' -o -name 'plan.*'
    -o -name archives.tsv -o -name rehearsals.tsv -o -name rehearsal.seconds -o -path '*/former'
    -o -name move.mark -o -name migration.incoming
    -o -path '*/.nuwa/rendered' -o -path '*/.nuwa/setup' -o -name 'scripts*.tar'
    -o -path '*/nuwa-app/*/standby')
  (
    cd "$TEST" || return
    find "${places[@]}" \( "${prune[@]}" \) -prune -o -printf '%y %m %U %p %l\n' 2>/dev/null | sort
    find "${places[@]}" \( "${prune[@]}" \) -prune -o -type f -print0 2>/dev/null | sort -z | xargs -0 sha256sum
  )
}

fail() {
  printf '%s\n' "$@" >&2
  return 1
}

# The last `run` printed this.
# shellcheck disable=SC2154  # bats sets output
says() {
  [[ $output == *"$1"* ]] || fail "expected: $1" "printed:" "$output"
}

says_not() {
  [[ $output != *"$1"* ]] || fail "not expected: $1" "printed:" "$output"
}
