"""An app with a database on the host's own server: PostgreSQL in depth, MariaDB for what differs."""

from __future__ import annotations

import json
import re
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
"""Where it lies on the host: a command of this test must not hold it either."""

WATCH = """
nohup bash -c 'until [[ -e /tmp/watched ]]; do
  for file in /proc/[0-9]*/cmdline; do tr "\\0" " " <$file; echo; done >>/tmp/commands 2>/dev/null
  sleep 0.1
done' >/dev/null 2>&1 </dev/null &
"""
"""Writes down every command line of the host, until the file /tmp/watched is there."""


def install(host: LabHost, name: str, engine: str, folder: Path) -> Deployment:
    """Build the app under a name of its own, set it up and start it."""
    project = folder / name
    shutil.copytree(PROJECT, project)
    manifest = project / "nuwa.toml"
    manifest.write_text(
        manifest.read_text().replace("datapg", name).replace('engine = "postgresql"', f'engine = "{engine}"')
    )
    argv = [sys.executable, "-m", "nuwa", "build", project, "--family", "debian", "--json"]
    image = str(json.loads(run(argv, cwd=ROOT, timeout=540).stdout)["image"])
    host.copy(image)
    deployment = Deployment(host, f"/srv/{name}", image, name, f"{name}.localhost")
    label = "{{.Config.Labels.Setup}}"
    host.sh(
        f"mkdir -p {deployment.directory} && cd {deployment.directory} && export BID={image}\n"
        f"podman image inspect -f '{label}' {image} | bash\n"
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
    yield install(host, "datapg", "postgresql", tmp_path_factory.mktemp("datapg"))
    host.sh("touch /tmp/watched")


def test_the_app_keeps_its_guests_in_postgresql(datapg: Deployment) -> None:
    before = guests(datapg)
    assert get(datapg, "add/ada") == "added"
    assert guests(datapg) == before + 1
    psql = "cd / && runuser -u postgres -- psql -At -d datapg -c 'SELECT count(*) FROM guest'"
    assert datapg.host.out(psql) == str(before + 1)


def test_the_app_serves_again_after_its_database_restarted(datapg: Deployment) -> None:
    before = guests(datapg)
    started = datapg.host.out(f"podman inspect -f '{{{{.State.StartedAt}}}}' {datapg.container}")
    datapg.host.sh("systemctl restart postgresql")
    eventually(lambda: guests(datapg) == before, "the database's answer")
    again = datapg.host.out(f"podman inspect -f '{{{{.State.StartedAt}}}}' {datapg.container}")
    assert again == started, "the container was restarted, and need not have been"


def test_a_read_only_volume_cannot_be_written_by_the_app(datapg: Deployment) -> None:
    assert get(datapg, "seed") == "hello from the image (Read-only file system)"


def test_a_copy_is_loaded_beside_the_live_database_and_swapped(datapg: Deployment) -> None:
    library = f"""cd {datapg.directory}
cat >bin/library <<'END'
set -euo pipefail
source "${{BASH_SOURCE[0]%/*}}/_lib"
source "$BIN/_host"; source "$BIN/_apply"; source "$BIN/_prepare"
begin
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


def test_mariadb_is_served_in_the_same_way(host: LabHost, tmp_path: Path) -> None:
    host.sh("systemctl start mariadb")
    datamy = install(host, "datamy", "mariadb", tmp_path)
    assert get(datamy, "add/ada") == "added"
    assert guests(datamy) == 1
    host.sh("systemctl restart mariadb")
    eventually(lambda: guests(datamy) == 1, "the database's answer")
    datamy.bin("uninstall --yes")
    said = datamy.bin("kill --yes").stdout
    assert "DROP DATABASE" in said
    assert host.out("mariadb -N -e 'SELECT count(*) FROM datamy.guest'") == "1"
    assert "datamy" not in host.out("ls /etc/systemd/system")
