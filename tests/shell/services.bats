#!/usr/bin/env bats
# [[service]]: the app's own servers on the host, which bin/run sets up, and what of them is left.

load helper

export MANIFEST=$REPO/tests/shell/manifest-services.json FAKE_APP=blog

setup() {
  take_folder
  export PATH=$TEST/programs:$REPO/tests/shell/fakes:$PATH
  unset KILL_AT NO_COLOR
  mkdir "$TEST/programs"
  ln -s /usr/bin/true "$TEST/programs/valkey-server"
  make_host
  make_deployment
  UNITS=$NUWA_ROOT/etc/systemd/system
}

password() {
  sed 's/requirepass //' "volumes/.nuwa/private/service.$1"
}

@test "run starts a server of the app's own, whose password stands where it is read and nowhere else" {
  run -0 bin/run
  says 'nuwa-blog_queue is up'
  [[ $(password queue) =~ ^[0-9a-f]{64}$ && $(password queue) != "$(password cache)" ]]
  [[ $(stat -c %a volumes/.nuwa/private/service.queue) == 600 ]]
  [[ $(<volumes/secrets/REDIS_URL) == "redis://:$(password queue)@10.89.0.1:17000/0" ]]
  [[ $(<volumes/secrets/CACHE_URL) == "redis://:$(password cache)@10.89.0.1:17001/1" ]]
  [[ $(<volumes/secrets/CACHE_HOST) == 10.89.0.1 ]]
  [[ $(stat -c '%a %u' volumes/secrets/REDIS_URL) == '400 10001' ]]
  says_not "$(password queue)"
  run ! grep -rq "$(password queue)" "$UNITS" volumes/.nuwa/nuwa.log
  for unit in nuwa-blog_{queue,cache}{.service,-proxy.socket}; do
    [[ -e $FAKE/active/$unit && -e $FAKE/enabled/$unit ]] || fail "$unit does not run"
  done
  grep -q 'ListenStream=10.89.0.1:17000' "$UNITS/nuwa-blog_queue-proxy.socket"
  grep -q -- '--bind 127.0.0.1' "$UNITS/nuwa-blog_queue.service"
  # much data is neither loaded nor saved within systemd's 90 s
  grep -qxF TimeoutStartSec=infinity "$UNITS/nuwa-blog_queue.service"
  grep -qxF TimeoutStopSec=infinity "$UNITS/nuwa-blog_queue.service"
}

@test "run again restarts nothing" {
  given bin/run --quiet
  before=$(<volumes/secrets/REDIS_URL)
  : >"$FAKE/starts"
  run -0 bin/run
  says_not blog_queue
  [[ $(<volumes/secrets/REDIS_URL) == "$before" && ! -s $FAKE/starts ]]
}

@test "a dry run shows the units and makes nothing" {
  run -0 bin/run --dry-run
  says 'would write /etc/systemd/system/nuwa-blog_queue.service:'
  says 'would store the secret REDIS_URL, the address of queue'
  [[ ! -e $UNITS/nuwa-blog_queue.service && ! -e volumes/.nuwa/private && ! -e $NUWA_ROOT/var/lib/nuwa-app/ports/17000 ]]
}

@test "a password that was removed is made anew, and server and app are restarted with it" {
  given bin/run --quiet
  before=$(password queue)
  rm volumes/.nuwa/private/service.queue
  run -0 bin/run
  says 'nuwa-blog_queue is up' 'nuwa-blog-blue.service is up'
  says_not 'nuwa-blog_cache is up'
  [[ $(password queue) != "$before" && $(<volumes/secrets/REDIS_URL) == *":$(password queue)@"* ]]
}

@test "the address of a service is bin/run's own, and is listed as such" {
  given bin/run --quiet
  run -0 bin/secret list
  says 'REDIS_URL' 'of a service'
  run -2 bin/secret set REDIS_URL <<<redis://elsewhere
  says 'REDIS_URL is the address of a service on this host'
}

@test "status tells how its servers are" {
  given bin/run --quiet
  run -0 bin/status --json
  jq -e '.servers | map(.name) == ["queue", "cache"] and map(.state) == ["active", "active"]' <<<"$output"
}

@test "uninstall stops them, run brings them back, kill removes all but data that is kept" {
  given bin/run --quiet
  run -0 bin/uninstall --yes
  [[ ! -e $FAKE/active/nuwa-blog_queue.service && ! -e $FAKE/enabled/nuwa-blog_queue-proxy.socket ]]
  bin/run --quiet
  [[ -e $FAKE/active/nuwa-blog_queue.service && -e $FAKE/enabled/nuwa-blog_queue-proxy.socket ]]
  bin/uninstall --yes --quiet
  mkdir -p "$NUWA_ROOT"/var/lib/valkey/nuwa-blog_{queue,cache}
  touch "$NUWA_ROOT/var/lib/valkey/nuwa-blog_queue/dump.rdb"
  run -0 bin/kill --yes
  says 'The data of queue stays. To delete it: rm -r /var/lib/valkey/nuwa-blog_queue'
  [[ ! -e $NUWA_ROOT/var/lib/valkey/nuwa-blog_cache ]]
  run find "$UNITS" "$NUWA_ROOT/var/lib/nuwa-app/ports" -name '*blog*' -o -name '17*'
  [[ -z $output ]]
}

# An image with other services: make_release_of ID FILTER, a filter of jq over the manifest.
make_release_of() {
  jq "$2" "$REPO/tests/shell/manifest-services.json" >"$TEST/$1.json"
  MANIFEST=$TEST/$1.json make_image "$1" 2.0
}

# What each server of a service has: units, port, password.
is_there() {
  local port
  port=$(<"volumes/.nuwa/port.$1")
  [[ -e $FAKE/active/nuwa-blog_$1.service && -e $FAKE/active/nuwa-blog_$1-proxy.socket && -s volumes/.nuwa/private/service.$1 ]]
  [[ -e $NUWA_ROOT/var/lib/nuwa-app/ports/$port && $(find "$UNITS" -name "nuwa-blog_$1*" | wc -l) == 3 ]]
  grep -q "nuwa-blog_$1.service" volumes/.nuwa/plan.services
}

is_gone() {
  run find "$UNITS" "$FAKE"/{active,enabled} volumes/.nuwa -name "nuwa-blog_$1*" -o -name "*.$1"
  [[ -z $output ]] || fail "left of $1:" "$output"
  run ! grep -rq -- "port.$1\$" "$NUWA_ROOT/var/lib/nuwa-app/ports"
  run ! grep -q "nuwa-blog_$1[.-]" volumes/.nuwa/plan.services
}

@test "a service that is renamed or dropped serves until the new release has taken over, and is gone then" {
  make_release_of "$TWO" '.service[0].name = "jobs" | del(.service[1])'
  given bin/run --quiet
  before=$(cd volumes/secrets && sha256sum -- *)
  mkdir -p "$NUWA_ROOT/var/lib/valkey/nuwa-blog_queue"
  touch "$NUWA_ROOT/var/lib/valkey/nuwa-blog_queue/dump.rdb" "$FAKE/images/$TWO/broken"
  : >"$FAKE/starts"
  run -0 bin/deploy --dry-run "$TWO"
  says 'would set up the servers that bbbbbbbbbbbb names and, once it serves, remove the others (here now: queue cache)'
  run -1 bin/deploy "$TWO"
  says 'The previous release (aaaaaaaaaaaa) serves'
  is_there queue
  is_there cache
  run ! grep -E 'blog_(queue|cache)' "$FAKE/starts"
  [[ $(cd volumes/secrets && sha256sum -- *) == "$before" ]]

  rm "$FAKE/images/$TWO/broken"
  run -0 bin/deploy "$TWO"
  says 'removed nuwa-blog_queue, which nuwa.toml no longer names'
  says 'The data of queue stays. To delete it: rm -r /var/lib/valkey/nuwa-blog_queue'
  says 'removed the secret CACHE_URL, the address of cache'
  is_there jobs
  is_gone queue
  is_gone cache
  [[ $(<volumes/secrets/REDIS_URL) == *":$(password jobs)@"* && ! -e volumes/secrets/CACHE_HOST && ! -e volumes/.nuwa/change.services ]]
  run -0 bin/run
  says_not blog_

  run -0 bin/deploy --rollback
  is_there queue
  is_there cache
  is_gone jobs
  [[ $(<volumes/secrets/REDIS_URL) == *":$(password queue)@"* && -e volumes/secrets/CACHE_URL ]]
  run find volumes/.nuwa/private -name 'address.*'
  [[ -z $output ]]
}

@test "run removes all services that nuwa.toml names no more, after the start, though it was killed meanwhile" {
  make_release_of "$TWO" 'del(.service)'
  given bin/run --quiet
  systemctl stop nuwa-blog-blue.service
  BID=$TWO bash "$FAKE/images/$TWO/Setup" >/dev/null
  run -0 bin/run --dry-run
  says 'would stop and remove nuwa-blog_queue, which nuwa.toml no longer names'
  touch "$FAKE/images/$TWO/broken"
  run -1 bin/run
  is_there queue
  # as after a kill while queue was removed
  systemctl disable --now nuwa-blog_queue.service
  rm "$FAKE/images/$TWO/broken" "$UNITS/nuwa-blog_queue.service"
  run -0 bin/run
  is_gone queue
  is_gone cache
  [[ ! -e volumes/secrets/REDIS_URL && ! -e volumes/.nuwa/plan.services ]]
}

@test "a secret that the app gets from elsewhere from now on stays, and the message says how to store it" {
  make_release_of "$TWO" 'del(.service[0]) | .env.secrets = ["REDIS_URL"]'
  given bin/run --quiet
  run -0 bin/deploy "$TWO"
  says 'the secret REDIS_URL was the address of queue, which was removed. To store another: bin/secret set REDIS_URL'
  [[ -s volumes/secrets/REDIS_URL ]]
  run -0 bin/secret set REDIS_URL <<<redis://elsewhere
}

@test "a change of one service restarts that one alone" {
  make_release_of "$TWO" '.service[1].memory = 134217728'
  given bin/run --quiet
  : >"$FAKE/starts"
  run -0 bin/deploy "$TWO"
  says 'nuwa-blog_cache is up'
  says_not 'nuwa-blog_queue is up'
  run ! grep blog_queue "$FAKE/starts"
  grep -qxF nuwa-blog_cache.service "$FAKE/starts"
}

@test "kill removes what is left of services that today's nuwa.toml does not name" {
  make_release_of "$TWO" 'del(.service)'
  given bin/run --quiet
  mkdir -p "$NUWA_ROOT"/var/lib/valkey/nuwa-blog_{queue,cache} "$NUWA_ROOT/var/lib/valkey/nuwa-blog-other_queue"
  touch "$NUWA_ROOT/var/lib/valkey/nuwa-blog_queue/dump.rdb"
  BID=$TWO bash "$FAKE/images/$TWO/Setup" >/dev/null
  bin/uninstall --yes --quiet
  # as after an interruption
  rm volumes/.nuwa/plan.services
  run -0 bin/kill --yes
  says 'The data of queue stays. To delete it: rm -r /var/lib/valkey/nuwa-blog_queue'
  [[ ! -e $NUWA_ROOT/var/lib/valkey/nuwa-blog_cache && -e $NUWA_ROOT/var/lib/valkey/nuwa-blog-other_queue ]]
  run find "$UNITS" "$FAKE"/{active,enabled} "$NUWA_ROOT/var/lib/nuwa-app/ports" -name 'nuwa-blog_*' -o -name '17*'
  [[ -z $output ]] || fail "$output"
}

@test "a host without such a server is told the package of its release" {
  rm "$TEST/programs/valkey-server"
  for release in 'debian 12 redis-server' 'debian 13 valkey-server' 'rocky 9 redis' 'rocky 10 valkey'; do
    read -r name number package <<<"$release"
    printf 'ID=%s\nVERSION_ID="%s"\n' "$name" "$number" >"$NUWA_ROOT/etc/os-release"
    run -4 bin/run
    says 'valkey-server' " $package"
  done
  ln -s /usr/bin/true "$TEST/programs/redis-server"
  printf 'ID=debian\nVERSION_ID="12"\n' >"$NUWA_ROOT/etc/os-release"
  bin/run --quiet
  grep -q '^User=redis$' "$UNITS/nuwa-blog_queue.service"
}

@test "SELinux lets the server at its port, and at the file with its password" {
  make_rocky 9
  # shellcheck disable=SC2016  # the program reads them
  printf '#!/bin/sh\necho "$*" >>"$FAKE/semanage"\n' >"$TEST/programs/semanage"
  chmod +x "$TEST/programs/semanage"
  bin/run --quiet
  grep -qxF 'port --add --type redis_port_t --proto tcp 17000' "$FAKE/semanage"
}

@test "an archive without a server that keeps data is refused, and the printed command brings it back" {
  cat >"$TEST/programs/valkey-cli" <<'END'
#!/bin/sh
# The server's client: copies its data while the server runs.
[ -e "$FAKE/active/nuwa-blog_queue.service" ] || { echo 'Could not connect to Valkey'; exit 1; }
while [ $# -gt 0 ]; do
  [ "$1" != --rdb ] || echo data >"$2"
  shift
done
END
  chmod +x "$TEST/programs/valkey-cli"
  bin/run --quiet
  systemctl stop nuwa-blog_queue.service
  run -1 bin/archive_volumes --repository "$TEST/borg"
  says 'Could not connect to Valkey'
  says 'the data of queue could not be copied (see above). If it is not running: systemctl start nuwa-blog_queue.service'
  ! compgen -G "$TEST/borg/*.tar" || fail 'an archive was made'
  systemctl start nuwa-blog_queue.service
  run -0 bin/archive_volumes --repository "$TEST/borg"
}

@test "after uninstall, an archive has what the server saved when it stopped" {
  given bin/run --quiet
  bin/uninstall --yes --quiet
  mkdir -p "$NUWA_ROOT/var/lib/valkey/nuwa-blog_queue"
  echo saved >"$NUWA_ROOT/var/lib/valkey/nuwa-blog_queue/dump.rdb"
  run -0 bin/archive_volumes --repository "$TEST/borg"
  archive=$(find "$TEST/borg" -name '*.tar')
  [[ $(tar -xOf "$archive" volumes/.nuwa/archive/services/queue.rdb) == saved ]]
}

@test "a port of the host is reached by a socket alone, comes with its release, and goes with it" {
  make_release_of "$TWO" 'del(.service) | .host_port = [{name: "smtp", port: 2}, {name: "other-app", port: 3, env: {OTHER: "http://{host}:{port}"}}]'
  given bin/run --quiet
  run -0 bin/deploy "$TWO"
  says 'the app reaches 127.0.0.1:2 of this host (smtp)'
  says "nothing listens on 127.0.0.1:2 (smtp): the app's connections there are closed at once until something does."
  unit=nuwa-blog_port-smtp-proxy
  [[ -e $FAKE/active/$unit.socket && -e $FAKE/enabled/$unit.socket && ! -e $UNITS/nuwa-blog_port-smtp.service ]]
  port=$(<volumes/.nuwa/port.port-smtp)
  grep -qxF "ListenStream=10.89.0.1:$port" "$UNITS/$unit.socket"
  grep -q '127.0.0.1:2$' "$UNITS/$unit.service"
  [[ $(<volumes/secrets/SMTP_HOST) == 10.89.0.1 && $(<volumes/secrets/SMTP_PORT) == "$port" ]]
  [[ $(<volumes/secrets/OTHER) == "http://10.89.0.1:$(<volumes/.nuwa/port.port-other-app)" ]]
  is_gone queue
  run -0 bin/status
  says 'smtp at 127.0.0.1:2: does NOT listen'
  run -0 bin/status --json
  jq -e '.servers | map([.name, .port]) | sort == [["other-app", 3], ["smtp", 2]]' <<<"$output"
  run -2 bin/secret set SMTP_HOST <<<elsewhere
  : >"$FAKE/starts"
  run -0 bin/run
  says_not 'the app reaches'
  [[ ! -s $FAKE/starts ]]

  run -0 bin/deploy --rollback
  says 'removed nuwa-blog_port-smtp, which nuwa.toml no longer names'
  is_gone port-smtp
  [[ ! -e volumes/secrets/SMTP_HOST && ! -e volumes/secrets/OTHER ]]
  is_there queue
}

@test "kill removes the ways to ports of the host" {
  make_release_of "$TWO" 'del(.service) | .host_port = [{name: "smtp", port: 2}]'
  BID=$TWO bash "$FAKE/images/$TWO/Setup" >/dev/null
  rm "$TEST/programs/valkey-server"
  run -0 bin/run --dry-run
  says 'would write /etc/systemd/system/nuwa-blog_port-smtp-proxy.socket:' 'would store the secret SMTP_HOST'
  bin/run --quiet
  bin/uninstall --yes --quiet
  [[ ! -e $FAKE/active/nuwa-blog_port-smtp-proxy.socket ]]
  run -0 bin/kill --yes
  run find "$UNITS" "$FAKE"/{active,enabled} "$NUWA_ROOT/var/lib/nuwa-app/ports" -name 'nuwa-blog_*' -o -name '17*'
  [[ -z $output ]] || fail "$output"
}
