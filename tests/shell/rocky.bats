#!/usr/bin/env bats
# What is of Rocky Linux alone: SELinux, firewalld, programs of other versions, and where packages come from.

load helper

setup_file() {
  payload >/dev/null
}

boolean() {
  cat "$FAKE/booleans/$1"
}

# What firewalld lets in, now and for good.
let_in() {
  diff <(ls "$FAKE/firewall/runtime") <(ls "$FAKE/firewall/permanent") && ls "$FAKE/firewall/runtime" | paste -sd ' '
}

@test "install allows nginx to connect to the app and labels what it reads" {
  make_rocky 9
  given bin/run --quiet
  [[ $(boolean httpd_can_network_connect) == off ]]
  run -0 bin/install --self-signed
  [[ $(boolean httpd_can_network_connect) == on ]]
  grep -qF "httpd_sys_content_t $PWD/volumes/.nuwa/acme" "$FAKE/labels"
  grep -qF "cert_t $PWD/volumes/.nuwa/tls" "$FAKE/labels"
  : >"$FAKE/labels"
  run -0 bin/install
  says_not setsebool
}

@test "install names booleans, labels and ports in a dry run, and changes none" {
  make_rocky 10
  given bin/run --quiet
  export FAKE_NGINX_VERSION=1.26.3 FAKE_NGINX_MODULES='--with-http_v3_module '
  : >"$FAKE/labels"
  run -0 bin/install --dry-run --self-signed
  says 'would run: setsebool -P httpd_can_network_connect 1'
  says "would run: chcon -R -t httpd_sys_content_t -- $PWD/volumes/.nuwa/acme"
  says 'would run: firewall-cmd --quiet --permanent --add-service https'
  says 'would run: firewall-cmd --quiet --add-port 443/udp'
  [[ $(boolean httpd_can_network_connect) == off && -z $(let_in) && ! -s $FAKE/labels ]]
  [[ ! -e $NUWA_ROOT/var/lib/nuwa/firewall ]]
}

@test "what SELinux does not know is left alone" {
  make_rocky 9
  rm "$FAKE/booleans/httpd_can_network_connect"
  given bin/run --quiet
  run -0 bin/install --self-signed
  says_not setsebool
}

@test "a host with SELinux switched off is asked nothing" {
  make_rocky 9
  echo Disabled >"$FAKE/enforce"
  given bin/run --quiet
  given bin/install --quiet --self-signed
  [[ $(boolean httpd_can_network_connect) == off && ! -e $FAKE/labels ]]
}

@test "the site's ports are opened, and closed with the last site" {
  make_rocky 9
  given bin/run --quiet
  given bin/install --quiet --self-signed
  [[ $(let_in) == 'http https' ]]
  touch "$NUWA_ROOT/etc/nginx/conf.d/nuwa-forum.conf"
  bin/uninstall --yes
  [[ $(let_in) == 'http https' ]]
  bin/run --quiet
  bin/install --quiet
  rm "$NUWA_ROOT/etc/nginx/conf.d/nuwa-forum.conf"
  run -0 bin/uninstall --yes --dry-run
  says 'would run: firewall-cmd --quiet --permanent --remove-service http'
  [[ $(let_in) == 'http https' ]]
  run -0 bin/uninstall --yes
  [[ -z $(let_in) && ! -e $NUWA_ROOT/var/lib/nuwa/firewall ]]
}

@test "HTTP/3's port is opened where nginx has it, and closed again" {
  make_rocky 10
  export FAKE_NGINX_VERSION=1.26.3 FAKE_NGINX_MODULES='--with-http_v3_module '
  given bin/run --quiet
  given bin/install --quiet --self-signed
  [[ $(let_in) == '443-udp http https' ]]
  bin/uninstall --yes --quiet
  [[ -z $(let_in) ]]
}

@test "a port that somebody else opened stays open" {
  make_rocky 9
  touch "$FAKE"/firewall/{runtime,permanent}/http
  given bin/run --quiet
  given bin/install --quiet --self-signed
  [[ $(let_in) == 'http https' ]]
  bin/uninstall --yes --quiet
  [[ $(let_in) == http ]]
}

@test "a port that somebody closed meanwhile is not asked for again" {
  make_rocky 9
  given bin/run --quiet
  given bin/install --quiet --self-signed
  rm "$FAKE"/firewall/{runtime,permanent}/http
  run -0 bin/uninstall --yes
  [[ -z $(let_in) ]]
}

@test "without firewalld at work nothing is opened, and what was is told of" {
  make_rocky 9
  mv "$FAKE/firewall" "$FAKE/firewall.off"
  given bin/run --quiet
  given bin/install --quiet --self-signed
  [[ ! -e $NUWA_ROOT/var/lib/nuwa/firewall ]]
  mv "$FAKE/firewall.off" "$FAKE/firewall"
  bin/install --quiet
  mv "$FAKE/firewall" "$FAKE/firewall.off"
  run -0 bin/uninstall --yes
  says 'firewalld is not running, so these were not closed: http https'
  mv "$FAKE/firewall.off" "$FAKE/firewall"
  [[ $(let_in) == 'http https' ]]
}

# How this host gets packages, as the scripts print it.
gets() {
  cat >bin/gets <<'END'
#!/usr/bin/env bash
set -euo pipefail
source "${BASH_SOURCE[0]%/*}/lib/common"
source "$LIB/host"
main() {
  detect_host
  how_to_get "$@"
}
main "$@"
END
  chmod +x bin/gets
  bin/gets "$@"
}

@test "packages of EPEL are named with the commands that make it known" {
  make_rocky 8
  [[ $(gets jq) == 'dnf install jq' ]]
  [[ $(gets borgbackup) == 'dnf install -y epel-release dnf-plugins-core && dnf config-manager --set-enabled powertools && dnf install borgbackup' ]]
  make_rocky 9
  [[ $(gets jq monit) == 'dnf install -y epel-release && crb enable && dnf install jq monit' ]]
  make_rocky 10
  [[ $(gets python3-certbot-dns-cloudflare) == 'dnf install -y epel-release && crb enable && dnf install python3-certbot-dns-cloudflare' ]]
  printf 'ID=debian\nVERSION_ID="13"\n' >"$NUWA_ROOT/etc/os-release"
  [[ $(gets borgbackup monit) == 'apt-get install --no-install-recommends borgbackup monit' ]]
}
