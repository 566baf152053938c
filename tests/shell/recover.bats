#!/usr/bin/env bats
# bin/lib/recover, which monit calls while the site does not answer.

load helper

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word
  export NUWA_LOCK_OWNER=''
  make_host
  make_deployment
  given bin/run --quiet
  : >"$FAKE/starts"
}

starts() {
  cat "$FAKE/starts"
}

# As monit does: from another folder.
recover() {
  run -0 bash -c 'cd / && exec bash "$DEPLOYMENT/bin/lib/recover"'
}

@test "a slot that runs and does not answer is restarted, one that is down is started" {
  recover
  [[ $(starts) == nuwa-blog-blue.service ]]
  says 'the site does not answer: restarting nuwa-blog-blue.service'
  systemctl stop nuwa-blog-blue.service
  recover
  says 'nuwa-blog-blue.service is down: starting it'
  [[ $(starts) == $'nuwa-blog-blue.service\nnuwa-blog-blue.service' ]]
}

@test "a slot that is starting, or that came up a moment ago, is left alone" {
  read -r seconds _ </proc/uptime
  echo "${seconds%.*}000000" >"$FAKE/since"
  recover
  systemctl stop nuwa-blog-blue.service
  mkdir -p "$FAKE/activating"
  touch "$FAKE/activating/nuwa-blog-blue.service"
  recover
  [[ -z $(starts) ]]
}

@test "while somebody works on the deployment nothing is restarted; an archive is none of that" {
  exec 7>>volumes/.nuwa/lock
  flock 7
  echo 'bin/deploy (process 1, since 12:00:00)' >volumes/.nuwa/lock
  recover
  [[ -z $(starts) ]]
  echo 'bin/archive_volumes (process 1, since 12:00:00)' >volumes/.nuwa/lock
  recover
  [[ $(starts) == nuwa-blog-blue.service ]]
}

@test "what was stopped on purpose, or has moved away, stays down" {
  systemctl stop nuwa-blog-blue.service
  mkdir -p "$NUWA_ROOT/run/nuwa-app/blog"
  touch "$NUWA_ROOT/run/nuwa-app/blog/stopped"
  recover
  rm "$NUWA_ROOT/run/nuwa-app/blog/stopped"
  printf 'moved\troot@there\t/srv/blog\n' >volumes/.nuwa/move
  recover
  [[ -z $(starts) ]]
}

@test "starting the app again takes the stop back" {
  mkdir -p "$NUWA_ROOT/run/nuwa-app/blog"
  touch "$NUWA_ROOT/run/nuwa-app/blog/stopped" volumes/.nuwa/restart.needed
  given bin/run --quiet
  [[ ! -e $NUWA_ROOT/run/nuwa-app/blog/stopped ]]
}

@test "an interrupted deploy is finished or undone, which brings up whichever slot can serve" {
  echo "starting $TWO blue green deploy" >volumes/.nuwa/deploy
  systemctl stop nuwa-blog-blue.service
  recover
  [[ ! -e volumes/.nuwa/deploy && -e $FAKE/active/nuwa-blog-blue.service ]]
}
