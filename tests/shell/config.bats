#!/usr/bin/env bats
# Variables of a host that are not secrets.

load helper

unit() {
  cat "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service"
}

starts() {
  wc -l <"$FAKE/starts"
}

@test "set stores values, and what runs is restarted with them, once" {
  given bin/run --quiet
  before=$(starts)
  run -0 bin/config set GREETING='Guten Tag, "Welt" 100%' WORKERS=3
  says 'nuwa-blog-blue.service runs with the new variables'
  [[ $(starts) == $((before + 1)) ]]
  unit | grep -qF -e '--env=GREETING=Guten Tag, \"Welt\" 100%%'
  unit | grep -qF -e '--env=WORKERS=3'
  run -0 bin/config set WORKERS=3
  [[ $(starts) == $((before + 1)) ]]
  run -0 bin/config list
  [[ $output == $'GREETING=Guten Tag, "Welt" 100%\nWORKERS=3' ]]
  run -0 bin/config list --json
  jq -e '.WORKERS == "3"' <<<"$output"
  run -0 bin/status
  says 'config      WORKERS=3'
  run -0 --separate-stderr bin/status --json
  jq -e '.config.WORKERS == "3"' <<<"$output"
}

@test "they stay for later releases, for the release hook, and for rollbacks" {
  given bin/run --quiet
  bin/config set WORKERS=3
  make_image "$TWO" 2.0
  run -0 bin/deploy --watch 0 "$TWO"
  grep -qF -e '--env=WORKERS=3' "$NUWA_ROOT/etc/systemd/system/nuwa-blog-green.service"
  grep -qxF -e '--env=WORKERS=3' "$FAKE/hook"
  bin/deploy --rollback --watch 0
  unit | grep -qF -e '--env=WORKERS=3'
  run -0 bin/config unset WORKERS
  run ! grep -qF WORKERS "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service"
  [[ $(<volumes/.nuwa/config) == '{}' ]]
}

@test "before the first start they are stored alone; bin/run starts with them" {
  bin/config set WORKERS=3
  [[ ! -e $FAKE/starts ]]
  bin/run
  unit | grep -qF -e '--env=WORKERS=3'
}

@test "names of secrets and of nuwa's are refused, and so is what no unit can hold" {
  given bin/run --quiet
  snapshot >"$TEST/before"
  run -2 bin/config set MAIL_PASSWORD=x
  says 'MAIL_PASSWORD is a secret, and variables are shown in plain text. For a new value: bin/secret set MAIL_PASSWORD'
  run -2 bin/config set NUWA_SLOT=x
  says 'is set by nuwa itself'
  run -2 bin/config set WORKERS=3 1A=x
  says 'is not a valid name for a variable'
  run -2 bin/config set WORKERS
  says 'has no ='
  run -2 bin/config set TEXT=$'two\nlines'
  says 'bin/secret set TEXT accepts it'
  run -2 bin/config set API_TOKEN=x </dev/null
  says 'looks like a secret'
  run -2 bin/config set
  run -2 bin/config add A=1
  snapshot | diff "$TEST/before" -
  run -0 bin/config set --yes API_TOKEN=x
}

@test "values with which the app does not come up give way to the previous ones" {
  given bin/run --quiet
  bin/config set WORKERS=3
  cp "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service" "$TEST/unit"
  echo '--env=WORKERS=none' >"$FAKE/images/$ONE/broken-with"
  run -1 bin/config set WORKERS=none
  says 'does not come up with the new variables. The previous state was restored.'
  cmp "$TEST/unit" "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service"
  [[ -e $FAKE/active/nuwa-blog-blue.service && ! -e volumes/.nuwa/config.former && ! -e volumes/.nuwa/change.run ]]
  run -0 bin/config list
  [[ $output == WORKERS=3 ]]
}

@test "a dry run changes nothing" {
  given bin/run --quiet
  snapshot >"$TEST/before"
  run -0 bin/config set --dry-run WORKERS=3
  says 'would set WORKERS=3'
  snapshot | diff "$TEST/before" -
}

@test "they move to another host with the app" {
  make_other_host
  given bin/run --quiet
  given bin/install --quiet
  bin/config set WORKERS=3
  bin/migrate --yes "root@other.example.com:$THERE"
  [[ $(<"$THERE/volumes/.nuwa/config") == '{"WORKERS":"3"}' ]]
}

@test "what bin/run started with after an interruption is what a failure goes back to" {
  given bin/run --quiet
  printf '{}\n' >volumes/.nuwa/config.former
  printf '{"WORKERS":"3"}\n' >volumes/.nuwa/config
  given bin/run --quiet
  echo '--env=WORKERS=none' >"$FAKE/images/$ONE/broken-with"
  run -1 bin/config set WORKERS=none
  run -0 bin/config list
  [[ $output == WORKERS=3 ]]
}

@test "an app that was taken off the web stays so, and comes back with them" {
  given bin/run --quiet
  bin/uninstall --yes
  run -0 bin/config set WORKERS=3
  says 'stored the variables'
  [[ ! -e $NUWA_ROOT/etc/monit/conf.d/nuwa-blog && ! -e $FAKE/active/nuwa-blog-blue.service ]]
  bin/run
  unit | grep -qF -e '--env=WORKERS=3'
  [[ -e $NUWA_ROOT/etc/monit/conf.d/nuwa-blog ]]
}
