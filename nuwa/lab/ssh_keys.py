"""Lets the hosts of a lab log in to each other with ssh, without prompts."""

from __future__ import annotations

from collections.abc import Sequence

from nuwa.engine import Engine
from nuwa.lab.model import Host

_READ = "cat /etc/ssh/ssh_host_ed25519_key.pub /root/.ssh/id_ed25519.pub"
# The second file that sshd reads; the first belongs to the user.
_WRITE = "umask 077; cat > /root/.ssh/authorized_keys2"
_WRITE_KNOWN = "cat > /etc/ssh/ssh_known_hosts"


def introduce(engine: Engine, hosts: Sequence[Host]) -> None:
    """Exchange keys between all hosts; a lab of one host needs none."""
    if len(hosts) < 2:
        return
    keys = {host: _keys(engine, host) for host in hosts}
    known = "".join(f"{','.join(host.aliases)} {server}\n" for host, (server, _) in keys.items())
    allowed = "".join(f"{user}\n" for _, user in keys.values())
    for host in hosts:
        _write(engine, host, _WRITE, allowed)
        _write(engine, host, _WRITE_KNOWN, known)


def _keys(engine: Engine, host: Host) -> tuple[str, str]:
    """The host's public key, without its comment, and that of its root user."""
    server, user = engine.exec(host.container, "sh", "-c", _READ).stdout.splitlines()
    return " ".join(server.split()[:2]), user


def _write(engine: Engine, host: Host, command: str, text: str) -> None:
    engine.exec(host.container, "sh", "-c", command, options=["--interactive"], input=text)
