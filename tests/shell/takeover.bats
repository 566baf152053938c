#!/usr/bin/env bats
# A deployment of the previous release bin/lib/ is taken over, and can go back.

load helper

ENTRIES=(_archived _backoff _check _recover _services _wait)

# Installed and serving ONE, an image of that release; TWO is one of this release.
setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word MANIFEST=$TEST/manifest.json
  unset KILL_AT NO_COLOR
  jq '.deploy = {watch: 0}' "$REPO/tests/shell/former/manifest.json" >"$MANIFEST"
  make_host
  make_image "$TWO" 2.0
  "$NUWA_PYTHON" "$REPO/tests/shell/make_former.py" "$(payload)" "$TEST/former"
  cp "$TEST"/former/{Setup,RunSetup,render.pyz} "$FAKE/images/$ONE/"
  export DEPLOYMENT=$TEST/blog
  mkdir "$DEPLOYMENT"
  cd "$DEPLOYMENT" || return
  set_up "$ONE"
  given bin/run --quiet
  given bin/install --quiet 2>/dev/null
  [[ -x bin/_wait && ! -e bin/lib ]]
}

set_up() {
  BID=$1 run -0 bash "$FAKE/images/$1/Setup"
  says_not edited
}

# What files of the host call in bin/.
called() {
  grep -rhoE '\bbin/(_|lib/)[a-z]+' "$NUWA_ROOT/etc" | sort -u | paste -sd ' '
}

laid_out_anew() {
  [[ $(called) == 'bin/lib/archived bin/lib/backoff bin/lib/check bin/lib/recover bin/lib/services bin/lib/wait' ]] || fail "$(called)"
  [[ $(cd bin && printf '%s ' *) == "$(cd "$REPO/bin-templates/commands" && printf '%s\n' * lib | sort | paste -sd ' ') " ]] || fail "$(ls bin)"
}

laid_out_as_before() {
  [[ $(called) == 'bin/_archived bin/_backoff bin/_check bin/_recover bin/_services bin/_wait' ]] || fail "$(called)"
  [[ -x bin/_wait && -e bin/_lib && -z $(find bin -name '*.edited*') ]]
}

serves() {
  grep -q "$1" "$FAKE/active/nuwa-blog-$2.service"
  [[ $(<bin/.image) == "$1" && $(<volumes/.nuwa/slot) == "$2" && ! -e volumes/.nuwa/deploy ]]
}

@test "setup of a new release leaves what the host still calls, and bin/run takes all of it over" {
  set_up "$TWO"
  for name in "${ENTRIES[@]}"; do
    grep -q "exec bash .*/lib/${name#_}\"" "bin/$name"
  done
  [[ ! -e bin/_lib ]]
  # cron, monit and systemd call what they called.
  run -0 bash -c 'cd / && bash "$DEPLOYMENT/bin/_services"'
  says 'all processes are up'
  run -0 bin/_check --quiet
  run -0 bash -c 'cd / && bash "$DEPLOYMENT/bin/_check" --served'
  rm "$FAKE/active/nuwa-blog-blue.service"
  run -0 bash -c 'cd / && bash "$DEPLOYMENT/bin/_recover"'
  says 'nuwa-blog-blue.service is down: starting it'
  set_up "$TWO"
  [[ -x bin/_wait ]]
  run -0 bin/run
  serves "$TWO" green
  laid_out_anew
}

@test "a deploy of a new release takes it over, a rollback goes back, and again returns" {
  given bin/install --quiet
  run -0 bin/deploy --watch 0 "$TWO"
  says_not edited
  serves "$TWO" green
  laid_out_anew
  run -0 bin/deploy --watch 0 --rollback
  says_not edited
  serves "$ONE" blue
  laid_out_as_before
  run -0 bin/deploy --watch 0 --rollback
  says_not edited
  serves "$TWO" green
  laid_out_anew
}

@test "a new release that does not come up leaves all as it was" {
  touch "$FAKE/images/$TWO/broken"
  run -1 bin/deploy --watch 0 "$TWO"
  says_not edited
  serves "$ONE" blue
  laid_out_as_before
}

@test "the scripts of a new release stop and remove what the one before put onto the host" {
  before=$(find "$NUWA_ROOT/etc" -type f | wc -l)
  set_up "$TWO"
  run -0 bin/uninstall --yes
  run -0 bin/kill --yes
  [[ -z $(called) ]] || fail "$(called)"
  ((before > 1)) && [[ -z $(find "$NUWA_ROOT/etc" -name '*nuwa-blog*') ]]
}

@test "a stopped app that bin/run starts again keeps what its site's files call, until bin/install writes those" {
  systemctl stop nuwa-blog-blue.service
  set_up "$TWO"
  run -0 bin/run
  [[ -x bin/_check && ! -e bin/_wait ]] || fail "$(ls bin)"
  run -0 bin/_check --quiet
  run -0 bin/install
  laid_out_anew
}

@test "state that the previous release kept under other names is taken over" {
  [[ $(<volumes/.nuwa/told) == 'blog.example.com www.blog.example.com' ]]
  printf 'volumes/.rehearsal\n' >volumes/.nuwa/rehearsing
  printf '1\n' | tee volumes/.nuwa/{restart,reload_nginx} >volumes/.nuwa/swap.hook
  set_up "$TWO"
  run -0 bin/lib/check --quiet
  [[ $(<volumes/.nuwa/container_domains) == 'blog.example.com www.blog.example.com' ]]
  [[ $(<volumes/.nuwa/rehearsal.folder) == volumes/.rehearsal && -e volumes/.nuwa/restart.needed && -e volumes/.nuwa/restore.hook ]]
  [[ ! -e volumes/.nuwa/nginx.reload_needed ]] || fail 'nginx was not reloaded for what the previous release put there'
  for name in told rehearsing restart reload_nginx swap.hook; do
    [[ ! -e volumes/.nuwa/$name ]]
  done
}

@test "a restore that the previous release was killed in is undone first" {
  mkdir -p volumes/.nuwa/former/volumes
  mv volumes/media volumes/.nuwa/former/volumes/
  printf 'running\nvolumes/media\n' >volumes/.nuwa/swap
  set_up "$TWO"
  run -0 bin/run
  [[ $(<volumes/media/picture) == 'first picture' && ! -e volumes/.nuwa/restore.pending && ! -e volumes/.nuwa/swap ]]
}

@test "a file of the previous release that somebody edited is kept" {
  echo '# mine' >>bin/_host
  run -0 env BID="$TWO" bash "$FAKE/images/$TWO/Setup"
  grep -q '# mine' bin/_host
}

@test "until a deploy, the scripts of a new release work with the release that serves" {
  set_up "$TWO"
  run -0 bin/install other.example.com --self-signed
  grep -q 'server_name other.example.com' "$NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf"
  run -0 bin/install
  run -0 bin/deploy
  serves "$TWO" green
}
