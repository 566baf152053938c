"""ssh access from this machine to lab hosts, as a user has it: a key, known hosts, a configuration.

ssh looks for its configuration in the home folder that the system knows, whatever HOME says; so the folder
contains a program `ssh` that passes the configuration.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from nuwa.engine import Engine
from nuwa.lab.model import Host
from nuwa.process import run

_ALLOW = "umask 077; mkdir -p /root/.ssh; cat >>/root/.ssh/authorized_keys"
_KEY = ("cat", "/etc/ssh/ssh_host_ed25519_key.pub")
_ADDRESS = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"


def lay(engine: Engine, hosts: Mapping[str, Host], folder: Path, through: str = "") -> Path:
    """Set up the access, and return the folder to put first in PATH.

    Args:
        hosts: lab hosts by the names that ssh should use for them.
        folder: for the key and the configuration.
        through: a command that connects to the address that follows it; empty: ssh connects itself.
    """
    key, programs = folder / "key", folder / "programs"
    programs.mkdir(parents=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
    known, lines = [], [f"IdentityFile {key}", f"UserKnownHostsFile {folder / 'known'}"]
    for name, host in hosts.items():
        address = engine.podman("inspect", "--format", _ADDRESS, host.container).stdout.strip()
        public = key.with_suffix(".pub").read_text()
        engine.exec(host.container, "sh", "-c", _ALLOW, options=["--interactive"], input=public)
        known.append(f"{name} {engine.exec(host.container, *_KEY).stdout}")
        lines += [f"Host {name}", f"  HostName {address}", f"  HostKeyAlias {name}"]
        lines += [f"  ProxyCommand {through} {address}"] if through else []
    (folder / "known").write_text("".join(known))
    (folder / "config").write_text("\n".join(lines) + "\n")
    program = programs / "ssh"
    program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder / "config"} "$@"\n')
    program.chmod(0o755)
    return programs
