#!/usr/bin/env bats
# What [site], [[path]] and the others mean on a host: lists of CDNs.

load helper

setup() {
  TEST=$BATS_TEST_TMPDIR
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word TEST MANIFEST=$TEST/manifest.json
  jq '.site = {trusted_proxies: ["cloudflare", "fastly", "10.0.0.0/8"]}' "$REPO/tests/shell/manifest.json" >"$MANIFEST"
  make_host
  make_deployment
}

teardown() {
  [[ -z ${SERVER_PID:-} ]] || kill "$SERVER_PID"
}

site() {
  cat "$NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf"
}

# Lists of two CDNs on a server of this machine, in the form in which they publish them.
publish_lists() {
  mkdir -p "$TEST/www"
  printf '198.18.0.0/15\n173.245.48.0/20' >"$TEST/www/ips-v4"
  printf '2400:cb00::/32\n2606:4700::/32\n' >"$TEST/www/ips-v6"
  printf '{"addresses":["23.235.32.0/20"],"ipv6_addresses":["2a04:4e40::/32"]}' >"$TEST/www/public-ip-list"
  "$NUWA_PYTHON" -u -m http.server --bind 127.0.0.1 --directory "$TEST/www" 0 >"$TEST/server" 2>/dev/null 3>&- &
  SERVER_PID=$!
  until grep -q 'port [0-9]' "$TEST/server"; do sleep 0.1; done
  REAL_SERVER=http://127.0.0.1:$(grep -oE -m 1 'port [0-9]+' "$TEST/server" | tr -dc 0-9)
  export REAL_SERVER
  sed -i "s|https://www.cloudflare.com|$REAL_SERVER|g; s|https://api.fastly.com|$REAL_SERVER|g" bin/lib/app
}

@test "install trusts the CDNs of nuwa.toml by the ranges of its release, and by today's once it has asked" {
  bin/run
  bin/install
  site | grep -q 'set_real_ip_from 151.101.0.0/16;'
  publish_lists
  run -0 bin/install --refresh-proxies
  says 'stored the addresses of the CDNs: cloudflare 4, fastly 2'
  [[ $(site | grep -c '^  set_real_ip_from') == 14 ]]
  site | grep -q 'set_real_ip_from 198.18.0.0/15;'
  run -0 bin/install
  site | grep -q 'set_real_ip_from 198.18.0.0/15;'
  run -0 bin/install --refresh-proxies
  says 'the addresses of the CDNs are what they were'
}

@test "what is no list of addresses changes nothing" {
  bin/run
  bin/install
  publish_lists
  site >"$TEST/before"
  echo '<html>please log in</html>' >"$TEST/www/ips-v6"
  run -1 bin/install --refresh-proxies
  says '/ips-v6 is not the list of addresses that it was'
  echo '0.0.0.0/0' >"$TEST/www/ips-v6"
  run -1 bin/install --refresh-proxies
  says 'more than any CDN has'
  rm "$TEST/www/ips-v6"
  run -1 bin/install --refresh-proxies
  says 'cloudflare does not say what its addresses are'
  [[ ! -e volumes/.nuwa/proxies ]]
  site | diff "$TEST/before" -
}

@test "without a CDN in nuwa.toml there is nothing to refresh" {
  export MANIFEST=$REPO/tests/shell/manifest.json
  make_image "$ONE"
  make_deployment
  bin/run
  run -2 bin/install --refresh-proxies
  says 'names no CDN'
}
