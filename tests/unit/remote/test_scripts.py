"""What runs on hosts, run here with stand-ins for the programs that change a host."""

from __future__ import annotations

import gzip
import os
import subprocess
from pathlib import Path

import pytest

from nuwa.remote.ssh import SCRIPTS


@pytest.fixture
def programs(tmp_path, monkeypatch):
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))

    def put(name: str, text: str = "") -> None:
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"$CALLS"\n{text}\n')
        (folder / name).chmod(0o755)

    return put


def run(script: str, *words: str, input: bytes = b"", **env: str) -> subprocess.CompletedProcess[bytes]:
    argv = ["bash", "-c", (SCRIPTS / script).read_text(), script, *words]
    return subprocess.run(argv, input=input, capture_output=True, check=False, env={**os.environ, **env})


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().splitlines()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            "apt-get install --no-install-recommends jq monit",
            ["apt-get update -qq", "apt-get install -y --no-install-recommends jq monit"],
        ),
        (
            "dnf install -y epel-release && crb enable && dnf install monit",
            ["dnf install -y -y epel-release", "crb enable", "dnf install -y monit"],
        ),
    ],
)
def test_the_command_of_the_distribution_runs_without_a_question(programs, tmp_path, command, expected):
    for name in ("apt-get", "dnf", "crb"):
        programs(name)
    assert run("prepare", command).returncode == 0
    assert calls(tmp_path) == expected


def test_what_cannot_be_installed_fails(programs):
    programs("apt-get", "[ $1 != install ]")
    assert run("prepare", "apt-get install jq").returncode != 0


def test_layers_are_continued_where_they_were_cut_and_lie_there_whole(tmp_path):
    layer = tmp_path / "layer"
    layer.write_bytes(b"first half, and what came too late")
    large = os.urandom(300_000)
    sent = b"layer 10 20\n and more.large 0 300000\n" + large
    done = run("receive", str(tmp_path), "gzip", "-dc", input=gzip.compress(sent))
    assert done.returncode == 0, done.stderr
    assert layer.read_bytes() == b"first half and more."
    assert (tmp_path / "large").read_bytes() == large


def test_what_came_of_a_stream_that_was_cut_is_kept_and_not_taken_for_all(tmp_path):
    done = run("receive", str(tmp_path), "gzip", "-dc", input=gzip.compress(b"layer 0 20\nfirst half"))
    assert done.returncode == 1
    assert (tmp_path / "layer").read_bytes() == b"first half"


def test_without_room_nothing_of_what_came_stays(tmp_path):
    stage = tmp_path / "stage"
    stage.mkdir()
    (stage / "layer").write_bytes(b"x")
    done = run("receive", str(stage), "gzip", "-dc", input=gzip.compress(b"layer 0 %d\n" % 10**17))
    assert done.returncode == 28
    assert b"MB are free, and this layer needs" in done.stderr
    assert not stage.exists()


@pytest.mark.parametrize(
    ("messages", "answer"),
    [
        ("Error: reading blob sha256:{0}: open /x/{0}: no such file or directory", "missing {0}"),
        ("Error: writing blob: Digest did not match, expected sha256:{0}, got sha256:{1}", "damaged {0}"),
    ],
)
def test_what_podman_says_of_a_layer_names_what_to_send(programs, tmp_path, messages, answer):
    digests = ("a" * 64, "b" * 64)
    stage = tmp_path / "stage"
    stage.mkdir()
    (stage / digests[0]).touch()
    programs("podman", f"echo '{messages.format(*digests)}' >&2; exit 125")
    empty = subprocess.run(["tar", "-cz", "-T", "/dev/null"], capture_output=True, check=True).stdout
    done = run("take", str(stage), "c" * 64, "localhost/app/blog:latest", input=empty)
    assert (done.returncode, done.stdout.decode().strip()) == (0, answer.format(*digests))
    # What is damaged is not continued the next time.
    assert (stage / digests[0]).exists() == answer.startswith("missing")


def test_an_image_that_goes_while_layers_are_listed_stops_nothing(programs, tmp_path):
    """Another app's deploy removes it: podman then fails as a whole, in `images` as well as in `inspect`."""
    programs(
        "podman",
        f"""gone={tmp_path}/gone-$1
        [ -e "$gone" ] || {{ : >"$gone"; echo 'Error: image not known' >&2; exit 125; }}
        case $1 in images) echo sha256:{"e" * 64} ;; image) echo sha256:{"a" * 64} ;; esac""",
    )
    done = run("layers", str(tmp_path / "stage"), "c" * 64, "a" * 64, "b" * 64)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.decode().splitlines() if line != "zstd"] == [f"have {'a' * 64}"]


@pytest.mark.parametrize("pair", ["hunter2", "A B=hunter2", "=hunter2", "x\nA=hunter2"])
def test_what_is_no_variable_is_refused_and_not_printed(pair):
    done = run("perform", "/nowhere", "lock", "deploy", "", "", input=f"{pair}\0".encode())
    assert done.returncode == 2
    assert b"NAME=VALUE" in done.stdout
    assert b"hunter2" not in done.stdout + done.stderr


def test_a_host_is_looked_at_without_podman(programs, tmp_path):
    programs("podman")
    programs("systemctl", "exit 3")
    folder = tmp_path / "blog"
    state = folder / "volumes/.nuwa"
    for file, text in {
        "bin/lib/app": "readonly NUWA_APP=blog\n",
        "bin/.image": "abc\n",
        "volumes/.nuwa/slot": "green\n",
        "volumes/.nuwa/release.green": "abc\n",
        "volumes/.nuwa/domains": "a.example.com\nb.example.com\n",
        "volumes/.nuwa/plan.install": "",
        "volumes/secrets/TOKEN": "x",
        "volumes/secrets/EMPTY": "",
    }.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    assert state.is_dir()
    done = run("look", str(folder), "blog-blue", "blog-green", "sh", "no-such-program")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    for line in (
        *(
            "app\tblog",
            "scripts\tabc",
            "release\tabc",
            "site\tyes",
            "secret\tTOKEN",
            "lacks\tno-such-program",
        ),
        *("domain\ta.example.com", "domain\tb.example.com"),
    ):
        assert line in lines
    assert not any(line.startswith(("active", "unfinished", "secret\tEMPTY")) for line in lines)
    assert calls(tmp_path) == ["systemctl is-active --quiet -- blog-green"]
