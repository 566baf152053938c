#!/usr/bin/env bats
# What all scripts have in common: where they run, their options, the lock, the check of the host.

load helper

# archieve_volumes is archive_volumes.
mapfile -t ALL < <(cd "$REPO/bin-templates/commands" && printf '%s\n' * lib/check | grep -vx archieve_volumes)

@test "every script says what it does and which options it has" {
  for script in "${ALL[@]}"; do
    run -0 "bin/$script" --help
    says "bin/$script"
    says '--dry-run'
  done
}

@test "every script stops outside the deployment's folder and says where to go" {
  cd bin
  for script in "${ALL[@]}"; do
    words=()
    case $script in
      config | secret) words=(list) ;;
      maintenance) words=(status) ;;
    esac
    run -2 "./$script" "${words[@]}"
    says "cd '$DEPLOYMENT' && bin/$script"
  done
}

@test "every script names an option that it does not know" {
  for script in "${ALL[@]}"; do
    run -2 "bin/$script" --frobnicate
    says '--frobnicate'
  done
}

@test "a deployment in a folder whose name podman cannot mount is refused" {
  mkdir "$TEST/a:b"
  cd "$TEST/a:b"
  BID=$ONE bash "$(payload)/Setup" >/dev/null
  run -2 bin/run
  says 'Rename the folder'
}

@test "a second script does not start while one is at work" {
  mkdir -p volumes/.nuwa
  exec 8>>volumes/.nuwa/lock
  flock 8
  printf 'bin/run (process 1, since 12:00:00)' >volumes/.nuwa/lock
  run -6 bin/run
  says 'bin/run (process 1, since 12:00:00) is running here'
  exec 8>&-
  run -0 bin/run
}

@test "a check that cron began is waited for" {
  mkdir -p volumes/.nuwa
  printf 'bin/lib/check (process 1, since 12:00:00)' >volumes/.nuwa/lock
  flock volumes/.nuwa/lock sleep 2 &
  while flock --nonblock volumes/.nuwa/lock true; do sleep 0.05; done
  run -0 bin/run
  wait
}

@test "quiet says nothing, and the log has it all" {
  run -0 bin/run --quiet
  [[ -z $output ]]
  grep -q 'bin/run\[.*nuwa-blog-blue.service is up' volumes/.nuwa/nuwa.log
}

@test "colours appear on a terminal only, and not where they are not wanted" {
  unset MAIL_PASSWORD
  run -2 bin/run </dev/null
  says_not $'\e['
  NO_COLOR=1 run -2 script -qec 'bin/run --secret NONE' /dev/null
  says_not $'\e['
  run -2 script -qec 'TERM=xterm bin/run --secret NONE' /dev/null
  says $'\e['
}

@test "a missing program is named with the command that gets it" {
  mkdir "$TEST/bin"
  for tool in /usr/bin/{bash,env,sed,tr,cat,sort,date,dd,df,awk,grep,head,paste,stat,tar,diff,flock,cut}; do
    ln -s "$tool" "$TEST/bin/"
  done
  PATH=$TEST/bin run -4 bin/_predicate --quiet
  says 'this host lacks: podman; systemctl; nginx; jq; curl; openssl; monit; ss; cron'
  says 'apt-get install --no-install-recommends cron curl iproute2 jq monit nginx openssl podman systemd'
}

@test "a podman that is too old is named, with what is needed" {
  FAKE_PODMAN_VERSION=3.4.4 run -4 bin/run
  says 'podman 4.0 or newer (here: 3.4.4)'
}

@test "a distribution that is not in the table is refused, with those that are" {
  printf 'ID=arch\nVERSION_ID=1\n' >"$NUWA_ROOT/etc/os-release"
  run -4 bin/run
  says 'arch 1 is not supported as a host. Supported: Debian 12, Debian 13, Rocky Linux 8'
}

@test "an image that is gone is named" {
  mv "$FAKE/images/$ONE" "$TEST/gone"
  run -4 bin/run
  says "the image $ONE (pull or load it, or run the Setup of another)"
}

@test "too little room on the disk is named before anything is done, and hinders no removal" {
  given bin/run --quiet
  printf '#!/bin/sh\necho head\necho "x 1000000 1 %s 1%% /"\n' 50000 >"$TEST/df"
  chmod +x "$TEST/df"
  snapshot >"$TEST/before"
  for script in run 'install blog.example' "deploy $ONE"; do
    # shellcheck disable=SC2086  # its words
    PATH=$TEST:$PATH run -4 bin/$script
    says "200 MB of free disk below $DEPLOYMENT (free: 48 MB)"
  done
  snapshot | diff "$TEST/before" -
  mv "$FAKE/images/$ONE" "$TEST/gone"
  PATH=$TEST:$PATH run -0 bin/uninstall --yes
  PATH=$TEST:$PATH run -0 bin/kill --yes
  says 'is removed from this host'
}

@test "_predicate shows each thing that it looked at" {
  run -0 bin/_predicate
  says 'ok       Debian 12'
  says 'ok       podman 4.3.1'
}

@test "parts that the image handed out are kept, and used only as long as they are what Setup knows" {
  given bin/run --quiet
  tar -tf volumes/.nuwa/scripts.tar | grep -qx unpack
  echo forged >volumes/.nuwa/scripts.tar
  run -0 bin/secret set MAIL_PASSWORD --yes <<<word
  tar -tf volumes/.nuwa/scripts.tar | grep -qx unpack
  # Nobody asks the image any more.
  rm -r "$FAKE/images/$ONE/render.pyz"
  run -0 bin/secret rm MAIL_PASSWORD --yes
  rm volumes/.nuwa/scripts.tar
  run ! bin/secret rm SECRET_KEY --yes
  [[ -s volumes/secrets/SECRET_KEY ]]
}
