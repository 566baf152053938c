#!/usr/bin/env bats
# What [site], [[protect]] and bin/maintenance do on a host.
# shellcheck disable=SC2016,SC2030,SC2031,SC2012  # words as they are; each test is a subshell; names without signs

load helper

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word MANIFEST=$TEST/manifest.json
  jq '.site = {trusted_proxies: ["cloudflare", "fastly", "cloudfront", "10.0.0.0/8"]}' "$REPO/tests/shell/manifest.json" >"$MANIFEST"
  make_host
  make_deployment
}

teardown() {
  [[ -z ${SERVER_PID:-} ]] || kill "$SERVER_PID"
}

site() {
  cat "$NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf"
}

# Lists of the CDNs on a server of this machine, in the form in which they publish them.
publish_lists() {
  mkdir -p "$TEST/www"
  printf '198.18.0.0/15\n173.245.48.0/20' >"$TEST/www/ips-v4"
  printf '2400:cb00::/32\n2606:4700::/32\n' >"$TEST/www/ips-v6"
  printf '{"addresses":["23.235.32.0/20"],"ipv6_addresses":["2a04:4e40::/32"]}' >"$TEST/www/public-ip-list"
  mkdir "$TEST/www/tools"
  printf '{"CLOUDFRONT_GLOBAL_IP_LIST": ["120.52.22.96/27", "205.251.249.0/24"], "CLOUDFRONT_REGIONAL_EDGE_IP_LIST": ["3.11.53.0/24"]}' \
    >"$TEST/www/tools/list-cloudfront-ips"
  "$NUWA_PYTHON" -u -m http.server --bind 127.0.0.1 --directory "$TEST/www" 0 >"$TEST/server" 2>/dev/null 3>&- &
  SERVER_PID=$!
  until grep -q 'port [0-9]' "$TEST/server"; do sleep 0.1; done
  REAL_SERVER=http://127.0.0.1:$(grep -oE -m 1 'port [0-9]+' "$TEST/server" | tr -dc 0-9)
  export REAL_SERVER
  sed -i "s|https://www.cloudflare.com|$REAL_SERVER|g; s|https://api.fastly.com|$REAL_SERVER|g; s|https://[a-z0-9]*.cloudfront.net|$REAL_SERVER|g" bin/lib/app
}

@test "install trusts the CDNs of nuwa.toml by the ranges of its release, and by today's once it has asked" {
  given bin/run --quiet
  run -0 bin/install
  says 'cloudfront: its addresses are not known yet'
  site | grep -q 'set_real_ip_from 151.101.0.0/16;'
  publish_lists
  run -0 bin/install --refresh-proxies
  says 'stored the addresses of the CDNs: cloudflare 4, fastly 2, cloudfront 3'
  [[ $output != *'not known yet'* ]]
  # in two servers: those of three CDNs and 10.0.0.0/8
  [[ $(site | grep -c '^  set_real_ip_from') == 20 ]]
  site | grep -q 'set_real_ip_from 3.11.53.0/24;'
  site | grep -q 'set_real_ip_from 198.18.0.0/15;'
  run -0 bin/install
  site | grep -q 'set_real_ip_from 198.18.0.0/15;'
  run -0 bin/install --refresh-proxies
  says 'the addresses of the CDNs have not changed'
}

@test "what is not a list of addresses changes nothing" {
  given bin/run --quiet
  given bin/install --quiet
  publish_lists
  site >"$TEST/before"
  echo '<html>please log in</html>' >"$TEST/www/ips-v6"
  run -1 bin/install --refresh-proxies
  says '/ips-v6 no longer holds a list of addresses'
  echo '0.0.0.0/0' >"$TEST/www/ips-v6"
  run -1 bin/install --refresh-proxies
  says "larger than any CDN's range"
  rm "$TEST/www/ips-v6"
  run -1 bin/install --refresh-proxies
  says 'the addresses of cloudflare could not be fetched'
  [[ ! -e volumes/.nuwa/proxies ]]
  site | diff "$TEST/before" -
}

@test "without a CDN in nuwa.toml there is nothing to refresh" {
  export MANIFEST=$REPO/tests/shell/manifest.json
  make_image "$ONE"
  make_deployment
  given bin/run --quiet
  run -2 bin/install --refresh-proxies
  says 'names no CDN'
}

with_users() {
  jq '.protect = [{path: "/admin", users_secret: "ADMINS"}]' "$REPO/tests/shell/manifest.json" >"$MANIFEST"
  make_image "$ONE"
  make_deployment
  export ADMINS=$'ann:pass word:1\nbob:$6$abc$2ZLyW5PaYNdfjGjRKNBAOi7fxKXs5OO6xQvHlXNZZhAbxYb1gLNTh1yUqOJ0IqzYAbTS0vUeN40bXc9uBDWrg1'
}

users() {
  cat volumes/.nuwa/users/ADMINS
}

# Whether the file knows this password of ann's.
opens() {
  local line salt
  line=$(users | grep '^ann:')
  salt=$(cut -d '$' -f 3 <<<"$line")
  [[ ${line#*:} == "$(printf '%s\n' "$1" | openssl passwd -6 -salt "$salt" -stdin)" ]]
}

@test "users of the site stay on the host, hashed, in a file for nginx alone" {
  with_users
  given bin/run --quiet
  run -0 bin/install
  opens 'pass word:1'
  users | grep -q '^bob:$6$abc'
  [[ $(stat -c '%a %G' volumes/.nuwa/users{,/ADMINS}) == $'750 www-data\n640 www-data' ]]
  [[ $(stat -c %a volumes/.nuwa/private/ADMINS) == 600 && ! -e volumes/secrets/ADMINS ]]
  site | grep -q 'auth_basic_user_file ".*/volumes/.nuwa/users/ADMINS";'
  run ! grep -rqF 'pass word' volumes/.nuwa/nuwa.log volumes/.nuwa/users
  users >"$TEST/before"
  chmod 0644 volumes/.nuwa/users/ADMINS
  run -0 bin/install
  users | diff "$TEST/before" -
  [[ $(stat -c %a volumes/.nuwa/users/ADMINS) == 640 ]]
}

@test "a secret with users that changes holds at once, and one that is none changes nothing" {
  with_users
  given bin/run --quiet
  given bin/install --quiet
  run -0 bin/secret set ADMINS <<<'ann:other'
  says 'the users in ADMINS are in effect'
  opens other
  for wrong in 'ann' 'ann:' 'a b:c' ':c' $'ann:x\nbob'; do
    run -1 bin/secret set ADMINS <<<"$wrong"
    says 'of the secret ADMINS is not name:password'
    says 'the secret ADMINS was not changed'
    opens other
    [[ $(cat volumes/.nuwa/private/ADMINS) == ann:other ]]
  done
  run -0 bin/secret list
  [[ $output =~ ADMINS.*'users of the site, not for the app' ]]
}

@test "without its users a protected site is not begun, and the printed command stores them" {
  with_users
  given bin/run --quiet
  rm volumes/.nuwa/private/ADMINS
  run -2 bin/install
  says 'the secret ADMINS with the users of the site is missing. To store it: bin/secret set ADMINS'
  [[ ! -e $NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf ]]
  bin/secret set ADMINS <<<'ann:x'
  run -0 bin/install
  opens x
}

@test "a deploy that cannot hash the passwords leaves the users as they are" {
  with_users
  given bin/run --quiet
  given bin/install --quiet
  users >"$TEST/users"
  make_image "$TWO" 2.0
  mkdir "$TEST/instead"
  printf '#!/bin/sh\n[ "$1" != passwd ] || exit 1\nexec "$REPO/tests/shell/fakes/openssl" "$@"\n' >"$TEST/instead/openssl"
  chmod +x "$TEST/instead/openssl"
  PATH=$TEST/instead:$PATH run -1 bin/deploy --watch 0 "$TWO"
  users | diff "$TEST/users" -
  [[ ! -e $FAKE/active/nuwa-blog-green.service ]]
  run -0 bin/deploy --watch 0 "$TWO"
}

@test "a site whose health path is protected counts as up when it asks for a password" {
  with_users
  jq '.protect[0].path = "/"' "$MANIFEST" >"$MANIFEST.new"
  mv "$MANIFEST.new" "$MANIFEST"
  make_image "$ONE"
  make_deployment
  given bin/run --quiet
  echo 401 >"$FAKE/status"
  run -0 bin/install
  run -0 bin/lib/check
  echo 500 >"$FAKE/status"
  run -1 bin/lib/check
}

@test "a site whose health path has a rate counts as up when this host has asked too often, and only then" {
  given bin/run --quiet
  echo 429 >"$FAKE/status"
  run -1 bin/lib/check
  jq '.site.rate = "1/m"' "$MANIFEST" >"$MANIFEST.new"
  mv "$MANIFEST.new" "$MANIFEST"
  echo 200 >"$FAKE/status"
  make_image "$ONE"
  make_deployment
  bin/run
  echo 429 >"$FAKE/status"
  run -0 bin/install
  run -0 bin/lib/check
  echo 401 >"$FAKE/status"
  run -1 bin/lib/check
}

@test "maintenance is shown until it ends, over deploys, and the checks know of it" {
  given bin/run --quiet
  run -1 bin/maintenance on
  says 'there is no site: bin/install creates it.'
  bin/install
  run -0 bin/maintenance status
  says 'off: visitors get the site'
  run -0 bin/maintenance on --message 'Back at <5>' --allow 203.0.113.7 --allow 2001:DB8::0:1
  says 'visitors get the maintenance page, except 203.0.113.7 2001:DB8::0:1. bin/maintenance off ends it.'
  grep -q 'Back at &lt;5&gt;' volumes/.nuwa/maintenance/page.html
  [[ $(ls volumes/.nuwa/maintenance/allow) == $'2001:db8::1\n203.0.113.7' && -e volumes/.nuwa/maintenance/on ]]
  echo 503 >"$FAKE/status"
  run -0 bin/lib/check
  run -0 bin/install
  run -0 bin/status
  [[ $output =~ MAINTENANCE\ +since\ 20 ]]
  run -0 bin/maintenance status
  says 'clients that get the site: 2001:db8::1 203.0.113.7'
  run -0 bin/maintenance on
  [[ -z $(ls volumes/.nuwa/maintenance/allow) ]]
  run -0 bin/maintenance off
  says 'visitors get the site'
  run -1 bin/lib/check
}

@test "maintenance takes addresses one by one, and nothing else changes" {
  given bin/run --quiet
  given bin/install --quiet
  run -2 bin/maintenance on --allow 10.0.0.0/8
  says "'10.0.0.0/8' is not an address such as 203.0.113.7"
  [[ ! -e volumes/.nuwa/maintenance/on ]]
  run -2 bin/maintenance off --message x
  run -2 bin/maintenance
  run -0 bin/maintenance on --dry-run
  [[ ! -e volumes/.nuwa/maintenance/on ]]
}
