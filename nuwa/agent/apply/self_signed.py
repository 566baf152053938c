"""Self-signed certificates, for hosts that have no other yet."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nuwa.agent.plan.facts import TlsFiles
from nuwa.process import run

VALID_DAYS = 3650


def make_missing(certificates: Iterable[tuple[str, TlsFiles]]) -> None:
    """Create those of these self-signed certificates that are missing on disk."""
    for host, tls in certificates:
        if tls.self_signed and not (Path(tls.certificate).exists() and Path(tls.key).exists()):
            _make("localhost" if host == "*" else host, tls)


def _make(host: str, tls: TlsFiles) -> None:
    folder = Path(tls.key).parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-subj", "/CN=nuwa", "-addext", f"subjectAltName=DNS:{host}", "-days", str(VALID_DAYS)]
    run([*argv, *subject, "-keyout", tls.key, "-out", tls.certificate])
    Path(tls.key).chmod(0o600)
