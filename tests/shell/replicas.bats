#!/usr/bin/env bats
# [server] replicas: several containers of a slot behind one site, in every script that knows of a slot.

load helper

# An app with two replicas, installed and serving ONE, with TWO on the host.
setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word MANIFEST=$TEST/manifest.json
  unset KILL_AT NO_COLOR
  jq '.volume = [.volume[0]] | .deploy = {watch: 0, drain: 1} | .server.replicas = 2' "$REPO/tests/shell/manifest.json" >"$MANIFEST"
  make_host
  make_image "$TWO" 2.0
  make_deployment
  RUNTIME=$NUWA_ROOT/run/nuwa-app/blog
  SITE=$NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf
  given bin/run --quiet
  given bin/install --quiet 2>/dev/null
}

# How many files begin like this.
count() {
  compgen -G "$1*" | wc -l
}

# Exactly these containers, in this order ($1 $2 …), serve an image ($IMAGE), and nothing of others is left.
serve() {
  local place link
  [[ $(cd "$FAKE/active" && echo *.service) == "$(printf 'nuwa-blog-%s.service ' "$@" | sed 's/ $//')" ]] || fail "$(ls "$FAKE/active")"
  [[ $(ls "$FAKE/enabled") == *"$(printf 'nuwa-blog-%s.service\n' "$@")"* && $(count "$FAKE/enabled/nuwa-blog") == "$#" ]]
  [[ $(count "$NUWA_ROOT/etc/systemd/system/nuwa-blog") == "$#" && $(ls "$FAKE/containers") == "$(printf 'nuwa-blog-%s\n' "$@")" ]]
  for place in "$@"; do
    grep -q "$IMAGE" "$FAKE/active/nuwa-blog-$place.service"
    grep -qF "127.0.0.1:$(<"volumes/.nuwa/port.$place"):" "$FAKE/active/nuwa-blog-$place.service"
    link=$RUNTIME/current${place#"$1"}
    [[ $(readlink "$link") == "$place/server.sock" ]] || fail "$link leads to $(readlink "$link")"
  done
  for link in "$RUNTIME"/current_*; do
    [[ ! -L $link || " $* " == *" $(readlink "$link" | cut -d / -f 1) "* ]] || fail "$link leads to $(readlink "$link")"
  done
  [[ ! -e volumes/.nuwa/deploy && ! -e volumes/.nuwa/change.run ]] || fail "$(ls "$RUNTIME" volumes/.nuwa)"
}

@test "run starts each replica at a port of its own, and nginx has them all" {
  IMAGE=$ONE serve blue blue_2
  [[ $(<volumes/.nuwa/port.blue) != "$(<volumes/.nuwa/port.blue_2)" ]]
  [[ $(grep -c 'server unix:.*/current.* max_fails=0;$' "$SITE") == 2 ]]
  run -0 bin/run
  says 'is already running and up to date'
  rm "$FAKE/active/nuwa-blog-blue_2.service"
  run -0 bin/run
  IMAGE=$ONE serve blue blue_2
}

@test "deploy leads visitors to as many of the new release, and ends all of the previous one" {
  reloads=$(grep -c nginx "$FAKE/reloads")
  run -0 bin/deploy "$TWO"
  says $'starting nuwa-blog-green.service\nstarting nuwa-blog-green_2.service'
  IMAGE=$TWO serve green green_2
  [[ $(grep -c nginx "$FAKE/reloads") == "$reloads" && $(<"$FAKE/hooks") == 2 ]]
  run -0 bin/deploy --rollback
  IMAGE=$ONE serve blue blue_2
}

@test "a release with another number of replicas takes over, and gives way again" {
  jq '.server.replicas = 3' "$MANIFEST" >"$TEST/three.json"
  MANIFEST=$TEST/three.json make_image "$TWO" 2.0
  run -0 bin/deploy "$TWO"
  IMAGE=$TWO serve green green_2 green_3
  [[ $(grep -c 'server unix:.*/current.* max_fails=0;$' "$SITE") == 3 ]]
  # With fewer of them nginx needs no reload, by which requests of visitors would be lost.
  reloads=$(grep -c nginx "$FAKE/reloads")
  run -0 bin/deploy --rollback
  IMAGE=$ONE serve blue blue_2
  [[ $(grep -c 'server unix:.*/current.* max_fails=0;$' "$SITE") == 2 && $(readlink "$RUNTIME/current_3") == blue/server.sock ]]
  [[ $(grep -c nginx "$FAKE/reloads") == "$reloads" ]]
  jq 'del(.server.replicas)' "$MANIFEST" >"$TEST/one.json"
  MANIFEST=$TEST/one.json make_image "$TWO" 2.0
  run -0 bin/deploy "$TWO"
  IMAGE=$TWO serve green
  run -0 bin/deploy --rollback
  IMAGE=$ONE serve blue blue_2
}

@test "where one replica does not come up, the previous release keeps serving" {
  printf -- '--name=nuwa-blog-green_2' >"$FAKE/images/$TWO/broken-with"
  run -1 bin/deploy "$TWO"
  says 'nuwa-blog-green_2.service did not come up'
  says "The previous release (${ONE:0:12}) serves"
  IMAGE=$ONE serve blue blue_2
  [[ ! -e volumes/.nuwa/port.green_2 ]]
}

@test "a deploy back to scripts that know of no replicas ends all but the first before" {
  printf 'sed -i s/find_replicas/find_others/ "$NUWA_DIR/bin/lib/common"\nprintf "#!/bin/sh\\necho continues\\n" >"$NUWA_DIR/bin/deploy"\n' >"$TEST/older"
  printf '(%s\n)\n%s\n' "$(<"$FAKE/images/$TWO/Setup")" "$(<"$TEST/older")" >"$FAKE/images/$TWO/Setup.new"
  mv "$FAKE/images/$TWO/Setup.new" "$FAKE/images/$TWO/Setup"
  run -0 bin/deploy "$TWO"
  says continues
  [[ $(cd "$FAKE/active" && echo *.service) == nuwa-blog-blue.service && ! -e $FAKE/enabled/nuwa-blog-blue_2.service ]]
}

@test "restart takes one after the other, with visitors at those that are up" {
  : >"$FAKE/starts"
  cat >"$TEST/systemctl" <<END
#!/usr/bin/env bash
[[ \$1 != restart ]] || { cd "$RUNTIME" && for link in current*; do printf '%s:%s ' "\$link" "\$(readlink "\$link")"; done; echo "\${!#}"; } >>"$TEST/order"
exec $REPO/tests/shell/fakes/systemctl "\$@"
END
  chmod +x "$TEST/systemctl"
  PATH=$TEST:$PATH run -0 bin/restart
  [[ $(<"$TEST/order") == "current:blue/restarts current_2:blue_2/server.sock nuwa-blog-blue.service
current:blue/server.sock current_2:blue/restarts nuwa-blog-blue_2.service" ]] || fail "$(<"$TEST/order")"
  IMAGE=$ONE serve blue blue_2
  [[ $(<"$FAKE/starts") == $'nuwa-blog-blue.service\nnuwa-blog-blue_2.service' ]]
  rm "$FAKE/active/nuwa-blog-blue_2.service"
  : >"$FAKE/starts"
  run -0 bin/restart
  [[ $(<"$FAKE/starts") == $'nuwa-blog-blue_2.service\nnuwa-blog-blue.service' ]]
}

@test "a restart that fails stops at the replica that does not come up, and the other one serves" {
  printf -- '--name=nuwa-blog-blue ' >"$FAKE/images/$ONE/broken-with"
  run -1 bin/restart
  says 'nuwa-blog-blue.service does not come up, though systemd keeps trying'
  says 'The other replicas keep serving.'
  [[ -e $FAKE/active/nuwa-blog-blue_2.service ]]
  bin/uninstall --yes --quiet
  run -1 bin/restart
  says 'is not running. bin/run starts it.'
}

@test "secrets and variables are taken up by one replica after the other" {
  : >"$FAKE/starts"
  printf 'new word' | bin/secret set MAIL_PASSWORD --quiet
  [[ $(<"$FAKE/starts") == $'nuwa-blog-blue.service\nnuwa-blog-blue_2.service' ]]
  : >"$FAKE/starts"
  bin/config set COLOUR=red --quiet
  [[ $(<"$FAKE/starts") == $'nuwa-blog-blue.service\nnuwa-blog-blue_2.service' ]]
  grep -q 'COLOUR=red' "$FAKE/active/nuwa-blog-blue_2.service"
}

@test "status tells of each replica, and of a site that is degraded" {
  run -0 bin/status
  says 'serves      yes'
  says 'replica     nuwa-blog-blue_2.service: active, healthy, 0 restarts, 127.0.0.1:'
  says_not DEGRADED
  run -0 --separate-stderr bin/status --json
  jq -e '.degraded == false and (.replicas | map(.unit) == ["nuwa-blog-blue.service", "nuwa-blog-blue_2.service"]) and all(.replicas[]; .serves and .status == 200)' <<<"$output"
  rm "$FAKE/active/nuwa-blog-blue.service"
  run -0 bin/status
  says 'serves      yes, but DEGRADED: 1 of 2 replicas'
  says 'nuwa-blog-blue.service: inactive'
  run -0 --separate-stderr bin/status --json
  jq -e '.serves and .degraded' <<<"$output"
  rm "$FAKE/active/nuwa-blog-blue_2.service"
  run -3 bin/status
  says 'serves      NO'
}

@test "get_cid and logs are of all replicas, the shell is in the first" {
  run -0 bin/get_cid
  [[ ${#lines[@]} == 2 ]]
  run -0 bin/logs --dry-run
  says '--unit nuwa-blog-blue.service --unit nuwa-blog-blue_2.service'
  run -0 bin/shell --dry-run true
  says "'nuwa-blog-blue' "
}

@test "monit has a replica restarted that does not answer, and leaves the other one alone" {
  : >"$FAKE/starts"
  rm "$FAKE/active/nuwa-blog-blue_2.service"
  cat >"$TEST/curl" <<END
#!/usr/bin/env bash
[[ \${!#} != *":$(<volumes/.nuwa/port.blue_2)/"* ]] || { printf 000 && exit 7; }
exec $REPO/tests/shell/fakes/curl "\$@"
END
  chmod +x "$TEST/curl"
  PATH=$TEST:$PATH run -0 bin/lib/recover
  says 'nuwa-blog-blue_2.service is down: starting it'
  [[ $(<"$FAKE/starts") == nuwa-blog-blue_2.service ]]
  [[ $(grep -c 'protocol http' "$NUWA_ROOT/etc/monit/conf.d/nuwa-blog") == 2 ]]
}

@test "a standby of all replicas is paused, and woken, as a whole" {
  jq '.deploy.standby = 600' "$MANIFEST" >"$TEST/standby.json"
  mkdir "$NUWA_ROOT/proc"
  printf 'Mem%s kB\n' 'Total: 8000000' 'Available: 4000000' >"$NUWA_ROOT/proc/meminfo"
  MANIFEST=$TEST/standby.json make_image "$TWO" 2.0
  run -0 bin/deploy "$TWO"
  says 'the previous release is on standby for 10 min, paused'
  [[ $(ls "$FAKE/paused") == $'nuwa-blog-blue\nnuwa-blog-blue_2' ]]
  [[ $(readlink "$RUNTIME/current_2") == green_2/server.sock && $(ls "$NUWA_ROOT/run/systemd/system") == $'nuwa-blog-blue.service\nnuwa-blog-blue_2.service' ]]
  run -0 bin/deploy --rollback
  says "${ONE:0:12} serves again, in blue"
  IMAGE=$ONE serve blue blue_2
  [[ -z $(ls "$FAKE/paused") && -z $(ls "$NUWA_ROOT/run/systemd/system") && ! -e $RUNTIME/standby ]]
  bin/deploy --quiet "$TWO"
  bin/deploy --quiet --end-standby
  IMAGE=$TWO serve green green_2
}

@test "uninstall stops all replicas, run brings all back, and kill leaves nothing of them" {
  bin/uninstall --yes --quiet
  [[ $(count "$FAKE/active/nuwa-blog") == 0 ]]
  bin/run --quiet
  bin/install --quiet 2>/dev/null
  IMAGE=$ONE serve blue blue_2
  bin/uninstall --yes --quiet
  bin/kill --yes --quiet
  [[ -z $(ls "$FAKE/containers") && $(count "$NUWA_ROOT/etc/systemd/system/nuwa-blog") == 0 && $(count volumes/.nuwa/port) == 0 ]]
}
