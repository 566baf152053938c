#!/usr/bin/env bats
# bin/migrate to another host: a copy that is tried there, the switch, and the rollback.

load helper

# Made once, and put back for each test.
setup_file() {
  # One pair of hosts for all tests of this file.
  export BATS_NO_PARALLELIZE_WITHIN_FILE=true
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word
  make_host
  make_deployment
  make_other_host
  given bin/run --quiet
  given bin/install --quiet
  mkdir "$TEST/saved"
  cp -a "$TEST"/{root,root2,fake,fake2,"my sité"} "$TEST/saved/"
  # Each test begins by removing the folder.
  cd "$REPO" || return
}

setup() {
  unset KILL_AT
  cd "$TEST" || return
  rm -rf root root2 fake fake2 there "$DEPLOYMENT"
  cp -a saved/* .
  cd "$DEPLOYMENT" || return
}

teardown() {
  cd "$REPO" || return
}

serves() {
  [[ -f $TEST/$1/active/nuwa-blog-blue.service ]]
}

moved() {
  bin/migrate --quiet "root@there:$THERE"
  bin/migrate --quiet --yes --cutover "root@there:$THERE"
}

@test "a copy is tried on the other host and stopped again, while this one serves" {
  run -0 bin/migrate "root@there:$THERE"
  says 'sending the image aaaaaaaaaaaa'
  says 'the checksums of all files are the same on both sides'
  says 'is stopped there again; this host keeps serving'
  says "bin/migrate --cutover root@there:$THERE"
  serves fake
  run ! serves fake2
  grep -q nuwa-blog-blue.service "$TEST/fake2/starts"
  diff -r volumes/media "$THERE/volumes/media"
  cmp volumes/secrets/SECRET_KEY "$THERE/volumes/secrets/SECRET_KEY"
  cmp volumes/.nuwa/tls/*/privkey.pem "$THERE"/volumes/.nuwa/tls/*/privkey.pem
  [[ $(state_there port.blue) && ! -e $THERE/volumes/.nuwa/incoming ]]
}

state_there() {
  cat "$THERE/volumes/.nuwa/$1"
}

@test "what follows in a script that is read from standard input is left to it" {
  run -0 bash <<<"bin/migrate --quiet 'root@there:$THERE'"$'\necho goes on'
  says 'goes on'
}

@test "the image is sent once" {
  given bin/migrate --quiet "root@there:$THERE"
  run -0 bin/migrate "root@there:$THERE"
  says_not 'sending the image'
}

@test "the cutover stops here, sends what changed and serves there" {
  given bin/migrate --quiet "root@there:$THERE"
  echo later >volumes/media/later
  run -0 bin/migrate --yes --cutover "root@there:$THERE"
  [[ $output =~ it\ was\ down\ for\ [0-9]+\.[0-9]{3}\ s ]]
  serves fake2
  run ! serves fake
  [[ ! -e $FAKE/enabled/nuwa-blog-blue.service && $(<"$THERE/volumes/media/later") == later ]]
  [[ -e $TEST/root2/etc/nginx/conf.d/nuwa-blog.conf && ! -e $THERE/volumes/.nuwa/migration.incoming ]]
}

@test "after a cutover nothing starts the app here but a rollback" {
  given moved
  run -1 bin/run
  says "has moved to root@there:$THERE"
  run -0 bin/lib/check
  run -1 bin/migrate "root@there:$THERE"
  says 'this deployment was moved'
  run ! serves fake
}

@test "a cutover that lacks only its last step is finished by the same command" {
  given moved
  touch "$THERE/volumes/.nuwa/migration.incoming"
  run -0 bin/migrate --dry-run --yes --cutover "root@there:$THERE"
  [[ -e $THERE/volumes/.nuwa/migration.incoming ]]
  run -0 bin/migrate --yes --cutover "root@there:$THERE"
  says 'already serves on root@there'
  [[ ! -e $THERE/volumes/.nuwa/migration.incoming ]]
  # As an earlier release calls it.
  touch "$THERE/volumes/.nuwa/arriving"
  bin/migrate --yes --cutover "root@there:$THERE"
  [[ ! -e $THERE/volumes/.nuwa/arriving ]]
  serves fake2
  run ! serves fake
}

@test "a rollback serves here as before, and says what stays there" {
  given moved
  run -2 bin/migrate --rollback "root@there:$THERE" </dev/null
  says 'does NOT come back'
  run -0 bin/migrate --yes --rollback "root@there:$THERE"
  serves fake
  run ! serves fake2
  [[ -e $FAKE/enabled/nuwa-blog-blue.service && -e $NUWA_ROOT/etc/monit/conf.d/nuwa-blog ]]
  run -0 bin/run
}

@test "a rollback works when the other host is gone" {
  given moved
  echo 'ssh: connect to host there port 22: No route to host' >"$FAKE/ssh-fails"
  run -0 bin/migrate --yes --rollback "root@there:$THERE"
  says 'two hosts serve'
  serves fake
}

@test "a cutover that fails there leaves this host serving" {
  given bin/migrate --quiet "root@there:$THERE"
  touch "$TEST/fake2/images/$ONE/broken"
  run -1 bin/migrate --yes --cutover "root@there:$THERE"
  says 'serves here again'
  serves fake
  run ! serves fake2
  rm "$TEST/fake2/images/$ONE/broken"
  run -0 bin/migrate --yes --cutover "root@there:$THERE"
  serves fake2
}

@test "a cutover before a copy is refused" {
  run -1 bin/migrate --yes --cutover "root@there:$THERE"
  says 'nothing was copied'
  serves fake
}

@test "a folder there with something in it is left alone" {
  mkdir -p "$THERE"
  echo mine >"$THERE/mine"
  run -1 bin/migrate "root@there:$THERE"
  says 'is not empty'
  [[ $(ls -A "$THERE") == mine ]]
}

@test "a deployment there that serves is never filled again" {
  given moved
  bin/migrate --quiet --yes --rollback "root@there:$THERE"
  run -1 bin/migrate "root@there:$THERE"
  says 'is not empty'
}

@test "another deployment of the app there is left alone" {
  touch "$TEST/root2/etc/systemd/system/nuwa-blog-green.service"
  run -1 bin/migrate "root@there:$THERE"
  says 'is already deployed on root@there'
  [[ ! -e $THERE ]]
}

@test "what that host lacks is said by its own check" {
  sed -i s/debian/plan9/ "$TEST/root2/etc/os-release"
  run -1 bin/migrate "root@there:$THERE"
  says 'root@there: '
  says 'plan9 12 is not supported as a host'
  says 'Nothing was changed here'
}

@test "no login, an unknown key and an unreachable host are told apart" {
  echo 'root@there: Permission denied (publickey).' >"$FAKE/ssh-fails"
  run -1 bin/migrate "root@there:$THERE"
  says 'ssh-copy-id'
  echo 'Host key verification failed.' >"$FAKE/ssh-fails"
  run -1 bin/migrate "root@there:$THERE"
  says 'is unknown, or has changed'
  echo 'ssh: connect to host there port 22: Connection refused' >"$FAKE/ssh-fails"
  run -1 bin/migrate "root@there:$THERE"
  says 'cannot be reached by ssh'
}

@test "over a slow link all of it is compressed, and is the same" {
  touch "$FAKE/slow"
  run -0 bin/migrate "root@there:$THERE"
  says 'the connection is slow: data is compressed'
  diff -r volumes/media "$THERE/volumes/media"
}

@test "what the stream did not bring is sent after it" {
  echo 'tar -xp --' >"$FAKE/cut-at"
  run -1 bin/migrate "root@there:$THERE"
  says 'was lost. Run the same command again: it resumes.'
  rm "$FAKE/cut-at"
  mkdir -p "$THERE/volumes/media"
  run -0 bin/migrate "root@there:$THERE"
  diff -r volumes/media "$THERE/volumes/media"
}

@test "a full disk there is said, and the same command goes on later" {
  echo 11 >"$FAKE/rsync-fails"
  run -1 bin/migrate "root@there:$THERE"
  says 'is full'
  serves fake
  rm "$FAKE/rsync-fails"
  run -0 bin/migrate "root@there:$THERE"
}

@test "a connection that is cut says so, and the same command goes on" {
  echo 'bin/migrate --load' >"$FAKE/cut-at"
  run -1 bin/migrate "root@there:$THERE"
  says 'was lost. Run the same command again: it resumes. Nothing was changed here'
  rm "$FAKE/cut-at"
  run -0 bin/migrate "root@there:$THERE"
}

@test "targets that are none, and options that do not go together, are refused" {
  run -2 bin/migrate 'root@there:relative'
  says 'must be an absolute path'
  run -2 bin/migrate -- '-oProxyCommand=x'
  says 'is not USER@HOST'
  run -2 bin/migrate --cutover
  says 'which host?'
  run -2 bin/migrate --cutover --rollback root@there
  says 'not both'
  run -2 bin/migrate --zstd root@there
  says 'are for a file'
  run -2 bin/migrate one two
}

@test "a dry run touches neither side" {
  snapshot >"$TEST/before"
  run -0 bin/migrate --dry-run "root@there:$THERE"
  says 'would copy the image aaaaaaaaaaaa'
  [[ ! -e $THERE ]]
  snapshot | diff "$TEST/before" -
}

# That the same command resumes is for interrupt.bats.
@test "a cutover that is killed on its way can be taken back" {
  given bin/migrate --quiet "root@there:$THERE"
  mkdir "$TEST/copied"
  cp -a "$TEST"/{root,root2,fake,fake2,there} "$DEPLOYMENT" "$TEST/copied/"
  # before the last changes are sent, and before the start there
  for step in 27 28; do
    cd "$TEST" || return
    rm -rf root root2 fake fake2 there "$DEPLOYMENT"
    cp -a copied/* .
    cd "$DEPLOYMENT" || return
    rm -f "$FAKE/steps"
    KILL_AT=$step run -137 bin/migrate --quiet --yes --cutover "root@there:$THERE"
    flock volumes/.nuwa/lock true
    run -1 bin/run
    says 'was interrupted'
    run -0 bin/migrate --yes --rollback "root@there:$THERE"
    serves fake
    run ! serves fake2
  done
}
