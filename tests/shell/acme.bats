#!/usr/bin/env bats
# Certificates from an ACME server: how they are asked for, kept, renewed, and what happens when there is none.

load helper

setup_file() {
  payload >/dev/null
}

readonly FOLDER=volumes/.nuwa/tls/blog.example.com
readonly LIMIT='Error creating new order :: too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after 2099-01-02 03:04:05 UTC: see https://letsencrypt.org/docs/rate-limits/'

issuer() {
  openssl x509 -in "$FOLDER/fullchain.pem" -noout -issuer -nameopt RFC2253
}

# Whether what nginx has read is what is on the disk, and by whom it is.
serves() {
  cmp "$FOLDER/fullchain.pem" "$FAKE/serving/certificate"
  [[ $(issuer) == *"$1"* ]] || fail "issued by $(issuer)"
}

calls() {
  wc -l <"$FAKE/certbot-calls"
}

fails_with() {
  printf '%s\n' "$@" >"$FAKE/certbot-fails"
}

@test "install gets a certificate over HTTP, serves it and asks again only when it is due" {
  given bin/run --quiet
  run -0 bin/install --email ops@example.com
  says 'got a certificate for blog.example.com www.blog.example.com by ACME'
  says_not 'changed by hand'
  serves 'Fake Authority'
  grep -q Strict-Transport-Security "$FAKE/serving/nuwa-blog.conf"
  grep -q -- '--webroot --webroot-path .*/my sité/volumes/.nuwa/acme --domain blog.example.com --domain www.blog.example.com' "$FAKE/certbot-calls"
  grep -q -- '--email ops@example.com' "$FAKE/certbot-calls"
  reloads=$(wc -l <"$FAKE/reloads")
  snapshot >"$TEST/before"
  run -0 bin/install
  snapshot | diff "$TEST/before" -
  [[ $(wc -l <"$FAKE/reloads") == "$reloads" ]]
  tail -n 1 "$FAKE/certbot-calls" | grep -q -- '--email ops@example.com'
  run -0 bin/status
  says 'by CN=Fake Authority'
  says 'ACME, http-01'
}

@test "a certificate of six days is asked for again in the second half of its life; from 5.0 on certbot decides" {
  given bin/run --quiet
  echo 6 >"$FAKE/certbot-days"
  given bin/install --quiet
  [[ $(calls) == 1 ]]
  bin/lib/check --quiet
  bin/install --quiet
  [[ $(calls) == 1 ]]
  FAKE_CERTBOT_VERSION=5.1.0 bin/lib/check --quiet
  [[ $(calls) == 2 ]]
  # the second half has begun where less than a day is left of one
  echo 1 >"$FAKE/certbot-days"
  bin/install --quiet --renew
  [[ $(calls) == 3 ]]
  bin/lib/check --quiet || true
  [[ $(calls) == 4 ]]
}

@test "_check renews a certificate that is due and serves the new one" {
  given bin/run --quiet
  echo 20 >"$FAKE/certbot-days"
  given bin/install --quiet
  cp "$FOLDER/fullchain.pem" "$TEST/old"
  echo 90 >"$FAKE/certbot-days"
  run -0 bin/lib/check
  says 'got a certificate'
  run ! cmp "$FOLDER/fullchain.pem" "$TEST/old"
  serves 'Fake Authority'
  [[ $(find volumes/.nuwa/tls/pairs -mindepth 1 -maxdepth 1 | wc -l) == 1 ]]
  cp "$FOLDER/fullchain.pem" "$TEST/old"
  run -0 bin/lib/check
  cmp "$FOLDER/fullchain.pem" "$TEST/old"
  run -0 bin/install --renew
  run ! cmp "$FOLDER/fullchain.pem" "$TEST/old"
  serves 'Fake Authority'
  touch "$FAKE/account-lost"
  run -0 bin/install --renew
  says 'got a certificate'
}

@test "a renewal that fails leaves the certificate, says why, and is told by status" {
  given bin/run --quiet
  echo 20 >"$FAKE/certbot-days"
  given bin/install --quiet
  fails_with 'ValueError: Requesting acme.example.com/directory: Connection refused'
  run -1 bin/lib/check --quiet
  says "This host cannot reach certbot's ACME server."
  says 'was not renewed'
  serves 'Fake Authority'
  run -0 bin/status
  says 'Connection refused'
  [[ $(bin/status --json | jq -r .site.certificate.error) == *'Connection refused'* ]]
  rm "$FAKE/certbot-fails"
  bin/lib/check --quiet
  run -0 bin/status
  says_not 'Connection refused'
}

@test "a renewed certificate waits for another site's broken file to be fixed" {
  given bin/run --quiet
  echo 20 >"$FAKE/certbot-days"
  given bin/install --quiet
  cp "$FAKE/serving/certificate" "$TEST/old"
  echo 90 >"$FAKE/certbot-days"
  echo BROKEN >"$NUWA_ROOT/etc/nginx/conf.d/other.conf"
  run -1 bin/lib/check --quiet
  says 'other.conf'
  says 'keeps serving the previous certificate'
  cmp "$FAKE/serving/certificate" "$TEST/old"
  rm "$NUWA_ROOT/etc/nginx/conf.d/other.conf"
  run -0 bin/lib/check --quiet
  run ! cmp "$FAKE/serving/certificate" "$TEST/old"
  serves 'Fake Authority'
}

@test "when the authority gives no certificate the site is up self-signed, and says why and what to do" {
  given bin/run --quiet
  while IFS='|' read -r said advice; do
    fails_with '  Domain: blog.example.com' "$said"
    rm -f volumes/.nuwa/acme.failures
    run -1 bin/install
    says "$said"
    says "$advice"
    says 'the site is up at https://blog.example.com, with a self-signed certificate'
  done <<'END'
  Type:   dns|Give the domain an A (and AAAA) record
  Type:   connection|Port 80 of the domain must reach this host
  Type:   unauthorized|check that the DNS of each domain points only to this host
  Type:   caa|A CAA record in the DNS
OSError: [Errno 28] No space left on device|The disk is full
Another instance of Certbot is already running.|certbot is already running here
ValueError: something unheard of|log/letsencrypt.log
END
  serves CN=blog
  run ! grep -q Strict-Transport-Security "$FAKE/serving/nuwa-blog.conf"
  grep -q bin/lib/check "$NUWA_ROOT/etc/cron.d/nuwa-blog"
  rm "$FAKE/certbot-fails"
  bin/lib/check --quiet
  serves 'Fake Authority'
}

@test "an authority that limits is left alone until the time it named, and after a few failures" {
  given bin/run --quiet
  fails_with "$LIMIT"
  run -1 bin/install
  says 'next attempt after 2099-01-02 03:04:05 UTC'
  run -1 bin/install
  says 'next attempt after 2099-01-02 03:04:05 UTC'
  [[ $(calls) == 1 ]]
  fails_with 'ValueError: something unheard of'
  for _ in 1 2 3 4; do
    run -1 bin/install other.example.com
    says 'something unheard of'
  done
  run -1 bin/lib/check --quiet
  says 'next attempt after'
  [[ $(calls) == 5 ]]
  rm "$FAKE/certbot-fails"
  run -0 bin/install third.example.com
}

@test "domains for which there is no certificate do not take the place of those that have one" {
  given bin/run --quiet
  given bin/install --quiet
  fails_with '  Type:   unauthorized'
  run -1 bin/install new.example.com --acme-server https://acme.example.com/directory
  says 'keeps its previous domains'
  serves 'Fake Authority'
  run ! grep -rq new.example.com "$NUWA_ROOT"
  grep -q 'NUWA_HOST=blog.example.com' "$FAKE/active/nuwa-blog-blue.service"
  rm "$FAKE/certbot-fails"
  run -0 bin/lib/check
  run ! grep -q 'acme.example.com.*$' <(tail -n 1 "$FAKE/certbot-calls")
  run -0 bin/install blog.example.com new.example.com
  openssl x509 -in "$FOLDER/fullchain.pem" -noout -checkhost new.example.com | grep -q 'does match'
  serves 'Fake Authority'
}

@test "what is said of the certificate holds for renewals, until it is taken back" {
  given bin/run --quiet
  given bin/install --quiet --self-signed
  serves CN=blog
  run ! test -e "$FAKE/certbot-calls"
  bin/lib/check --quiet
  bin/install --challenge http-01 --acme-server https://acme.example.com/directory
  serves 'Fake Authority'
  bin/lib/check --quiet
  [[ $(grep -c -- '--server https://acme.example.com/directory' "$FAKE/certbot-calls") == 2 ]]
  run -0 bin/install --tls-of-image
  run ! grep -q -- --server <(tail -n 1 "$FAKE/certbot-calls")
  tail -n 1 "$FAKE/certbot-calls" | grep -q -- --force-renewal
  run ! ls volumes/.nuwa/tls.server
  for wrong in '--challenge smoke' '--acme-server ftp://x' '--email nobody' --acme-server --wrong; do
    # shellcheck disable=SC2086  # two words
    run -2 bin/install $wrong
  done
}

@test "no public authority is asked for names that only this host knows; a server that is named is" {
  given bin/run --quiet
  run -0 bin/install blog.localhost
  says 'no public authority issues certificates for blog.localhost'
  run ! test -e "$FAKE/certbot-calls"
  run -0 bin/install blog.localhost --acme-server https://localhost:14000/dir
  says 'got a certificate for blog.localhost'
}

@test "certbot is asked for only where it is needed" {
  given bin/run --quiet
  mkdir "$TEST/bare"
  ln -s "$SHIMS" "$TEST/shims"
  for tool in "$REPO"/tests/shell/fakes/*; do
    [[ $tool == */certbot ]] || ln -s "$tool" "$TEST/bare/"
  done
  rm -f "$TEST/bare/certbot"
  PATH=$TEST/bare:/usr/bin:/bin:/usr/sbin:/sbin
  run ! command -v certbot
  run -4 bin/install
  says 'this host lacks certbot'
  says 'apt-get install --no-install-recommends certbot'
  [[ ! -e $NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf ]]
  run -0 bin/install --self-signed
}

@test "dns-01 passes plugin, credentials and patience to certbot" {
  given bin/run --quiet
  sed -i 's|^readonly NUWA_CHALLENGE=.*|readonly NUWA_CHALLENGE=dns-01|
    s|^readonly NUWA_DNS_PLUGIN=.*|readonly NUWA_DNS_PLUGIN=rfc2136|
    s|^readonly NUWA_DNS_CREDENTIALS=.*|readonly NUWA_DNS_CREDENTIALS='"$TEST"'/key.ini|
    s|^readonly NUWA_DNS_WAIT=.*|readonly NUWA_DNS_WAIT=7|' bin/lib/app
  run -4 bin/install
  says 'key.ini, which does not exist'
  touch "$TEST/key.ini"
  run -4 bin/install
  says 'python3-certbot-dns-rfc2136'
  echo '* dns-rfc2136' >"$FAKE/certbot-plugins"
  run -0 bin/install blog.example.com '*.blog.example.com'
  grep -q -- "--authenticator dns-rfc2136 --dns-rfc2136-credentials $TEST/key.ini --dns-rfc2136-propagation-seconds 7" "$FAKE/certbot-calls"
  fails_with 'certbot.errors.PluginError: Encountered error adding TXT record'
  run -1 bin/install --renew
  says 'check the file of [tls] dns_credentials'
  fails_with '  Type:   unauthorized'
  run -1 bin/install --renew
  says 'raise [tls] dns_wait (seconds)'
  run ! grep -q webroot "$FAKE/certbot-calls"
  openssl x509 -in "$FOLDER/fullchain.pem" -noout -checkhost any.blog.example.com | grep -q 'does match'
  run -2 bin/install --challenge http-01
  says 'a certificate for a wildcard cannot be obtained over HTTP'
}

@test "a domain that does not resolve to this host is warned of, and the authority has the last word" {
  given bin/run --quiet
  echo 'blog.example.com 198.51.100.7' >"$FAKE/addresses"
  run -0 bin/install
  says 'blog.example.com resolves to 198.51.100.7, not to this host (203.0.113.1)'
  says 'www.blog.example.com has no address'
  serves 'Fake Authority'
}

@test "what monit calls looks at the served certificate alone" {
  given bin/run --quiet
  given bin/install --quiet
  run -0 "$DEPLOYMENT/bin/lib/check" --served
  cd /
  run -0 "$DEPLOYMENT/bin/lib/check" --served
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=x -addext 'subjectAltName=DNS:blog.example.com,DNS:www.blog.example.com' \
    -keyout /dev/null -out "$TEST/short" 2>/dev/null
  cp "$TEST/short" "$FAKE/serving/certificate"
  run -0 "$DEPLOYMENT/bin/lib/check" --served
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=x -keyout /dev/null -out "$FAKE/serving/certificate" 2>/dev/null
  run -1 "$DEPLOYMENT/bin/lib/check" --served
  says 'serves a certificate for another name'
  rm "$FAKE/serving/certificate"
  run -1 "$DEPLOYMENT/bin/lib/check" --served
  says 'serves no certificate'
}
