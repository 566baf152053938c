"""`nuwa deploy` refuses hosts of another processor before it builds or sends anything."""

from __future__ import annotations

import os
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from nuwa.cli import deploy, main
from nuwa.errors import NuwaError
from nuwa.remote import ssh

MANIFEST = 'app.name = "blog"\napp.domains = ["blog.example.com"]\nserver.module = "blog:app"\n'
SEEN = "machine\t{machine}\nID\tdebian\nVERSION_ID\t13\n"


@pytest.fixture
def built(tmp_path, monkeypatch):
    """What is built for which platform, from an amd64 machine; root@arm is an arm64 host."""
    (tmp_path / "nuwa.toml").write_text(MANIFEST)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="x86_64"))
    wanted = []

    @contextmanager
    def connect(target):
        seen = SEEN.format(machine="aarch64" if "arm" in target.host else "x86_64")
        yield SimpleNamespace(target=target, run=lambda *_: SimpleNamespace(stdout=seen))

    @contextmanager
    def build_here(engine, made, asked, memory, progress):
        wanted.append(f"linux/{asked.architecture}" if asked.architecture else None)
        raise NuwaError("that is far enough")
        yield

    @contextmanager
    def build_there(made, project, where, platform, progress):
        wanted.append(platform)
        raise NuwaError("that is far enough")
        yield

    monkeypatch.setattr(ssh, "connect", connect)
    monkeypatch.setattr(deploy, "_engine", lambda: None)
    monkeypatch.setattr(deploy, "_built_here", build_here)
    monkeypatch.setattr(deploy, "_built_there", build_there)
    return wanted


@pytest.mark.parametrize(
    ("words", "message", "remedy"),
    [
        (["root@arm"], "the image is for amd64, and root@arm is arm64", "--platform linux/arm64 root@arm"),
        (
            ["root@intel", "root@arm"],
            "the image is for amd64, and root@arm is arm64",
            "nuwa deploy --build-on root@arm root@arm:/srv/blog",
        ),
        (
            ["--platform", "linux/arm64", "root@arm", "root@intel"],
            "the image is for arm64, and root@intel is amd64",
            "--platform linux/amd64 root@intel",
        ),
        (
            ["--build-on", "root@intel", "--platform", "linux/amd64", "root@arm"],
            "the image is for amd64, and root@arm is arm64",
            "--platform linux/arm64",
        ),
    ],
)
def test_a_host_of_another_processor_is_refused_before_anything_is_built(
    built, capsys, words, message, remedy
):
    assert main.run(["deploy", *words]) == 8
    said = capsys.readouterr().err
    assert message in said
    assert remedy in said
    assert built == []


@pytest.mark.parametrize(
    ("words", "platform"),
    [
        (["root@intel"], None),
        (["--platform", "linux/arm64", "root@arm"], "linux/arm64"),
        (["--build-on", "root@arm", "root@arm"], None),
    ],
)
def test_the_image_is_built_for_what_the_host_is(built, capsys, words, platform):
    assert main.run(["deploy", *words]) != 0
    assert "that is far enough" in capsys.readouterr().err
    assert built == [platform]
