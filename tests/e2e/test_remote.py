"""nuwa deploy from this machine to a host that is reached by ssh alone."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.ssh_way import lay
from e2e.conftest import Deployment, LabHost, eventually
from e2e.releases import load, lost, serving
from nuwa.remote import lock, ssh
from nuwa.remote.target import Target

HERE = Path(__file__).parent
FOLDER = "/srv/distant"
TARGET = f"root@distant:{FOLDER}"
CUTS = int(os.environ.get("NUWA_CUTS", "1"))
"""How often the connection is cut at a random moment of a deploy."""
RATE = 6_000_000
"""Bytes a second of the line."""


@dataclass(frozen=True)
class Laptop:
    """A project, and a way to the host that can be cut."""

    deployment: Deployment
    project: Path
    pids: Path

    def nuwa(self, *words: str, code: int = 0, **env: str) -> str:
        """Run nuwa in the project and return what it printed on stdout."""
        done = self.begin(*words, **env)
        out, err = done.communicate(timeout=500)
        assert done.returncode == code, (words, out, err)
        return out if code == 0 else out + err

    def begin(self, *words: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "nuwa", *words],
            cwd=self.project,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def deploy(self, **env: str) -> dict:
        return json.loads(self.nuwa("deploy", "--json", TARGET, **env))["hosts"][0]

    def change(self, text: str) -> None:
        (self.project / "release.txt").write_text(f"{text}\n")

    def cut(self) -> None:
        for pid in self.pids.read_text().split() if self.pids.exists() else ():
            if (
                "slow_line" in Path(f"/proc/{pid}/cmdline").read_text()
                if Path(f"/proc/{pid}").exists()
                else ""
            ):
                os.kill(int(pid), signal.SIGKILL)
        self.pids.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def laptop(host: LabHost, tmp_path_factory) -> Iterator[Laptop]:
    folder = tmp_path_factory.mktemp("laptop")
    project = folder / "distant"
    shutil.copytree(HERE / "tiny", project)
    manifest = (
        (project / "nuwa.toml")
        .read_text()
        .replace('name = "tiny"', 'name = "distant"\ndomains = ["distant.localhost"]')
    )
    (project / "nuwa.toml").write_text(f'{manifest}\n[env]\nsecrets = ["TOKEN"]\n')
    pids = folder / "pids"
    line = f"{sys.executable} {HERE / 'slow_line.py'} {RATE} {pids}"
    programs = lay(host.engine, {"distant": host.state.host}, folder / "way", line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        deployment = Deployment(host, FOLDER, "localhost/app/distant:latest", "distant", "distant.localhost")
        yield Laptop(deployment, project, pids)
    deployment.remove()


def test_the_first_deploy_asks_for_what_is_missing_and_then_installs(laptop):
    host = laptop.deployment.host
    told = laptop.nuwa("deploy", TARGET, code=2)
    assert f"secrets are missing on {TARGET}: TOKEN" in told
    assert not host.sh(f"test -e {FOLDER}", check=False).ok
    outcome = laptop.deploy(TOKEN="a\nb")
    assert outcome["address"] == "https://distant.localhost/"
    assert serving(laptop.deployment).strip() == (laptop.project / "release.txt").read_text().strip()
    assert host.out(f"cat {FOLDER}/volumes/secrets/TOKEN") == "a\nb"


def test_unchanged_is_left_alone_and_a_change_of_code_sends_its_layer_alone(laptop):
    assert laptop.deploy()["changed"] is False
    laptop.change("second")
    outcome = laptop.deploy()
    image = laptop.deployment.host.engine.image("localhost/app/distant:latest")
    assert image
    assert (outcome["layers"], outcome["bytes"] < 0.02 * image.size) == (1, True)
    assert serving(laptop.deployment) == "second"
    # The id is the same on both sides, so what is compared is the image itself.
    assert laptop.deployment.host.out(f"cat {FOLDER}/bin/.image") == image.id


def test_scripts_run_there_with_their_input_and_their_exit_code(laptop):
    status = json.loads(laptop.nuwa("app", "--on", TARGET, "--json", "status"))
    assert status["hosts"][TARGET]["output"]["serves"] is True
    laptop.nuwa("app", "--on", TARGET, "secret", "list")
    assert "Available:" in laptop.nuwa("app", "--on", TARGET, "nothing", code=2)


def test_secrets_are_read_here_by_age_and_sent_to_the_host(laptop, tmp_path):
    key, host = tmp_path / "key.txt", laptop.deployment.host
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    shown = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True)
    file = laptop.project / "secrets.age"
    lines = "TOKEN=from age\nOTHER=never\n"
    subprocess.run(["age", "-r", shown.stdout.strip(), "-o", file], input=lines, text=True, check=True)
    manifest = laptop.project / "nuwa.toml"
    before = manifest.read_text()
    source = f'[[deploy.secrets]]\nkind = "age"\nsource = "{file.name}"\nidentity = "{key}"\n'
    manifest.write_text(f"{before}\n{source}")
    assert "would store: TOKEN" in laptop.nuwa("app", "--on", TARGET, "secret", "import", "--dry-run")
    told = laptop.nuwa("app", "--on", TARGET, "secret", "import")
    manifest.write_text(before)
    file.unlink()
    assert "runs with the new secrets" in told
    assert "from age" not in told
    assert host.out(f"cat {FOLDER}/volumes/secrets/TOKEN") == "from age"
    assert host.out(f"ls {FOLDER}/volumes/secrets") == "TOKEN"
    assert (
        host.out(f"podman exec {laptop.deployment.container} /usr/lib/nuwa/app-env printenv TOKEN")
        == "from age"
    )
    assert laptop.nuwa("app", "--on", TARGET, "run-once", "printenv", "TOKEN").strip() == "from age"


def test_the_second_laptop_is_told_who_is_there(laptop):
    with ssh.connect(Target("root@distant", FOLDER)) as connection, lock.held(connection):
        laptop.change("never")
        told = laptop.nuwa("deploy", TARGET, code=6)
    assert "is being deployed to by root on" in told
    assert ", since 20" in told
    assert serving(laptop.deployment) == "second"


def test_a_full_disk_and_a_foreign_folder_change_nothing(laptop):
    host = laptop.deployment.host
    incoming = "/var/lib/nuwa-app/incoming"
    host.sh(f"mkdir -p {incoming}; mount -t tmpfs -o size=9m none {incoming}")
    told = laptop.nuwa("deploy", TARGET, code=8)
    host.sh(f"umount {incoming}")
    assert "the disk of root@distant is full" in told
    assert "not empty, and no deployment" in laptop.nuwa("deploy", "root@distant:/etc", code=8)
    assert serving(laptop.deployment) == "second"


def test_what_came_before_a_cut_is_not_sent_again(laptop):
    host, stage = laptop.deployment.host, Target("root@distant", FOLDER).stage
    (laptop.project / "large.bin").write_bytes(random.randbytes(3 * RATE))
    laptop.change("large")
    first = laptop.begin("deploy", TARGET)
    eventually(
        lambda: host.sh(f"find {stage} -size +{RATE}c", check=False).stdout.strip(), "some MB have come"
    )
    laptop.cut()
    assert "was cut" in first.communicate(timeout=300)[1]
    assert serving(laptop.deployment) == "second"
    assert laptop.deploy()["bytes"] < 2.2 * RATE
    assert serving(laptop.deployment) == "large"
    assert not host.sh(f"test -e {stage}", check=False).ok


def test_a_connection_that_is_cut_at_any_moment_costs_no_request(laptop):
    (laptop.project / "large.bin").unlink(missing_ok=True)
    with load(laptop.deployment) as samples:
        for number in range(CUTS):
            laptop.change(f"cut {number}")
            doomed = laptop.begin("deploy", TARGET)
            time.sleep(random.uniform(1, 12))
            laptop.cut()
            doomed.communicate(timeout=300)
            laptop.deploy()
            assert serving(laptop.deployment) == f"cut {number}"
            assert not laptop.deployment.host.sh(f"test -e {FOLDER}/volumes/.nuwa/deploy", check=False).ok
    assert lost(samples) == []


def test_an_interrupted_deploy_leaves_nothing_half_done_and_a_rollback_returns(laptop):
    before = serving(laptop.deployment)
    laptop.change("interrupted")
    doomed = laptop.begin("deploy", TARGET)
    state = f"{FOLDER}/volumes/.nuwa"
    eventually(lambda: laptop.deployment.host.sh(f"test -e {state}/deploy", check=False).ok, "it has begun")
    doomed.send_signal(signal.SIGINT)
    doomed.communicate(timeout=180)
    assert doomed.returncode == 130
    assert not laptop.deployment.host.sh(f"test -e {state}/deploy", check=False).ok
    assert serving(laptop.deployment) in (before, "interrupted")
    laptop.deploy()
    laptop.nuwa("rollback", TARGET)
    assert serving(laptop.deployment) == before
