"""An app with a database on the host's own server: PostgreSQL in depth, MariaDB for what differs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import ROOT, Deployment, LabHost, eventually
from nuwa.process import run

PROJECT = Path(__file__).parent / "dataapp"
MAIL_PASSWORD = "mail-5e1f-of-this-test"
MAIL = "/root/mail"
"""Where it is on the host: a command of this test must not hold it either."""

WATCH = """
nohup bash -c 'until [[ -e /tmp/watched ]]; do
  for file in /proc/[0-9]*/cmdline; do tr "\\0" " " <$file; echo; done >>/tmp/commands 2>/dev/null
  sleep 0.1
done' >/dev/null 2>&1 </dev/null &
"""
"""Writes down every command line of the host, until the file /tmp/watched is there."""


def install(host: LabHost, name: str, database: str, folder: Path, url: str = "") -> Deployment:
    """Build the app under a name of its own, set it up and start it; `database` is the manifest's section."""
    project = folder / name
    shutil.copytree(PROJECT, project)
    manifest = project / "nuwa.toml"
    text = manifest.read_text().replace("datapg", name)
    assert 'engine = "postgresql"' in text
    manifest.write_text(text.replace('engine = "postgresql"', database))
    argv = [sys.executable, "-m", "nuwa", "build", project, "--family", "debian", "--json"]
    image = str(json.loads(run(argv, cwd=ROOT, timeout=540).stdout)["image"])
    host.copy(image)
    deployment = Deployment(host, f"/srv/{name}", image, name, f"{name}.localhost")
    label = "{{.Config.Labels.Setup}}"
    host.sh(
        f"mkdir -p {deployment.directory} && cd {deployment.directory} && export BID={image}\n"
        f"podman image inspect -f '{label}' {image} | bash\n"
        f"export DATABASE_URL={url}; [[ $DATABASE_URL ]] || unset DATABASE_URL\n"
        f"MAIL_PASSWORD=$(<{MAIL}) bin/run"
    )
    return deployment


def get(deployment: Deployment, path: str) -> str:
    """What the app answers, on the port of the host."""
    port = deployment.host.out(f"cat {deployment.directory}/volumes/.nuwa/port.blue")
    return deployment.host.out(f"curl -fsS --max-time 10 http://127.0.0.1:{port}/{path}")


def guests(deployment: Deployment) -> int:
    return int(get(deployment, "count"))


@pytest.fixture(scope="module")
def datapg(host: LabHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    host.sh(f"printf %s {MAIL_PASSWORD} >{MAIL}; printf %s {MAIL_PASSWORD}-2 >{MAIL}.2; rm -f /tmp/watched")
    host.sh(WATCH)
    made = install(host, "datapg", 'engine = "postgresql"', tmp_path_factory.mktemp("datapg"))
    yield made
    made.remove()
    host.sh("touch /tmp/watched")


def test_the_app_keeps_its_guests_in_postgresql(datapg: Deployment) -> None:
    before = guests(datapg)
    assert get(datapg, "add/ada") == "added"
    assert guests(datapg) == before + 1
    psql = "cd / && runuser -u postgres -- psql -At -d datapg -c 'SELECT count(*) FROM guest'"
    assert datapg.host.out(psql) == str(before + 1)


CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 4).close()
    print("connected")
except OSError as error:
    print("refused", error)
"""


def connects(app: Deployment, slot: str, address: str, port: int) -> bool:
    """Whether a container of an app reaches a port at an address."""
    python = f"podman exec nuwa-{app.app}-{slot} /usr/lib/nuwa/python -I -c {shlex.quote(CONNECT)}"
    said = app.host.out(f"{python} {address} {port}")
    assert said.split()[0] in ("connected", "refused"), said
    return said.startswith("connected")


def address_of(app: Deployment, slot: str) -> str:
    networks = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return app.host.out(f"podman container inspect --format '{networks}' nuwa-{app.app}-{slot}")


def test_no_app_reaches_another_past_nginx(datapg: Deployment, tiny: Deployment) -> None:
    here, there = ((app, app.host.out(f"cat {app.directory}/volumes/.nuwa/slot")) for app in (datapg, tiny))
    for (app, slot), (other, others) in ((here, there), (there, here)):
        assert connects(app, slot, "127.0.0.1", 8000)
        assert not connects(app, slot, address_of(other, others), 8000)
        gateway = app.host.out(
            f"podman network inspect --format '{{{{(index .Subnets 0).Gateway}}}}' nuwa-{app.app}"
        )
        port = int(app.host.out(f"cat {other.directory}/volumes/.nuwa/port.{others}"))
        assert not connects(app, slot, gateway, port)
    # The way to the host's database server is the app's own, too.
    way = datapg.host.out(f"cat {datapg.directory}/volumes/secrets/DATABASE_URL")
    found = re.search(r"@([0-9.]+):([0-9]+)/", way)
    assert found
    assert connects(datapg, here[1], found[1], int(found[2]))
    assert not connects(tiny, there[1], found[1], int(found[2]))


GREETER = "systemd-run --quiet --unit e2e-greeter"
SERVE = "systemd-socket-activate --listen 127.0.0.1:2525 --inetd --accept /usr/bin/echo welcome"
GREET = """
import os, socket
address = os.environ["GREETER_HOST"], int(os.environ["GREETER_PORT"])
print(socket.create_connection(address, 4).recv(99).decode())
"""


def test_a_server_on_the_hosts_loopback_is_reached_from_the_container_alone(
    datapg: Deployment, tiny: Deployment
) -> None:
    host, ask = datapg.host, f"/usr/lib/nuwa/app-env python -I -c {shlex.quote(GREET)}"
    assert datapg.inside(ask) == "", "closed, as long as nothing listens there"
    assert "greeter at 127.0.0.1:2525: does NOT listen" in datapg.bin("status").stdout
    host.sh(f"{GREETER} {SERVE}")
    try:
        assert eventually(lambda: datapg.inside(ask), "the greeting") == "welcome"
        assert "greeter at 127.0.0.1:2525: listens" in datapg.bin("status").stdout
        run_once = f"run-once --quiet python -I -c {shlex.quote(GREET)}"
        assert datapg.bin(run_once).stdout.strip() == "welcome"
        address, port = (
            host.out(f"cat {datapg.directory}/volumes/secrets/GREETER_{part}") for part in ("HOST", "PORT")
        )
        slot = host.out(f"cat {tiny.directory}/volumes/.nuwa/slot")
        assert not connects(tiny, slot, address, int(port))
    finally:
        host.sh("systemctl stop e2e-greeter")


def test_a_network_that_somebody_removed_is_back_with_the_next_start(datapg: Deployment) -> None:
    datapg.host.sh("systemctl stop nuwa-datapg-blue && podman network rm nuwa-datapg")
    datapg.host.sh("systemctl start nuwa-datapg-blue")
    assert guests(datapg) >= 0


def test_the_app_serves_again_after_its_database_restarted(datapg: Deployment) -> None:
    before = guests(datapg)
    started = datapg.host.out(f"podman inspect -f '{{{{.State.StartedAt}}}}' {datapg.container}")
    datapg.host.sh("systemctl restart postgresql")
    eventually(lambda: guests(datapg) == before, "the database's answer")
    again = datapg.host.out(f"podman inspect -f '{{{{.State.StartedAt}}}}' {datapg.container}")
    assert again == started, "the container was restarted, and need not have been"


OUTSIDE = """set -eu
ip netns add outside
ip link add outside0 type veth peer name outside1 netns outside
ip addr add 198.51.100.1/24 dev outside0
ip link set outside0 up
ip -n outside addr add 198.51.100.2/24 dev outside1
ip -n outside link set outside1 up
ip -n outside route add default via 198.51.100.1
"""
"""Somebody on a network of the host's who sends to the host what is for the network of a container."""


def test_nobody_but_containers_and_the_host_reaches_the_way_to_the_database(datapg: Deployment) -> None:
    host = datapg.host
    unit = host.out("cd /etc/systemd/system && ls nuwa-datapg-database*.socket")
    listens = host.out(f"sed -n 's/^ListenStream=//p' /etc/systemd/system/{unit}")
    address, _, port = listens.partition(":")
    knock = f"timeout 5 bash -c ': </dev/tcp/{address}/{{}}'"
    host.sh(OUTSIDE)
    try:
        closed = host.sh("ip netns exec outside " + knock.format(9), check=False)
        assert "refused" in closed.stderr, "the network outside does not lead to this address"
        kept_out = host.sh("ip netns exec outside " + knock.format(port), check=False)
        assert not kept_out.ok
        assert "refused" not in kept_out.stderr
        assert host.sh(knock.format(port), check=False).ok
        host.sh(f"systemctl stop {unit}; ! iptables -S INPUT | grep -- '--dport {port} '")
    finally:
        host.sh(f"systemctl start {unit}; ip netns del outside")


def test_a_read_only_volume_cannot_be_written_by_the_app(datapg: Deployment) -> None:
    assert get(datapg, "seed") == "hello from the image (Read-only file system)"


def test_a_copy_is_loaded_next_to_the_live_database_and_swapped(datapg: Deployment) -> None:
    library = f"""cd {datapg.directory}
cat >bin/library <<'END'
set -euo pipefail
for part in common host undo ports secrets database; do source "${{BASH_SOURCE[0]%/*}}/lib/$part"; done
begin
use_parts sqlite dump provision
"$@"
END
library() {{ bash bin/library "$@"; }}
"""
    before = guests(datapg)
    datapg.host.sh(f"{library} library database_dump /root/dump")
    assert get(datapg, "add/grace") == "added"
    datapg.host.sh(f"{library} library database_restore /root/dump && library database_swap")
    eventually(lambda: guests(datapg) == before, "the restored content")
    datapg.host.sh(f"{library} library database_swap_back")
    eventually(lambda: guests(datapg) == before + 1, "what was there before")


def test_no_secret_is_seen_where_it_does_not_belong(datapg: Deployment) -> None:
    host, folder = datapg.host, datapg.directory
    first = host.out(f"cat {folder}/volumes/secrets/DATABASE_URL")
    datapg.bin("secret generate DATABASE_URL")
    host.sh(f"cd {folder} && bin/secret set MAIL_PASSWORD <{MAIL}.2")
    datapg.bin(f"install {datapg.domain}")
    assert get(datapg, "secret/MAIL_PASSWORD") == str(len(MAIL_PASSWORD) + 2)
    datapg.bin("status")
    host.sh("touch /tmp/watched")
    second = host.out(f"cat {folder}/volumes/secrets/DATABASE_URL")
    passwords = [re.findall(r":([0-9a-f]{64})@", url) for url in (first, second)]
    assert passwords[0] != passwords[1]
    key = host.out(f"cat {folder}/volumes/secrets/SECRET_KEY")
    host.sh(
        f"(podman inspect {datapg.image} {datapg.container}; podman history --no-trunc {datapg.image}\n"
        "journalctl --no-pager --output export) >/tmp/seen; mkdir -p /tmp/layers\n"
        f"podman save {datapg.image} | tar -xf - -C /tmp/layers"
    )
    assert "bin/run" in host.out("cat /tmp/commands"), "no command line was written down"
    places = (
        f"/tmp/commands /tmp/seen /tmp/layers {folder}/bin {folder}/volumes/log {folder}/volumes/.nuwa "
        "/etc/systemd /etc/nginx /etc/monit /etc/cron.d /var/log/nginx"
    )
    for secret in (MAIL_PASSWORD, key, *passwords[0], *passwords[1]):
        assert secret
        found = host.sh(f"grep -rlaF -f <(printf %s {secret}) {places}", check=False).stdout
        assert found == "", f"{secret} is in {found}"


def test_after_a_boot_the_app_finds_its_database(datapg: Deployment) -> None:
    before = guests(datapg)
    datapg.host.reboot()
    eventually(lambda: guests(datapg) == before, "the app after a boot", seconds=120)


def archive_and_restore(deployment: Deployment) -> None:
    """What was written after the archive is gone once it is restored."""
    before = guests(deployment)
    said = deployment.bin(f"archive_volumes --repository /srv/borg-{deployment.app}").stdout
    assert "made nuwa-" in said
    assert get(deployment, "add/late") == "added"
    assert guests(deployment) == before + 1
    deployment.bin("restore_volumes --yes --quiet")
    eventually(lambda: guests(deployment) == before, "what was archived")
    deployment.host.sh(f"rm -r /srv/borg-{deployment.app}")


FAR = r"""set -e
runuser -u postgres -- psql -qX <<END
CREATE ROLE far LOGIN CREATEDB PASSWORD 'far-8d1c';
CREATE DATABASE guests OWNER far;
ALTER SYSTEM SET listen_addresses = '*';
END
cd /etc/postgresql/*/main
sed -i.before '1i host all far 10.0.0.0/8 scram-sha-256' pg_hba.conf
systemctl restart 'postgresql@*'
"""
"""A database as if it were on another host: known by its address alone."""
NEAR = r"""cd /etc/postgresql/*/main; mv pg_hba.conf.before pg_hba.conf
runuser -u postgres -- psql -qX -c 'ALTER SYSTEM RESET listen_addresses'
systemctl restart 'postgresql@*'
for name in guests datafar_former; do
  runuser -u postgres -- psql -qX -c "DROP DATABASE IF EXISTS $name"
done
runuser -u postgres -- psql -qX -c 'DROP ROLE far'
"""


@pytest.fixture
def far(host: LabHost, datapg: Deployment) -> Iterator[str]:
    host.sh(FAR)
    address = host.out("hostname -I | cut -d ' ' -f 1")
    yield f"postgresql://far:far-8d1c@{address}:5432/guests"
    host.sh(NEAR)


def test_a_database_at_an_address_is_archived_and_restored(far: str, host: LabHost, tmp_path: Path) -> None:
    datafar = install(host, "datafar", 'engine = "postgresql"\nwhere = "url"', tmp_path, far)
    assert get(datafar, "add/ada") == "added"
    archive_and_restore(datafar)
    datafar.remove()


def test_mariadb_is_served_in_the_same_way(host: LabHost, tmp_path: Path) -> None:
    host.sh("systemctl start mariadb")
    datamy = install(host, "datamy", 'engine = "mariadb"', tmp_path)
    assert get(datamy, "add/ada") == "added"
    assert guests(datamy) == 1
    host.sh("systemctl restart mariadb")
    eventually(lambda: guests(datamy) == 1, "the database's answer")
    archive_and_restore(datamy)
    granted = "SELECT DISTINCT table_schema FROM information_schema.schema_privileges"
    assert host.out(f"mariadb -N -e '{granted}' | grep datamy").split() == ["datamy"]
    datamy.bin("uninstall --yes")
    said = datamy.bin("kill --yes").stdout
    assert "DROP DATABASE" in said
    assert host.out("mariadb -N -e 'SELECT count(*) FROM datamy.guest'") == "1"
    assert "datamy" not in host.out("ls /etc/systemd/system")
