"""A deployment with a database and odd files moves to another host, is cut off on the way, and goes back."""

from __future__ import annotations

import json
import re
import shutil
import sys

import pytest

from e2e.conftest import ROOT, Deployment, LabHost, eventually, label_commands
from nuwa.engine import Engine
from nuwa.lab.model import HostState
from nuwa.process import run

APP = ROOT / "tests/e2e/dataapp"
TARGET = "root@host2"
ODD = r"""
set -e
cd /srv/mover/volumes/data
printf a >$'new\nline "q" -> x'; ln $'new\nline "q" -> x' hard
ln -s /etc/passwd out; ln -s ../nowhere in
printf x >$'\xff\xfe bad'; printf s >-dash; printf b >'back\slash'
truncate -s 100M sparse; printf end >>sparse; mkfifo pipe
touch acl; setfacl -m u:1234:rw,g:4321:r acl
setfattr -n user.note -v 'hey "x"' acl; setfattr -n trusted.t -v 1 acl
mkdir dir; setfacl -d -m u:99:rwx dir
mkdir many; (cd many; seq -f %06g 5000 | xargs touch)
head -c 50M /dev/urandom >big
chown -hR 10001:10001 .
touch -d '2001-02-03 04:05:06.123456789' old; chown 4321:1234 old; chmod 4751 old
"""
PRINT = r"""
cd {}/volumes
find data secrets/* ! -name DATABASE_URL -printf '%y %m %U:%G %T@ %n %p %l\n' | LC_ALL=C sort | sha256sum
getfacl -nRP data secrets | sha256sum
getfattr -RPhd -m - -e hex data secrets | sha256sum
find data secrets -type f ! -name DATABASE_URL -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
(($(du -s --block-size=1M data | cut -f 1) < 100)) && echo holes
"""
"""What two copies must have in common; the database's address is each host's own."""


@pytest.fixture(scope="module")
def hosts(engine: Engine, pair: list[HostState]) -> list[LabHost]:
    return [LabHost(engine, state) for state in pair]


@pytest.fixture(scope="module")
def source(hosts: list[LabHost], tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    folder = tmp_path_factory.mktemp("mover") / "app"
    shutil.copytree(APP, folder)
    manifest = folder / "nuwa.toml"
    manifest.write_text(re.sub(r'^name = ".*"', 'name = "mover"', manifest.read_text(), count=1, flags=re.M))
    argv = [sys.executable, "-m", "nuwa", "build", folder, "--family", "debian", "--json"]
    image = str(json.loads(run(argv, timeout=540).stdout)["image"])
    deployment = Deployment(hosts[0], "/srv/mover", image, "mover", "mover.localhost")
    hosts[0].copy(image)
    hosts[0].sh(f"export MAIL_PASSWORD=word\n{label_commands(deployment)}")
    hosts[0].sh(ODD)
    for name in ("Anna", "Bo"):
        assert deployment.site.get(f"/add/{name}").status == 200
    return deployment


@pytest.fixture(scope="module")
def target(hosts: list[LabHost], source: Deployment) -> Deployment:
    return Deployment(hosts[1], source.directory, source.image, source.app, source.domain)


def guests(deployment: Deployment) -> str:
    return deployment.site.get("/count").text


def test_a_copy_that_is_killed_on_the_way_goes_on_and_is_exact(
    source: Deployment, target: Deployment
) -> None:
    host = source.host
    host.sh(f"cd {source.directory} && (setsid bin/migrate {TARGET} >/root/first 2>&1 & echo $! >/root/pid)")
    coming = f"find {target.directory} -name 'big*' -o -name '.big*'"
    eventually(lambda: target.host.sh(coming, check=False).stdout, "the data is on its way", seconds=240)
    host.sh("kill -9 -- -$(cat /root/pid)")
    assert guests(source) == "2"
    host.sh(f"flock {source.directory}/volumes/.nuwa/lock true")
    said = source.bin(f"migrate {TARGET}").stdout
    assert "the checksums of all files are the same on both sides" in said
    assert guests(source) == "2"
    assert target.host.sh(f"systemctl is-active {target.unit}", check=False).stdout.strip() == "inactive"
    assert host.out(PRINT.format(source.directory)) == target.host.out(PRINT.format(target.directory))
    assert host.out(PRINT.format(source.directory)).endswith("holes")


def test_a_file_of_it_unpacks_to_the_same(source: Deployment, target: Deployment) -> None:
    host = source.host
    source.bin("migrate --zstd --output /root/mover.sh")
    host.sh("scp -q /root/mover.sh host2:/root/ && ssh host2 sh /root/mover.sh --extract /srv/unpacked")
    assert host.out(PRINT.format(source.directory)) == target.host.out(PRINT.format("/srv/unpacked"))
    assert host.out("stat -c %a /root/mover.sh") == "600"


def test_the_cutover_takes_everything_along_and_says_how_long_it_took(
    source: Deployment, target: Deployment
) -> None:
    assert source.site.get("/add/Cleo").status == 200
    source.host.sh(f"echo later >{source.directory}/volumes/data/later")
    said = source.bin(f"migrate --yes --cutover {TARGET}").stdout
    assert re.search(r"it was down for \d+\.\d{3} s", said)
    assert guests(target) == "3"
    assert target.host.out(f"cat {target.directory}/volumes/data/later") == "later"
    away = source.site.get("/count")
    assert (away.status, away.headers["retry-after"]) == (503, "10")
    assert source.bin("run", check=False).code == 1


def test_a_rollback_serves_here_as_before_and_leaves_there_what_was_written_since(
    source: Deployment, target: Deployment
) -> None:
    assert target.site.get("/add/Dora").status == 200
    said = source.bin(f"migrate --yes --rollback {TARGET}")
    assert "does NOT come back" in said.stderr
    assert guests(source) == "3"
    assert target.host.sh(f"systemctl is-active {target.unit}", check=False).stdout.strip() == "inactive"
    assert target.host.out("runuser -u postgres -- psql -XAt mover -c 'SELECT count(*) FROM guest'") == "4"
