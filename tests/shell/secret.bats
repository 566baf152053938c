#!/usr/bin/env bats
# bin/secret: values come in by standard input alone, and come out nowhere.

load helper

export FAKE_APP=blog NUWA_DATABASE_WAIT=0

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word
  unset KILL_AT NO_COLOR
  make_host
  make_deployment
  given bin/run --quiet
  : >"$FAKE/starts"
}

@test "set stores a new value for the app alone and restarts it" {
  run -0 bin/secret set MAIL_PASSWORD <<<'sp ecial$x'
  says 'runs with the new MAIL_PASSWORD'
  says_not ecial
  [[ $(<volumes/secrets/MAIL_PASSWORD) == 'sp ecial$x' && $(stat -c '%s %a %u' volumes/secrets/MAIL_PASSWORD) == '10 400 10001' ]]
  [[ $(cat "$FAKE/starts") == nuwa-blog-blue.service ]]
  ! grep -q ecial volumes/.nuwa/nuwa.log
}

@test "a value of several lines stays as it is, but for the last line break" {
  printf 'a\n\nb\n\n' | bin/secret set MAIL_PASSWORD
  [[ $(od -An -c volumes/secrets/MAIL_PASSWORD | tr -d ' \n') == 'a\n\nb\n' ]]
}

@test "what no environment variable can hold is refused, and the former value stays" {
  printf 'a\0b' >"$TEST/nul"
  run -1 bin/secret set MAIL_PASSWORD <"$TEST/nul"
  says 'contains a NUL'
  head -c 1000000 /dev/zero | tr '\0' x >"$TEST/long"
  run -1 bin/secret set MAIL_PASSWORD <"$TEST/long"
  says 'longer than 128000 bytes'
  run -1 bin/secret set MAIL_PASSWORD </dev/null
  says 'is empty'
  [[ $(<volumes/secrets/MAIL_PASSWORD) == word && -z $(find volumes/secrets -name '.*.new') ]]
}

@test "names that lead elsewhere, or are nuwa's, are refused" {
  for name in ../x a/b '' .x 'x y' 1x; do
    run -2 bin/secret set "$name" <<<value
    says 'is not a valid name for a secret'
  done
  for name in PATH NUWA_HOST LD_PRELOAD; do
    run -2 bin/secret set "$name" <<<value
    says "$name is set by nuwa itself"
  done
}

@test "a name that nuwa.toml does not know is stored only when somebody says so" {
  run -2 bin/secret set EXTRA <<<value
  says 'nuwa.toml does not name EXTRA'
  [[ ! -e volumes/secrets/EXTRA ]]
  run -0 bin/secret set --yes EXTRA <<<value
  [[ $(<volumes/secrets/EXTRA) == value ]]
}

@test "a value with which the app does not come up gives way to the previous one" {
  touch "$FAKE/images/$ONE/broken"
  run -1 bin/secret set MAIL_PASSWORD <<<new
  says 'comes up neither with the new MAIL_PASSWORD nor with the previous state'
  [[ $(<volumes/secrets/MAIL_PASSWORD) == word && ! -e volumes/.nuwa/private/former ]]
}

@test "list names each secret, where it comes from and its age, and no value" {
  run -0 bin/secret --help
  bin/secret set --yes --quiet EXTRA <<<hidden
  rm volumes/secrets/SECRET_KEY
  run -0 bin/secret list
  [[ $output =~ EXTRA\ {20}[0-9]\ minutes\ {4}not\ in\ nuwa\.toml.MAIL_PASSWORD\ {12}[0-9]\ minutes\ {4}supplied ]] || fail "$output"
  says "SECRET_KEY               missing      generated"
  says_not hidden
  says_not word
}

@test "rm says what follows, and asks" {
  run -2 bin/secret rm MAIL_PASSWORD </dev/null
  says 'nuwa.toml needs it: until the next bin/run, which asks for it, a restart of the app may fail'
  [[ -e volumes/secrets/MAIL_PASSWORD ]]
  run -0 bin/secret rm --yes MAIL_PASSWORD
  : >"$FAKE/starts"
  bash -c "${output##*until it is restarted: }"
  [[ $(<"$FAKE/starts") == nuwa-blog-blue.service ]]
  [[ ! -e volumes/secrets/MAIL_PASSWORD ]]
  run -1 bin/secret rm --yes MAIL_PASSWORD
  says 'there is no secret MAIL_PASSWORD'
}

@test "generate creates a value; a dry run stores none" {
  before=$(<volumes/secrets/SECRET_KEY)
  run -0 bin/secret generate SECRET_KEY --dry-run
  [[ $(<volumes/secrets/SECRET_KEY) == "$before" ]]
  run -0 bin/secret generate SECRET_KEY
  [[ $(<volumes/secrets/SECRET_KEY) =~ ^[0-9a-f]{64}$ && $(<volumes/secrets/SECRET_KEY) != "$before" ]]
}

@test "the passphrase of the archives is kept from the app" {
  sed -i 's/^readonly NUWA_PASSPHRASE=.*/readonly NUWA_PASSPHRASE=BORG_PASSPHRASE/' bin/lib/app
  run -0 bin/run
  says 'generated the backup passphrase BORG_PASSPHRASE'
  [[ $(stat -c '%a %u' volumes/.nuwa/private/BORG_PASSPHRASE) == '600 0' && ! -e volumes/secrets/BORG_PASSPHRASE ]]
  run -0 bin/run
  says_not BORG_PASSPHRASE
  run -2 bin/secret set BORG_PASSPHRASE <<<mine
  says 'opens the existing archives'
  : >"$FAKE/starts"
  run -0 bin/secret set --yes BORG_PASSPHRASE <<<mine
  [[ $(<volumes/.nuwa/private/BORG_PASSPHRASE) == mine && ! -s $FAKE/starts ]]
}

@test "the password of the host's database is changed on both sides" {
  mkdir -p "$FAKE/postgresql"/{roles,databases}
  touch "$FAKE/postgresql/up"
  sed -i 's/^readonly NUWA_DATABASE=.*/readonly NUWA_DATABASE=postgresql/
    s/^readonly NUWA_DATABASE_WHERE=.*/readonly NUWA_DATABASE_WHERE=host/' bin/lib/app
  run_with_database
  before=$(<"$FAKE/postgresql/roles/blog")
  run -2 bin/secret set DATABASE_URL <<<x
  says 'bin/secret generate DATABASE_URL changes its password'
  run -0 bin/secret generate DATABASE_URL
  after=$(<"$FAKE/postgresql/roles/blog")
  [[ $after != "$before" && $(<volumes/secrets/DATABASE_URL) == "postgresql://blog:$after@10.89.0.1:17000/blog" ]]
  says_not "$after"
  run -0 bin/run
  says_not 'stored the secret'
}

# The renderer of the image knows no database: the units are not what is tested here.
run_with_database() {
  sed -i 's/^ *use_parts prepare$/&\n  use_parts dump provision\n  open_database_proxy() { return 0; }/' bin/run
  bin/run --quiet
}

@test "import stores what nuwa.toml names, restarts once, and tells what it left out and what is missing" {
  rm -f "$FAKE/starts"
  run -0 bin/secret import <<<'{"MAIL_PASSWORD": "a\nb \u00e9", "SECRET_KEY": "k", "OTHER": "hidden"}'
  says "skipped, since nuwa.toml does not name them: 'OTHER'"
  says 'runs with the new secrets'
  says_not hidden
  [[ $(<volumes/secrets/MAIL_PASSWORD) == $'a\nb é' && $(<volumes/secrets/SECRET_KEY) == k && ! -e volumes/secrets/OTHER ]]
  [[ $(grep -c nuwa-blog "$FAKE/starts") == 1 && $(stat -c %a:%u volumes/secrets/MAIL_PASSWORD) == 400:10001 ]]
  run ! grep -q 'hidden\|é' volumes/.nuwa/nuwa.log
  run -0 bin/secret import <<<'{"MAIL_PASSWORD": "a\nb \u00e9"}'
  [[ $(grep -c nuwa-blog "$FAKE/starts") == 1 && ! -e volumes/.nuwa/private/import ]]
  rm volumes/secrets/MAIL_PASSWORD
  run -0 bin/secret import --dry-run <<<'{"SECRET_KEY": "new"}'
  says 'still missing: MAIL_PASSWORD'
  says 'would store: SECRET_KEY'
  [[ $(<volumes/secrets/SECRET_KEY) == k ]]
}

@test "import takes no name for that of another secret, and leaves the users of the site to bin/secret set" {
  given bin/run --quiet
  run -0 bin/secret import <<<'{"": "a", "MAIL_PASSWORD SECRET_KEY": "b", "A\nMAIL_PASSWORD": "c", "SECRET_KEY MAIL_PASSWORD": "d"}'
  says 'skipped, since nuwa.toml does not name them'
  [[ $(<volumes/secrets/MAIL_PASSWORD) == word && $(ls volumes/secrets) == $'MAIL_PASSWORD\nSECRET_KEY' ]]
  sed -i 's/^readonly NUWA_SITE_USERS=.*/readonly NUWA_SITE_USERS=(ADMINS)/' bin/lib/app
  run -0 bin/secret import <<<'{"ADMINS": "ann:word"}'
  says 'skipped, since it holds users of the site: ADMINS. bin/secret set ADMINS stores those.'
}

@test "import of what is not a JSON object of strings changes nothing" {
  snapshot >"$TEST/before"
  for text in '' '[]' '{"MAIL_PASSWORD": 1}' '{"MAIL_PASSWORD": ""}' '{"SECRET_KEY": "k", "MAIL_PASSWORD": "a\u0000b"}' 'MAIL_PASSWORD=x'; do
    run -2 bin/secret import <<<"$text"
    says 'not a JSON object'
  done
  snapshot | diff "$TEST/before" -
}

@test "imported secrets with which the app does not come up give way to the previous ones" {
  cp volumes/secrets/MAIL_PASSWORD "$TEST/mail"
  touch "$FAKE/images/$ONE/broken"
  run -1 bin/secret import <<<'{"MAIL_PASSWORD": "new", "SECRET_KEY": "new"}'
  says 'neither with the new secrets nor with the previous state'
  cmp "$TEST/mail" volumes/secrets/MAIL_PASSWORD
  [[ $(<volumes/secrets/SECRET_KEY) != new && ! -e volumes/.nuwa/private/import ]]
}
