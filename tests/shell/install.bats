#!/usr/bin/env bats
# bin/install: the site, its certificate, and the probe of the result.
# shellcheck disable=SC2016  # words that must arrive as they are

load helper

setup_file() {
  payload >/dev/null
}

site() {
  cat "$NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf"
}

# A certificate of the operator's own for blog.example.com.
own_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$1" -subj /CN=own \
    -addext 'subjectAltName=DNS:blog.example.com,DNS:www.blog.example.com' -keyout "$TEST/key.pem" -out "$TEST/chain.pem" 2>/dev/null
  sed -i "s|^readonly NUWA_CHALLENGE=.*|readonly NUWA_CHALLENGE=files|
    s|^readonly NUWA_CERTIFICATE=.*|readonly NUWA_CERTIFICATE=$TEST/chain.pem|
    s|^readonly NUWA_KEY=.*|readonly NUWA_KEY=$TEST/key.pem|" bin/lib/app
}

@test "install makes a self-signed certificate and a site" {
  given bin/run --quiet
  run -0 bin/install --self-signed
  says 'blog is at https://blog.example.com'
  site | grep -q 'server_name blog.example.com;'
  grep -q 'bin/lib/check --quiet' "$NUWA_ROOT/etc/cron.d/nuwa-blog"
  [[ $(stat -Lc %a volumes/.nuwa/tls/blog.example.com{,/privkey.pem}) == $'700\n600' ]]
  openssl x509 -in volumes/.nuwa/tls/blog.example.com/fullchain.pem -noout -checkhost www.blog.example.com | grep -q 'does match'
}

@test "install again changes nothing and reloads nothing" {
  given bin/run --quiet
  given bin/install --quiet
  snapshot >"$TEST/before"
  reloads=$(wc -l <"$FAKE/reloads")
  run -0 bin/install
  snapshot | diff "$TEST/before" -
  [[ $(wc -l <"$FAKE/reloads") == "$reloads" && $(grep -c nuwa-blog-blue "$FAKE/starts") == 1 ]]
}

@test "install takes domains, international ones in punycode, and tells the app" {
  given bin/run --quiet
  run -0 bin/install bücher.example www.bücher.example
  says 'https://xn--bcher-kva.example answers'
  site | grep -q 'server_name xn--bcher-kva.example;'
  grep -q 'NUWA_HOST=xn--bcher-kva.example' "$FAKE/active/nuwa-blog-blue.service"
  run -0 bin/install
  says 'https://xn--bcher-kva.example answers'
}

@test "run takes the domains, and then install does not restart the app" {
  run -0 bin/run --dry-run bücher.example
  [[ $output == *NUWA_HOST=xn--bcher-kva.example* && ! -e volumes/.nuwa/domains ]]
  run -2 bin/run 'a b'
  says 'fact domains'
  run -0 bin/run bücher.example
  says 'Next: bin/install puts it behind nginx.'
  since=$(stat -c %y "$FAKE/active/nuwa-blog-blue.service")
  run -0 bin/install
  says 'https://xn--bcher-kva.example answers'
  says_not 'the app has its new domains'
  [[ $(stat -c %y "$FAKE/active/nuwa-blog-blue.service") == "$since" ]]
  # Those of a site that is up change with it.
  run -2 bin/run other.example
  says 'the site has other domains (xn--bcher-kva.example): bin/install other.example changes them.'
  run -0 bin/run bücher.example
}

@test "install refuses what is not a domain, and changes nothing" {
  given bin/run --quiet
  snapshot >"$TEST/before"
  for domain in 'a b' '$(id)' 'a;b' '../x' 'x-.example' $'a\nb;' '10.0.0.1'; do
    run -2 bin/install "$domain"
    says 'fact domains'
  done
  snapshot | diff "$TEST/before" -
}

@test "install without a running app says to run it" {
  run -1 bin/install
  says 'bin/run first'
}

@test "install stops when another program holds a port of the web" {
  given bin/run --quiet
  echo 'LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("apache2",pid=1,fd=4))' >"$FAKE/sockets"
  run -4 bin/install
  says 'apache2'
  [[ ! -e $NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf ]]
}

@test "install stops before any change when nginx is broken already" {
  given bin/run --quiet
  echo BROKEN >"$NUWA_ROOT/etc/nginx/conf.d/other.conf"
  run -4 bin/install
  says 'other.conf'
  says 'before anything was changed'
  [[ ! -e $NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf ]]
}

@test "install puts everything back when its site clashes with another" {
  given bin/run --quiet
  printf 'upstream nuwa_blog {\n}\n' >"$NUWA_ROOT/etc/nginx/conf.d/other.conf"
  run -1 bin/install
  says 'conflicts with one of them'
  [[ ! -e $NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf && ! -e $NUWA_ROOT/etc/cron.d/nuwa-blog ]]
  [[ ! -e volumes/.nuwa/change.install ]]
}

@test "install puts everything back when the site does not answer, and shows the answer" {
  given bin/run --quiet
  echo 502 >"$FAKE/status"
  sed -i 's/PROBE_SECONDS=15/PROBE_SECONDS=0/' bin/install
  run -1 bin/install
  says 'status 502'
  says 'the body of the answer'
  [[ ! -e $NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf && ! -e $FAKE/serving/nuwa-blog.conf ]]
}

@test "a change of domains that does not work leaves the site as it was" {
  given bin/run --quiet
  given bin/install --quiet
  echo 400 >"$FAKE/status"
  sed -i 's/PROBE_SECONDS=15/PROBE_SECONDS=0/' bin/install
  snapshot >"$TEST/before"
  run -1 bin/install new.example.com
  grep -q 'server_name blog.example.com' "$FAKE/serving/nuwa-blog.conf"
  grep -q 'NUWA_HOST=blog.example.com' "$FAKE/active/nuwa-blog-blue.service"
  run ! grep -rq new.example.com "$NUWA_ROOT"
}

@test "a certificate that nginx does not serve is noticed" {
  given bin/run --quiet
  given bin/install --quiet
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=x -keyout /dev/null -out "$FAKE/serving/certificate" 2>/dev/null
  run -1 bin/lib/check
  says 'does not serve the certificate'
}

@test "own certificate files are served, and refused when they do not fit or have ended" {
  own_certificate 90
  bin/run
  run -0 bin/install
  says_not ACME
  site | grep -q "ssl_certificate $TEST/chain.pem"
  site | grep -q Strict-Transport-Security
  # A form of openssl's own, which nginx reads too.
  openssl x509 -in "$TEST/chain.pem" -trustout -out "$TEST/trusted.pem" && mv "$TEST/trusted.pem" "$TEST/chain.pem"
  run -0 bin/install
  run -1 bin/install other.example.com
  says 'is not valid for other.example.com'
  openssl genpkey -algorithm ed25519 -out "$TEST/key.pem" 2>/dev/null
  run -1 bin/install
  says 'are not a certificate and its key'
}

@test "a self-signed certificate that expires soon is renewed and served" {
  given bin/run --quiet
  given bin/install --quiet --self-signed
  folder=volumes/.nuwa/tls/blog.example.com
  openssl req -x509 -key "$folder/privkey.pem" -days 5 -subj /CN=old -addext 'subjectAltName=DNS:blog.example.com,DNS:www.blog.example.com' \
    -out "$folder/fullchain.pem" 2>/dev/null
  run -0 bin/lib/check
  openssl x509 -in "$folder/fullchain.pem" -noout -checkend 8640000
  cmp "$folder/fullchain.pem" "$FAKE/serving/certificate"
}

@test "a dry run shows the site and writes nothing" {
  given bin/run --quiet
  snapshot >"$TEST/before"
  run -0 bin/install --dry-run
  says '+  server_name blog.example.com;'
  says 'would make a self-signed certificate'
  snapshot | diff "$TEST/before" -
}

@test "lib/check is content with a good site and names a bad one" {
  given bin/run --quiet
  given bin/install --quiet
  run -0 bin/lib/check
  says 'its certificate is valid until'
  echo 503 >"$FAKE/status"
  run -1 bin/lib/check --quiet
  says 'https://blog.example.com/healthz: status 503'
}

@test "systemd is told to bring nginx back after a kill, as long as there is a site" {
  drop_in=$NUWA_ROOT/etc/systemd/system/nginx.service.d/nuwa.sites.conf
  given bin/run --quiet
  given bin/install --quiet --self-signed
  grep -qx Restart=always "$drop_in"
  touch "$NUWA_ROOT/etc/nginx/conf.d/nuwa-shop.conf"
  bin/uninstall --quiet --yes
  [[ -e $drop_in ]]
  rm "$NUWA_ROOT/etc/nginx/conf.d/nuwa-shop.conf"
  bin/run --quiet
  bin/install --quiet --self-signed
  bin/uninstall --quiet --yes
  [[ ! -e $drop_in ]]
}
