"""Secrets out of other people's tools: age itself, and stand-ins that print what the others document."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nuwa.errors import NuwaError
from nuwa.manifest.deploy import Deploy, SecretSource
from nuwa.manifest.model import Env
from nuwa.remote import secret_sources
from unit.render.sample import app

PRINTED = {
    "sops": {"MAIL_PASSWORD": "s3 cret", "PORT": 25, "nested": {"a": 1}},
    "op": {
        "title": "blog",
        "fields": [{"id": "1", "label": "MAIL_PASSWORD", "value": "s3 cret"}, {"id": "2"}],
    },
    "bw": {
        "login": {"username": "u", "password": "p"},
        "fields": [{"name": "MAIL_PASSWORD", "value": "s3 cret"}],
    },
    "vault": {"data": {"data": {"MAIL_PASSWORD": "s3 cret"}, "metadata": {"version": 1}}},
    "aws": {"Name": "blog", "SecretString": json.dumps({"MAIL_PASSWORD": "s3 cret"})},
}
"""As the documentation of each tool shows its output."""
CALLED = {
    "sops": ("deploy/secrets.yaml", "--decrypt --output-type json deploy/secrets.yaml"),
    "1password": ("Team/blog", "item get blog --vault Team --format json"),
    "bitwarden": ("blog", "get item blog"),
    "vault": ("secret/blog", "kv get -format=json secret/blog"),
    "aws": ("prod/blog", "secretsmanager get-secret-value --secret-id prod/blog --output json"),
}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of stand-ins in PATH; each notes its words in `called`."""
    for name, printed in PRINTED.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(printed))
        stand_in = tmp_path / name
        stand_in.write_text(f'#!/bin/sh\necho "$@" >>"{tmp_path}/called"\ncat "{tmp_path}/{name}.json"\n')
        stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def find(*sources: SecretSource, names: tuple[str, ...] = ("MAIL_PASSWORD",), group: str = "") -> Any:
    made = dataclasses.replace(app(), deploy=Deploy(secrets=sources), env=Env(secrets=names))
    return secret_sources.find(made, group, names, Path("/"))


@pytest.mark.parametrize("kind", CALLED)
def test_each_tool_is_asked_in_its_words_and_understood(tools: Path, kind: Any) -> None:
    source, words = CALLED[kind]
    assert find(SecretSource(kind=kind, source=source)) == {"MAIL_PASSWORD": "s3 cret"}
    assert (tools / "called").read_text().strip() == words


def test_vaults_first_engine_and_lines_of_aws_are_understood(tools: Path) -> None:
    (tools / "vault.json").write_text(json.dumps({"data": {"MAIL_PASSWORD": "x"}}))
    assert find(SecretSource(kind="vault", source="kv/blog")) == {"MAIL_PASSWORD": "x"}
    (tools / "aws.json").write_text(json.dumps({"SecretString": "# mail\nexport MAIL_PASSWORD='a=b'\n"}))
    assert find(SecretSource(kind="aws", source="blog")) == {"MAIL_PASSWORD": "a=b"}


@pytest.mark.usefixtures("tools")
def test_only_what_is_wanted_is_taken_under_its_own_name() -> None:
    source = SecretSource(kind="sops", source="x.yaml", names={"SMTP_PORT": "PORT"})
    assert find(source, names=("SMTP_PORT", "OTHER", "nested")) == {"SMTP_PORT": "25"}


@pytest.mark.usefixtures("tools")
def test_the_first_source_wins_and_a_group_has_its_own() -> None:
    first = SecretSource(
        kind="bitwarden", source="blog", group="staging", names={"MAIL_PASSWORD": "password"}
    )
    second = SecretSource(kind="sops", source="x.yaml")
    assert find(first, second) == {"MAIL_PASSWORD": "s3 cret"}
    assert find(first, second, group="staging") == {"MAIL_PASSWORD": "p"}


def test_a_tool_that_fails_is_named_with_what_it_said_and_no_value(tools: Path) -> None:
    (tools / "vault").write_text("#!/bin/sh\necho s3cret\necho permission denied >&2\nexit 2\n")
    with pytest.raises(NuwaError, match=r"secrets from vault \(secret/blog\): vault ended with 2") as raised:
        find(SecretSource(kind="vault", source="secret/blog"))
    assert raised.value.details == "permission denied"
    (tools / "vault").write_text("#!/bin/sh\necho '[\"s3cret\"]'\n")
    with pytest.raises(NuwaError, match="cannot be read") as raised:
        find(SecretSource(kind="vault", source="secret/blog"))
    assert "s3cret" not in f"{raised.value} {raised.value.hint} {raised.value.details}"


def test_a_tool_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(NuwaError, match="op"):
        find(SecretSource(kind="1password", source="Team/blog"))


def test_age_itself_opens_a_file_of_lines(tmp_path: Path) -> None:
    key, file = tmp_path / "key.txt", tmp_path / "secrets.age"
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    shown = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True)
    lines = b'MAIL_PASSWORD="s3 cret"\nOTHER=1\n'
    subprocess.run(["age", "-r", shown.stdout.strip(), "-o", file], input=lines, check=True)
    source = SecretSource(kind="age", source=str(file), identity=str(key))
    assert find(source) == {"MAIL_PASSWORD": "s3 cret"}
