#!/usr/bin/env bats
# bin/run: brings the app up, and changes only what differs.

load helper

starts() {
  grep -cs nuwa-blog-blue "$FAKE/starts" || true
}

@test "run fills volumes, stores secrets, installs unit and check, and starts" {
  run -0 bin/run
  says 'nuwa-blog-blue.service is up'
  [[ $(cat volumes/media/picture) == 'first picture' ]]
  [[ $(stat -c %u:%g volumes/media/picture volumes/data) == $'10001:10001\n10001:0' ]]
  [[ $(cat volumes/secrets/MAIL_PASSWORD) == "$MAIL_PASSWORD" ]]
  [[ $(stat -c %a:%u volumes/secrets volumes/secrets/*) == $'700:10001\n400:10001\n400:10001' ]]
  [[ $(readlink volumes/static/current) == aaaaaaaaaaaa ]]
  [[ -s volumes/static/current/site.css ]]
  grep -q "$DEPLOYMENT/volumes/media:/srv/app/media dir:rw" "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service"
  grep -q 'port 18000' "$NUWA_ROOT/etc/monit/conf.d/nuwa-blog"
  [[ -f $FAKE/active/nuwa-blog-blue.service && -f $FAKE/enabled/nuwa-blog-blue.service ]]
  [[ $(cat volumes/.nuwa/release.blue) == "$ONE" && $(wc -l <volumes/.nuwa/releases.tsv) == 1 ]]
}

@test "run again changes nothing and restarts nothing" {
  given bin/run --quiet
  snapshot >"$TEST/before"
  run -0 bin/run
  says 'is already running'
  snapshot | diff "$TEST/before" -
  [[ $(starts) == 1 ]]
}

@test "the subnet of the app's network is that in podman's own file" {
  given bin/run --quiet
  mkdir -p "$NUWA_ROOT/etc/containers/networks"
  printf '{"subnets": [{"subnet": "fd00::/64", "gateway": "fd00::1"}, {"subnet": "10.77.0.0/24", "gateway": "10.77.0.1"}]}' \
    >"$NUWA_ROOT/etc/containers/networks/nuwa-blog.json"
  run -0 bin/run
  grep -q 'subnet=10\.77\.0\.0/24' "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service"
}

@test "run keeps a secret and a generated one, and replaces one only when told" {
  given bin/run --quiet
  before=$(cat volumes/secrets/SECRET_KEY)
  MAIL_PASSWORD=other run -0 bin/run
  [[ $(cat volumes/secrets/MAIL_PASSWORD) == "$MAIL_PASSWORD" && $(cat volumes/secrets/SECRET_KEY) == "$before" ]]
  MAIL_PASSWORD=other run -0 bin/run --secret MAIL_PASSWORD
  [[ $(cat volumes/secrets/MAIL_PASSWORD) == other && $(starts) == 2 ]]
  run -2 bin/run --secret WRONG
  says 'there is no secret WRONG'
}

@test "run says which secrets are missing, and writes no unit" {
  unset MAIL_PASSWORD
  run -2 bin/run </dev/null
  says 'secrets are missing: MAIL_PASSWORD'
  [[ -z $(ls "$NUWA_ROOT/etc/systemd/system") ]]
}

@test "no secret reaches a log, a host file or the output" {
  run -0 bin/run
  says_not "$MAIL_PASSWORD"
  run ! grep -rqF "$MAIL_PASSWORD" volumes/log "$NUWA_ROOT" "$FAKE"
  run ! grep -rqF "$(cat volumes/secrets/SECRET_KEY)" volumes/log "$NUWA_ROOT" "$FAKE"
}

@test "a dry run shows every file and writes nothing" {
  snapshot >"$TEST/before"
  run -0 bin/run --dry-run
  says '+ExecStart=/usr/bin/podman run'
  says '/etc/monit/conf.d/nuwa-blog'
  says 'would fill volumes/media'
  says 'would run: systemctl restart nuwa-blog-blue.service'
  snapshot | diff "$TEST/before" -
  [[ ! -e volumes ]]
}

@test "a dry run after a change shows a diff of just that" {
  given bin/run --quiet
  sed -i 's/NUWA_HOST=blog.example.com/NUWA_HOST=other/' "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service"
  snapshot >"$TEST/before"
  run -0 bin/run --dry-run
  says '+  --env=NUWA_HOST=blog.example.com'
  says 'would run: systemctl daemon-reload; systemctl restart'
  says_not 'monit'
  snapshot | diff "$TEST/before" -
  given bin/run --quiet
  echo '# more' >>"$NUWA_ROOT/etc/monit/conf.d/nuwa-blog"
  run -0 bin/run --dry-run
  says 'would write /etc/monit/conf.d/nuwa-blog'
  says_not 'would run: systemctl'
}

@test "run keeps a unit that was edited by hand, and says so" {
  given bin/run --quiet
  echo '# mine' >>"$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service"
  run -0 bin/run
  says 'was changed by hand'
  grep -q '# mine' volumes/.nuwa/edited/nuwa-blog-blue.service.*
  run ! grep -q '# mine' "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service"
}

@test "run never touches data that is there" {
  mkdir -p volumes/media
  echo mine >volumes/media/mine
  chown 10001:10001 volumes/media
  run -0 bin/run
  [[ $(ls volumes/media) == mine ]]
}

@test "what a later image changed of a volume's first content is told, and the volume stays as it is" {
  given bin/run --quiet
  echo 'my picture' >volumes/media/picture
  make_image "$TWO" 2.0
  echo 'second picture' >"$FAKE/images/$TWO/root/srv/app/media dir/picture"
  echo 'another' >"$FAKE/images/$TWO/root/srv/app/media dir/other"
  make_deployment "$TWO"
  run -0 bin/run --dry-run
  says "the image's picture for volumes/media has changed since; yours is kept"
  says '-my picture'
  says '+second picture'
  says 'the image has other for volumes/media, which lacks it: it was not added'
  run -0 bin/run
  says "the image's picture for volumes/media has changed since; yours is kept"
  [[ $(<volumes/media/picture) == 'my picture' && ! -e volumes/media/other ]]
  run -0 bin/run
  says_not 'changed since'
}

@test "a volume that somebody emptied stays empty" {
  given bin/run --quiet
  rm volumes/media/picture
  run -0 bin/run
  says_not filled
  [[ -z $(ls volumes/media) ]]
}

@test "run warns of data that the app cannot own, with the remedy" {
  mkdir -p volumes/media
  echo mine >volumes/media/mine
  run -0 bin/run
  says 'chown -hR 10001:10001'
}

@test "a start that fails shows the log and leaves nothing on the host but volumes" {
  touch "$FAKE/images/$ONE/broken"
  run -1 bin/run
  says 'ModuleNotFoundError: the last line of the app'
  says 'the app does not come up'
  [[ -z $(find "$NUWA_ROOT/etc" -name '*nuwa*') ]]
  [[ -z $(find "$FAKE/active" "$FAKE/enabled" -name '*nuwa*') ]]
  [[ -s volumes/media/picture && ! -e volumes/.nuwa/change.run ]]
  rm "$FAKE/images/$ONE/broken"
  run -0 bin/run
}

@test "a new release that fails brings the previous one back" {
  given bin/run --quiet
  make_image "$TWO" 2.0
  touch "$FAKE/images/$TWO/broken"
  make_deployment "$TWO"
  run -1 bin/run
  says 'The previous release (aaaaaaaaaaaa) serves; bbbbbbbbbbbb was not kept.'
  grep -q "$ONE" "$FAKE/active/nuwa-blog-blue.service"
  grep -q "$ONE" "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service"
  [[ $(readlink volumes/static/current) == aaaaaaaaaaaa && $(cat volumes/.nuwa/release.blue) == "$ONE" ]]
}

@test "a new release is taken up, with its static files next to those of the previous one" {
  given bin/run --quiet
  make_image "$TWO" 2.0
  make_deployment "$TWO"
  run -0 bin/run
  grep -q "$TWO" "$FAKE/active/nuwa-blog-green.service"
  [[ ! -e $FAKE/active/nuwa-blog-blue.service && $(cat volumes/.nuwa/slot) == green ]]
  [[ $(readlink volumes/static/current) == bbbbbbbbbbbb && $(readlink volumes/static/former) == aaaaaaaaaaaa ]]
  [[ $(cut -f 2 volumes/.nuwa/releases.tsv) == "$ONE"$'\n'"$TWO" ]]
}

@test "a port that another unit has is left to it, and a port once picked is kept" {
  echo 'podman run --publish=127.0.0.1:18000:8000' >"$NUWA_ROOT/etc/systemd/system/nuwa-other-blue.service"
  given bin/run --quiet
  [[ $(cat volumes/.nuwa/port.blue) == 18001 ]]
  rm "$NUWA_ROOT/etc/systemd/system/nuwa-other-blue.service"
  bin/run
  [[ $(cat volumes/.nuwa/port.blue) == 18001 ]]
}

@test "a renderer that fails is quoted, and nothing is written" {
  printf 'import sys; sys.exit("render: fact port is missing")' >"$FAKE/images/$ONE/render.pyz"
  run -1 bin/run
  says 'fact port is missing'
  [[ -z $(ls "$NUWA_ROOT/etc/systemd/system") ]]
}

@test "files of the host outside the app's own are refused" {
  mv "$FAKE/images/$ONE/render.pyz" "$FAKE/images/$ONE/whole.pyz"
  # Only the plan is hostile: the scripts that the image hands out are still checked against Setup's sums.
  cat >"$FAKE/images/$ONE/render.pyz" <<'END'
import io, os, sys, tarfile
if sys.argv[1] != "plans":
    os.execv(sys.executable, [sys.executable, "-I", "-S", sys.argv[0].replace("render.pyz", "whole.pyz"), *sys.argv[1:]])
def pack(name, content):
    made = io.BytesIO()
    archive = tarfile.open(fileobj=made, mode="w")
    entry = tarfile.TarInfo(name); entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content)); archive.close()
    return made.getvalue()
plan = pack("PLAN", b"cron\t0644\t/etc/cron.d/../passwd\n")
sys.stdout.buffer.write(pack("run", plan))
END
  run -1 bin/run
  says 'refused'
}

@test "monit that refuses its files stops the run before anything is started" {
  echo BROKEN >"$NUWA_ROOT/etc/monit/conf.d/other"
  run -1 bin/run
  says 'monit rejects its configuration'
  [[ $(find "$NUWA_ROOT/etc" -name '*nuwa*') == '' && $(starts) -eq 0 ]]
}

@test "monit that refuses its files leaves the unit as it was, for systemd as well" {
  local file unit=$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service
  given bin/run --quiet
  for file in "$unit" "$NUWA_ROOT/etc/monit/conf.d/nuwa-blog"; do
    echo '# mine' >>"$file"
  done
  systemctl daemon-reload
  echo BROKEN >"$NUWA_ROOT/etc/monit/conf.d/other"
  run -1 bin/run
  says 'Nothing was changed'
  grep -q '# mine' "$unit"
  cmp "$unit" "$FAKE/loaded/nuwa-blog-blue.service"
}

@test "what the scripts did is in a log that root alone reads, outside of what the container sees" {
  mkdir -p volumes/log
  mkfifo volumes/log/nuwa.log
  bin/run
  grep -q 'nuwa-blog-blue.service is up' volumes/.nuwa/nuwa.log
  [[ $(stat -c '%a %u' volumes/.nuwa/nuwa.log) == '600 0' ]]
  grep -q -- '--volume=.*/volumes/log:/var/log:' "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service"
}

@test "the log of the scripts is put aside before it grows without end" {
  given bin/run --quiet
  truncate -s 5000001 volumes/.nuwa/nuwa.log
  bin/run
  [[ $(stat -c %s volumes/.nuwa/nuwa.log) -lt 100000 && $(stat -c %s volumes/.nuwa/nuwa.log.1) -ge 5000001 ]]
}

@test "the release hook runs once for each release, with volumes and secrets, before the start" {
  run -0 bin/run
  says "python manage.py migrate"
  grep -qxF -- "--volume=$DEPLOYMENT/volumes/data:/data:rw,nosuid,nodev" "$FAKE/hook"
  grep -qxF -- '--entrypoint=/usr/lib/nuwa/app-env' "$FAKE/hook"
  [[ $(tail -n 2 "$FAKE/hook") == "$ONE"$'\n/usr/lib/nuwa/command/release' ]]
  bin/run
  [[ $(cat "$FAKE/hooks") == 1 ]]
}

@test "a release hook that fails shows its output and leaves the previous release serving" {
  given bin/run --quiet
  make_image "$TWO" 2.0
  make_deployment "$TWO"
  touch "$FAKE/hook-fails"
  run -1 bin/run
  says 'OperationalError: no such table'
  grep -q "$ONE" "$FAKE/active/nuwa-blog-blue.service"
  grep -q "$ONE" "$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service"
  rm "$FAKE/hook-fails"
  run -0 bin/deploy "$TWO"
  grep -q "$TWO" "$FAKE/active/nuwa-blog-green.service"
}

@test "static files of the last releases stay, older ones and failed ones go" {
  given bin/run --quiet
  mkdir volumes/static/000000000000
  make_image "$TWO" 2.0
  make_deployment "$TWO"
  run -0 bin/run
  [[ $(cd volumes/static && echo *) == 'aaaaaaaaaaaa bbbbbbbbbbbb current former' ]]
}

@test "a second deployment of the same app on one host is refused, and the first one named" {
  given bin/run --quiet
  snapshot >"$TEST/before"
  mkdir "$TEST/second"
  cd "$TEST/second"
  BID=$ONE bash "$(payload)/Setup"
  run -1 bin/run
  says "blog is already deployed on this host, in $DEPLOYMENT"
  snapshot | diff "$TEST/before" -
}

# In front of PATH a program of this name and text, for one call.
instead_of() {
  mkdir -p "$TEST/instead"
  printf '#!/usr/bin/env bash\n%s\n' "$2" >"$TEST/instead/$1"
  chmod +x "$TEST/instead/$1"
}

@test "a full disk stops the run with a message on how to resume, and the next run finishes" {
  instead_of install 'echo "install: No space left on device" >&2; exit 1'
  PATH=$TEST/instead:$PATH run -1 bin/run
  says 'No space left on device'
  says 'could not be written'
  run -0 bin/run
  [[ ! -e volumes/.nuwa/change.run ]]
}

@test "an interruption says how to go on, and the next run finishes" {
  # shellcheck disable=SC2016  # the program itself looks at these
  instead_of install 'kill -INT "$NUWA_LOCK_OWNER"; exec /usr/bin/install "$@"'
  PATH=$TEST/instead:$PATH run -130 bin/run
  says 'interrupted. bin/run again continues from here'
  run -0 bin/run
  [[ $(starts) == 1 && ! -e volumes/.nuwa/change.run ]]
}

@test "the app has a network of its own, which kill removes, and a dry run does not make" {
  run -0 bin/run --dry-run
  says 'would make the network nuwa-blog'
  [[ ! -e $FAKE/networks/nuwa-blog ]]
  bin/run --quiet
  grep -qx -- '--opt=isolate=true' "$FAKE/networks/nuwa-blog"
  unit=$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service
  grep -q -- '--network=nuwa-blog' "$unit"
  grep -q -- '^ExecStartPre=.*network create .*--subnet=10.89.0.0/24 nuwa-blog' "$unit"
  grep -qxF -- '--network=nuwa-blog' "$FAKE/hook"
  bin/uninstall --yes --quiet
  bin/kill --yes --quiet
  [[ ! -e $FAKE/networks/nuwa-blog ]]
}

@test "a podman that cannot keep networks apart is said so, and the app runs" {
  touch "$FAKE/no-isolation"
  run -0 bin/run
  says 'cannot isolate networks'
  [[ -e $FAKE/networks/nuwa-blog ]]
}

@test "a file of the host that was emptied is written again" {
  given bin/run --quiet
  unit=$NUWA_ROOT/etc/systemd/system/nuwa-blog-blue.service
  cp "$unit" "$TEST/unit"
  : >"$unit"
  run -0 bin/run
  says 'was changed by hand'
  cmp "$TEST/unit" "$unit"
}

@test "what was rendered before in a script is rendered again, whatever came between" {
  cat >bin/again <<'END'
set -euo pipefail
source bin/lib/common
source "$LIB/host"
source "$LIB/undo"
clean_up_at_exit
detect_host
use_parts stage
for port in 18001 18002 18001; do
  stage run "$(setup_image)" blue "$port" null
  grep -rhoE -- '--publish=[0-9.]+:1[0-9]+' "$TEMPORARY/run/tree/etc/systemd"
done
END
  run -0 bash bin/again
  [[ $output == $'--publish=127.0.0.1:18001\n--publish=127.0.0.1:18002\n--publish=127.0.0.1:18001' ]] || fail "$output"
}
