"""Who calls, for the audit trail."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from nuwa.cli import caller

KEY = base64.b64encode(b"a public key").decode()


def test_an_ssh_login_is_known_by_its_address_and_its_key(tmp_path: Path) -> None:
    told = tmp_path / "auth"
    told.write_text(f"publickey ssh-ed25519 {KEY}\n")
    environment = {"SSH_CONNECTION": "192.0.2.7 50000 198.51.100.1 22", "SSH_USER_AUTH": str(told)}
    digest = base64.b64encode(hashlib.sha256(b"a public key").digest()).decode().rstrip("=")
    assert caller.source(environment) == f"192.0.2.7 SHA256:{digest}"


@pytest.mark.parametrize(
    "content", ["", "password\n", "publickey ssh-ed25519\n", "publickey ssh-ed25519 x\n"]
)
def test_without_a_key_the_address_is_what_is_known(tmp_path: Path, content: str) -> None:
    told = tmp_path / "auth"
    told.write_text(content)
    environment = {"SSH_CONNECTION": "2001:db8::7 50000 2001:db8::1 22", "SSH_USER_AUTH": str(told)}
    assert caller.source(environment) == "2001:db8::7"
    assert caller.source({**environment, "SSH_USER_AUTH": str(tmp_path / "gone")}) == "2001:db8::7"


def test_sudo_says_who_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ada")
    assert caller.caller().who == "ada"
    assert caller.headers()["X-Nuwa-Who"] == "ada"


def test_somebody_is_always_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert caller.caller().who
    assert caller.caller().way in ("command line", "ssh")
