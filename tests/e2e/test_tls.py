"""Certificates from an ACME server at its strictest: got, served, renewed under load, watched."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from e2e.client import Site
from e2e.conftest import ROOT, Deployment, LabHost, eventually
from e2e.releases import release

DOMAIN = "links.lab.test"
SERVER = "https://localhost:14000/dir"

# Pebble refuses one nonce of twenty and whatever else it may, as the standard allows. It asks for a
# proof each time, where by default it would now and then take an earlier one.
STRICT = """
set -e
mkdir -p /etc/systemd/system/pebble.service.d
cat >/etc/systemd/system/pebble.service.d/test.conf <<END
[Service]
Environment=PEBBLE_WFE_NONCEREJECT=2 PEBBLE_AUTHZREUSE=0
ExecStart=
ExecStart=/usr/bin/pebble -strict -config /etc/pebble/config.json -dnsserver {dns}
END
systemctl daemon-reload
systemctl restart pebble
until curl -sf {server} -o /dev/null; do sleep 0.1; done
"""

# A zone that whoever has the key may write to, and the key as certbot wants it; all in one folder.
KNOT = """
set -e
umask 077
mkdir /root/dns
cd /root/dns
key=$(openssl rand -base64 32)
cat >knot.conf <<END
server:
  listen: 127.0.0.1@5353
  rundir: /root/dns
database:
  storage: /root/dns
key:
  - id: certbot
    algorithm: hmac-sha256
    secret: $key
acl:
  - id: certbot
    key: certbot
    action: update
zone:
  - domain: lab.test
    storage: /root/dns
    file: lab.test.zone
    acl: certbot
END
cat >lab.test.zone <<END
lab.test. 60 SOA ns.lab.test. root.lab.test. 1 60 60 60 60
lab.test. 60 NS ns.lab.test.
ns.lab.test. 60 A 127.0.0.1
END
cat >dns.ini <<END
dns_rfc2136_server = 127.0.0.1
dns_rfc2136_port = 5353
dns_rfc2136_name = certbot
dns_rfc2136_secret = $key
dns_rfc2136_algorithm = HMAC-SHA256
END
systemd-run --quiet --unit test-dns knotd --config /root/dns/knot.conf
until ss -Hltn | grep -q 127.0.0.1:5353; do sleep 0.1; done
"""


def strict(host: LabHost, dns: str = "127.0.0.1:8053") -> None:
    host.sh(STRICT.format(server=SERVER, dns=dns))


@pytest.fixture(scope="module")
def site(links: Deployment, host: LabHost) -> Iterator[Deployment]:
    """The links app with a certificate of the lab's authority; afterwards it is as it was."""
    strict(host)
    links.bin(f"install {DOMAIN} www.{DOMAIN} --acme-server {SERVER} --email ops@lab.test")
    yield replace(links, domain=DOMAIN)
    strict(host)
    links.bin(f"install {links.domain} --tls-of-image")
    host.sh("rm -r /etc/systemd/system/pebble.service.d; systemctl daemon-reload; systemctl stop pebble")


def visitor(host: LabHost, domain: str = DOMAIN) -> Site:
    """Trusts the authority alone, whose root is another at each start."""
    return Site(domain, host.https, host.out("curl -s https://localhost:15000/roots/0"))


def serial(host: LabHost) -> str:
    """The number of the certificate that a client gets."""
    ask = f"openssl s_client -connect 127.0.0.1:443 -servername {DOMAIN} </dev/null 2>/dev/null"
    return host.out(f"{ask} | openssl x509 -noout -serial")


def test_visitors_who_trust_the_authority_alone_are_served(site: Deployment, host: LabHost) -> None:
    page = visitor(host).get("/health/")
    assert page.status == 200
    assert page.headers["strict-transport-security"]
    answer = visitor(host, f"www.{DOMAIN}").get("/a?b")
    assert (answer.status, answer.headers["location"]) == (301, f"https://{DOMAIN}/a?b")
    assert "Pebble" in site.bin("status").stdout


def test_each_version_of_http_is_served_and_no_unknown_name(site: Deployment, host: LabHost) -> None:
    ask = "curl -sk -o /dev/null -w '%{http_version} %{http_code}' --resolve"
    for option, version in (("--http1.1", "1.1"), ("--http2", "2"), ("--http3-only", "3")):
        url = f"https://{DOMAIN}/health/"
        assert host.out(f"{ask} {DOMAIN}:443:127.0.0.1 {option} {url}") == f"{version} 200"
    for address in ("https://who.lab.test/", "http://who.lab.test/"):
        resolve = "who.lab.test:443:127.0.0.1 --resolve who.lab.test:80:127.0.0.1"
        assert host.out(f"{ask} {resolve} {address}").endswith(" 421")


def test_old_protocols_and_weak_ciphers_are_refused(site: Deployment, host: LabHost) -> None:
    ask = f"openssl s_client -connect 127.0.0.1:443 -servername {DOMAIN}"
    for options, ok in (
        ("-tls1_3", True),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA384:AES128-GCM-SHA256:@SECLEVEL=0", False),
        ("-tls1_1 -cipher ALL:@SECLEVEL=0", False),
        ("-tls1 -cipher ALL:@SECLEVEL=0", False),
    ):
        assert host.sh(f"{ask} {options} </dev/null", check=False).ok == ok, options


def test_a_forced_renewal_under_load_fails_no_request(site: Deployment, host: LabHost) -> None:
    before = serial(host)
    load = subprocess.Popen(
        [
            *(sys.executable, "-m", "benchmarks.load", f"https://{DOMAIN}/health/"),
            *("--connect", f"127.0.0.1:{host.https}", "--http2", "--connections", "4", "--pause", "5"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        site.bin("install --renew")
    finally:
        load.terminate()
    found = dict(re.findall(r"^(\w+) +(\d+)$", load.communicate(timeout=60)[0], re.M))
    assert serial(host) != before
    assert int(found["requests"]) > 50
    assert found["failed"] == "0"


def test_the_certificate_is_renewed_while_the_other_slot_serves(site: Deployment, host: LabHost) -> None:
    former = site.container
    site.bin(f"deploy --watch 0 {release(site, 'other')}")
    assert site.container != former
    before = serial(host)
    site.bin("install --renew")
    assert serial(host) != before
    assert visitor(host).get("/health/").status == 200
    site.bin("deploy --rollback --watch 0")
    assert site.container == former
    assert visitor(host).get("/health/").status == 200


@pytest.fixture
def elsewhere(host: LabHost) -> Iterator[str]:
    """A domain that leads to an address which nobody answers at."""
    domain, address = "elsewhere.lab.test", "203.0.113.7"
    tell = "curl -sf http://127.0.0.1:8055"
    host.sh(f"""set -e; ip route add unreachable {address}
{tell}/add-a -d '{{"host": "{domain}", "addresses": ["{address}"]}}'""")
    yield domain
    host.sh(f"""{tell}/clear-a -d '{{"host": "{domain}"}}'; ip route del unreachable {address}""")


def test_a_domain_that_leads_elsewhere_is_told_and_takes_nothing_away(
    site: Deployment, host: LabHost, elsewhere: str
) -> None:
    before = serial(host)
    refused = site.bin(f"install {DOMAIN} www.{DOMAIN} {elsewhere}", check=False)
    assert refused.code == 1
    assert f"{elsewhere} has no address as far as this host can see" in refused.stderr
    assert "Port 80 of the domain must reach this host" in refused.stderr
    assert "the site keeps its previous domains and their certificate" in refused.stderr
    assert serial(host) == before
    assert visitor(host).get("/health/").status == 200
    assert elsewhere not in site.inside("printenv NUWA_DOMAINS")


def test_a_renewal_without_the_authority_is_told_and_the_old_certificate_is_served(
    site: Deployment, host: LabHost
) -> None:
    before, known = serial(host), visitor(host)
    host.sh("systemctl stop pebble")
    refused = site.bin("install --renew", check=False)
    assert refused.code == 1
    assert f"This host cannot reach the ACME server {SERVER}" in refused.stderr
    assert f"the site is up at https://{DOMAIN}, with its previous certificate" in refused.stderr
    assert serial(host) == before
    assert known.get("/health/").status == 200
    strict(host)
    site.bin("install --renew")
    assert serial(host) != before
    assert visitor(host).get("/health/").status == 200


def test_what_cron_runs_leaves_alone_what_lasts(site: Deployment, host: LabHost) -> None:
    before = serial(host)
    (line,) = host.out(f"grep -v @reboot /etc/cron.d/nuwa-{site.app} | grep lib/check").splitlines()
    host.sh(f"cd / && {line.split(' root ', 1)[1]}")
    assert serial(host) == before


def test_monit_watches_the_served_certificate(site: Deployment, host: LabHost) -> None:
    """With a check of its own, which anybody can run by hand."""
    path = host.out(
        f"sed -n 's/.*with path \"\\(.*\\)\"/\\1/p' /etc/monit/conf.d/nuwa-{site.app}.certificate"
    )
    assert host.sh(f"cd / && {path}", check=False).ok
    eventually(
        lambda: f"nuwa-{site.app}-certificate" in host.out("monit summary"), "monit has the check", seconds=30
    )


@pytest.fixture
def dns(site: Deployment, host: LabHost) -> Iterator[Deployment]:
    """The app as if its image named a DNS server, which the authority asks too."""
    host.sh(KNOT)
    strict(host, "127.0.0.1:5353")
    values = {"PLUGIN": "rfc2136", "CREDENTIALS": "/root/dns/dns.ini", "WAIT": "1"}
    edits = ";".join(
        f"s|^readonly NUWA_DNS_{name}=.*|readonly NUWA_DNS_{name}={values[name]}|" for name in values
    )
    host.sh(f"cd {site.directory}/bin/lib && cp -p app /root/dns/app && sed -i '{edits}' app")
    yield site
    host.sh(f"cp -p /root/dns/app {site.directory}/bin/lib/app; systemctl stop test-dns; rm -r /root/dns")


def test_a_wildcard_is_got_by_dns_and_a_wrong_key_is_told(dns: Deployment, host: LabHost) -> None:
    dns.bin(f"install {DOMAIN} '*.{DOMAIN}' --challenge dns-01")
    assert visitor(host, f"any.{DOMAIN}").get("/health/").status == 200
    before = serial(host)
    host.sh("sed -i 's/^dns_rfc2136_secret.*/dns_rfc2136_secret = AAAA/' /root/dns/dns.ini")
    refused = dns.bin("install --renew", check=False)
    assert refused.code == 1
    assert "The DNS could not be changed" in refused.stderr
    assert serial(host) == before
