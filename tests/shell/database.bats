#!/usr/bin/env bats
# [database]: what bin/run makes in the host's server, what it hands to the app, and what it refuses.

load helper

export MANIFEST=$REPO/tests/shell/manifest-database.json FAKE_APP=blog NUWA_DATABASE_WAIT=0

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word BORG_PASSPHRASE=phrase
  unset KILL_AT NO_COLOR
  make_host
  mkdir -p "$FAKE/postgresql"/{roles,databases} "$FAKE/mariadb"
  touch "$FAKE/postgresql/up" "$FAKE/mariadb/up"
  ln -s /usr/bin/true "$TEST/borg"
  make_deployment
  PG=$FAKE/postgresql
  MY=$FAKE/mariadb
}

url() {
  cat volumes/secrets/DATABASE_URL
}

# The rest of the test is about another engine, or another place.
configure() {
  sed -i "s/^readonly $1=.*/readonly $1=$2/" bin/lib/app
}

# A script of the deployment that calls functions of its libraries.
library() {
  cat >bin/library <<'END'
#!/usr/bin/env bash
set -euo pipefail
for part in common host undo ports secrets database; do source "${BASH_SOURCE[0]%/*}/lib/$part"; done
main() {
  parse_options "$@"
  begin
  use_parts sqlite dump provision
  "${ARGUMENTS[@]}"
}
main "$@"
END
  chmod +x bin/library
  bin/library "$@"
}

@test "run makes role and database, and stores the address where only the app reads it" {
  run -0 bin/run
  says 'created the role blog in postgresql'
  [[ $(<"$PG/databases/blog/owner") == blog ]]
  [[ $(url) == "postgresql://blog:$(<"$PG/roles/blog")@10.89.0.1:17000/blog" ]]
  [[ $(stat -c '%a %u' volumes/secrets/DATABASE_URL) == '400 10001' ]]
  [[ -e $FAKE/active/nuwa-blog-database-proxy.socket && -e $FAKE/enabled/nuwa-blog-database-proxy.socket ]]
  grep -q 'ListenStream=10.89.0.1:17000' "$NUWA_ROOT/etc/systemd/system/nuwa-blog-database-proxy.socket"
  says_not "$(<"$PG/roles/blog")"
}

@test "run again changes nothing" {
  given bin/run --quiet
  before=$(url)
  : >"$FAKE/starts"
  run -0 bin/run
  says_not database
  [[ $(url) == "$before" && ! -s $FAKE/starts ]]
}

@test "SELinux lets the socket and the proxy of the way at their ports, before the socket starts" {
  make_rocky 10
  given bin/run --quiet
  [[ $(cat "$FAKE"/booleans/systemd_socket_proxyd_{bind,connect}_any) == $'on\non' ]]
  echo off >"$FAKE/booleans/systemd_socket_proxyd_connect_any"
  run -0 bin/run --dry-run
  says 'would run: setsebool -P systemd_socket_proxyd_connect_any 1'
  says_not bind_any
}

@test "where SELinux does not confine the proxy, no boolean is asked for" {
  make_rocky 8
  run -0 bin/run
  says_not setsebool
}

@test "where systemd may not be able to close the way to others, a rule of the firewall does" {
  [[ ! -e $NUWA_ROOT/sys/fs/cgroup/cgroup.controllers ]]
  bin/run --quiet
  socket=$NUWA_ROOT/etc/systemd/system/nuwa-blog-database-proxy.socket
  grep -q '^ExecStartPre=/usr/sbin/iptables .*--insert INPUT "!" --source 10.89.0.0/24 .*--dport 17000 --jump DROP$' "$socket"
  mkdir -p "$NUWA_ROOT/sys/fs/cgroup"
  touch "$NUWA_ROOT/sys/fs/cgroup/cgroup.controllers"
  bin/run --quiet
  grep -qx 'IPAddressDeny=any' "$socket"
  run -1 grep iptables "$socket"
}

@test "Rocky Linux is told how PostgreSQL starts for the first time" {
  make_rocky 9
  ln -s /usr/bin/true "$TEST/postgresql-setup"
  rm "$PG/up"
  PATH=$TEST:$PATH run -4 bin/run
  says 'Start it: postgresql-setup --initdb && systemctl enable --now postgresql'
  mkdir -p "$NUWA_ROOT/var/lib/pgsql/data"
  touch "$NUWA_ROOT/var/lib/pgsql/data/PG_VERSION"
  PATH=$TEST:$PATH run -4 bin/run
  says 'Start it: systemctl enable --now postgresql'
}

@test "a dry run makes nothing and says what it would" {
  run -0 bin/run --dry-run
  says 'would create the role blog and the database blog'
  says 'would write /etc/systemd/system/nuwa-blog-database-proxy.socket'
  [[ ! -e volumes && -z $(find "$PG" -mindepth 2) ]]
}

@test "MariaDB is served in the same way" {
  configure NUWA_DATABASE mariadb
  run -0 bin/run
  [[ -d $MY/databases/blog && -e $MY/rights/blog ]]
  [[ $(url) == "mysql://blog:$(<"$MY/users/blog")@10.89.0.1:17000/blog" ]]
  grep -q 127.0.0.1:3306 "$NUWA_ROOT/etc/systemd/system/nuwa-blog-database-proxy.service"
  run -0 bin/run
  says_not 'stored the secret DATABASE_URL'
}

@test "SQLite has its address in a volume" {
  configure NUWA_DATABASE sqlite
  configure NUWA_SQLITE "\/data\/blog.sqlite3"
  run -0 bin/run
  [[ $(url) == sqlite:////data/blog.sqlite3 ]]
  [[ ! -e $NUWA_ROOT/etc/systemd/system/nuwa-blog-database-proxy.socket ]]
}

@test "a server that is down ends the run with the command that starts it" {
  rm "$PG/up"
  run -4 bin/run
  says 'the database server does not answer (postgresql is inactive). Start it: systemctl enable --now postgresql'
  bash -c "${output##*Start it: }"
  [[ -e $FAKE/enabled/postgresql ]]
  run -0 bin/run
}

@test "a server and clients that are missing are named with their packages" {
  mkdir "$FAKE/not-installed"
  touch "$FAKE/not-installed/postgresql.service"
  run -4 bin/run
  says 'postgresql.service, the server of the database'
  says 'apt-get install --no-install-recommends postgresql'
  sed -i 's/pg_dump=/pg_dump_that_is_not_there=/' bin/lib/app
  run -4 bin/_predicate
  says 'missing  pg_dump_that_is_not_there'
  says postgresql-client
}

@test "a role that is there with another password is not touched unless somebody says so" {
  echo theirs >"$PG/roles/blog"
  run -2 bin/run </dev/null
  says 'already exists in postgresql, with another password'
  [[ $(<"$PG/roles/blog") == theirs ]]
  run -0 bin/run --yes
  [[ $(url) == *":$(<"$PG/roles/blog")@"* ]]
}

@test "a database of somebody else is refused" {
  mkdir "$PG/databases/blog"
  echo wiki >"$PG/databases/blog/owner"
  run -1 bin/run
  says 'the database blog belongs to wiki, not to blog. Choose another [database] name'
  configure NUWA_DATABASE mariadb
  mkdir -p "$MY/databases/blog"
  touch "$MY/databases/blog/content"
  run -1 bin/run
  says 'belongs to somebody else'
}

@test "a password that the server does not ask for over TCP: the line for pg_hba.conf is said" {
  echo 'Ident authentication failed for user "blog"' >"$PG/hba"
  run -1 bin/run
  says 'Add this as the first line of /etc/postgresql/15/main/pg_hba.conf, then systemctl reload postgresql'
  says 'host all "blog" 127.0.0.1/32 scram-sha-256'
}

@test "a full disk of the server is said to be full" {
  touch "$PG/full"
  run -1 bin/run
  says 'creating the database blog failed: a disk is full'
  rm "$PG/full"
  run -0 bin/run
}

@test "a database that the container cannot reach ends the run before the app is started" {
  touch "$FAKE/unreachable"
  run -1 bin/run
  says 'the container cannot reach the database at 10.89.0.1:17000: Connection refused'
  [[ ! -e $FAKE/active/nuwa-blog-blue.service ]]
  rm "$FAKE/unreachable"
  run -0 bin/run
}

@test "a password brought from another host stays, with the address of this one" {
  given bin/run --quiet
  bin/uninstall --yes --quiet
  bin/kill --yes --quiet
  password=$(<"$PG/roles/blog")
  printf 'postgresql://blog:%s@10.1.2.3:17009/blog' "$password" >volumes/secrets/DATABASE_URL
  rm "$PG/roles/blog"
  run -0 bin/run
  [[ $(url) == "postgresql://blog:$password@10.89.0.1:17000/blog" && $(<"$PG/roles/blog") == "$password" ]]
}

@test "kill takes the way to the server away, keeps the data, and says how to drop it" {
  given bin/run --quiet
  bin/uninstall --yes --quiet
  run -0 bin/kill --yes
  says "dropdb 'blog'"
  [[ ! -e $NUWA_ROOT/etc/systemd/system/nuwa-blog-database-proxy.socket && ! -e $FAKE/active/nuwa-blog-database-proxy.socket ]]
  [[ -d $PG/databases/blog && -e $PG/roles/blog ]]
}

@test "a database elsewhere: the address is asked for, checked, and tried from a container" {
  configure NUWA_DATABASE_WHERE url
  configure NUWA_SECRETS '(DATABASE_URL)'
  run -2 bin/run </dev/null
  says 'DATABASE_URL is the address of the database (postgresql): ENGINE://USER:PASSWORD@HOST:PORT/NAME'
  DATABASE_URL=db.example.com run -2 bin/run
  says 'DATABASE_URL is not the URL of a server'
  printf 'postgresql://blog:p%%40ss@db.example.com/blog?sslmode=require' | install -o 10001 -m 0400 /dev/stdin volumes/secrets/DATABASE_URL
  touch "$FAKE/unreachable"
  run -1 bin/run
  says 'the container cannot reach the database at db.example.com:5432'
  rm "$FAKE/unreachable"
  run -0 bin/run
  [[ -z $(ls "$PG/roles") ]]
}

@test "a dump is loaded next to the live database, swapped, and swapped back" {
  given bin/run --quiet
  echo first >"$PG/databases/blog/content"
  run -0 library database_dump "$TEST/dump"
  [[ $(stat -c %a "$TEST/dump/database.pgdump") == 600 ]]
  echo second >"$PG/databases/blog/content"
  run -1 library database_swap
  says 'no database was restored'
  run -0 library database_restore "$TEST/dump"
  [[ $(<"$PG/databases/blog/content") == second ]]
  run -0 library database_swap
  run -0 library database_swap
  [[ $(<"$PG/databases/blog/content") == first && $(<"$PG/databases/blog_former/content") == second ]]
  run -0 library database_swap_back
  [[ $(<"$PG/databases/blog/content") == second && ! -e $PG/databases/blog_former && ! -e $PG/databases/blog_restored ]]
}

@test "a dump that does not fit leaves the live database and nothing to swap" {
  given bin/run --quiet
  echo first >"$PG/databases/blog/content"
  library database_dump "$TEST/dump"
  touch "$PG/full"
  run -1 library database_restore "$TEST/dump"
  says 'a disk is full'
  rm "$PG/full"
  run -1 library database_swap
  [[ $(<"$PG/databases/blog/content") == first ]]
}

@test "a rehearsal has a database and an address of its own, and leaves none" {
  given bin/run --quiet
  library database_dump "$TEST/dump"
  run -0 library database_restore "$TEST/dump" rehearsal
  run -0 library database_url rehearsal
  [[ $output == "$(url | sed 's|/blog$|/rehearsal|')" ]]
  run -0 library database_drop rehearsal
  [[ ! -e $PG/databases/rehearsal ]]
  run -1 library database_drop blog
  says "is the app's live database"
}

@test "MariaDB's databases are swapped by copies, also after an interruption" {
  configure NUWA_DATABASE mariadb
  given bin/run --quiet
  echo first >"$MY/databases/blog/content"
  library database_dump "$TEST/dump"
  echo second >"$MY/databases/blog/content"
  library database_restore "$TEST/dump"
  library database_swap
  [[ $(<"$MY/databases/blog/content") == first && $(<"$MY/databases/blog_former/content") == second ]]
  library database_swap_back
  [[ $(<"$MY/databases/blog/content") == second && ! -e $MY/databases/blog_former ]]
}

@test "status says how large the database is, and when its server does not answer" {
  given bin/run --quiet
  run -0 bin/status
  says 'database    blog in postgresql, 7.3 MB'
  rm "$PG/up"
  run -0 bin/status
  says 'database    blog in postgresql: the server does NOT answer'
  run -0 --separate-stderr bin/status --json
  jq -e '.database == {engine: "postgresql", where: "host", name: "blog", size: null, answers: false}' <<<"$output"
}

@test "a dump of a server that is down says so" {
  given bin/run --quiet
  rm "$PG/up"
  run -1 library database_dump "$TEST/dump"
  says 'the dump of the database failed: the database server does not answer. Start it: systemctl start postgresql'
  [[ ! -e $TEST/dump/database.pgdump ]]
}

@test "the way of before apps had networks stays open for the release that came by it, and ends after it" {
  given bin/run --quiet
  touch "$FAKE"/{active,loaded}/nuwa-blog-database.{socket,service}
  make_image "$TWO" 2.0
  : >"$FAKE/stops"
  run -0 bin/deploy "$TWO" --watch 0
  [[ ! -e $FAKE/active/nuwa-blog-database.socket && ! -e $FAKE/active/nuwa-blog-database.service ]]
  [[ -e $FAKE/active/nuwa-blog-database-proxy.socket ]]
  [[ $output == *'took over'* || $output == *'is at release'* ]]
}

@test "a secret that is missing is asked for before a role or a database is made" {
  export MANIFEST=$TEST/manifest.json
  jq '.env.secrets = ["MAIL_KEY"]' "$REPO/tests/shell/manifest-database.json" >"$MANIFEST"
  rm -rf "$FAKE/images" bin
  make_image "$ONE"
  BID=$ONE bash "$(payload)/Setup" >/dev/null
  run -2 bin/run </dev/null
  says 'secrets are missing: MAIL_KEY'
  [[ -z $(find "$FAKE/postgresql/roles" "$FAKE/postgresql/databases" -name '*blog*') ]]
  MAIL_KEY=word run -0 bin/run
  says 'created the role blog'
}
