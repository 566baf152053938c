#!/usr/bin/env bats
# The site among nginx's other files: what it shares with them, and who is named when they do not go together.

load helper

setup_file() {
  payload >/dev/null
}

readonly SHARED=etc/nginx/conf.d/nuwa.http3.conf

other() {
  printf '%s\n' "$@" >"$NUWA_ROOT/etc/nginx/conf.d/other.conf"
}

@test "a name that another file has is refused, and the file is named" {
  given bin/run --quiet
  other 'server {' '  server_name www.blog.example.com x.example.com;' '}'
  run -1 bin/install --self-signed
  says 'already has a site for www.blog.example.com'
  says "$NUWA_ROOT/etc/nginx/conf.d/other.conf"
  [[ ! -e $NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf && ! -e volumes/.nuwa/change.install ]]
  run -0 bin/install --self-signed blog.example.com
  other 'server {' '  server_name blog.example.com;' '}'
  run -1 bin/install
  says 'already has a site for blog.example.com'
  grep -q 'server_name blog.example.com' "$FAKE/serving/nuwa-blog.conf"
}

@test "HTTP/3 is there where nginx has it; its sockets are shared, and go with the last site" {
  export FAKE_NGINX_VERSION=1.26.3 FAKE_NGINX_MODULES='--with-http_v3_module '
  given bin/run --quiet
  given bin/install --quiet --self-signed
  grep -q 'listen 443 quic reuseport;' "$NUWA_ROOT/$SHARED"
  grep -q 'listen 443 quic;' "$NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf"
  other 'server {' '  listen 443 quic;' '  server_name shop.example.com;' '}'
  bin/uninstall --yes
  [[ -e $NUWA_ROOT/$SHARED ]]
  rm "$NUWA_ROOT/etc/nginx/conf.d/other.conf"
  bin/run
  bin/install
  bin/uninstall --yes
  [[ ! -e $NUWA_ROOT/$SHARED ]]
}

@test "sockets for HTTP/3 that somebody else has opened are used, not opened twice" {
  export FAKE_NGINX_VERSION=1.26.3 FAKE_NGINX_MODULES='--with-http_v3_module '
  other 'server {' '  listen 443 quic reuseport;' '  server_name other.example.com;' '}'
  bin/run
  bin/install --self-signed
  [[ ! -e $NUWA_ROOT/$SHARED ]]
  grep -q 'listen 443 quic;' "$NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf"
}

@test "a module counts when nginx has loaded it, not when it could" {
  given bin/run --quiet
  echo 'load_module modules/ngx_http_brotli_filter_module.so;' >"$FAKE/modules"
  given bin/install --quiet --self-signed
  grep -q 'brotli on;' "$NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf"
  run ! grep -qE 'zstd|perl|quic' "$NUWA_ROOT/etc/nginx/conf.d/nuwa-blog.conf"
}
