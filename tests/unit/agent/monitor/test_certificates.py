"""When a certificate ends."""

from __future__ import annotations

import time
from pathlib import Path

from nuwa.agent.monitor import certificates
from nuwa.process import run


def test_the_end_of_a_certificate_is_read(tmp_path: Path) -> None:
    key = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for days in (30, 20000):  # the second ends after 2050, which is written in another way
        run([*key, "-subj", "/CN=x", "-days", str(days), "-keyout", tmp_path / "k", "-out", tmp_path / "c"])
        end = certificates.stored(tmp_path / "c")
        assert end is not None
        assert abs(end - time.time() - days * 86400) < 3600
    assert certificates.stored(tmp_path / "none") is None
    (tmp_path / "c").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")
    assert certificates.stored(tmp_path / "c") is None
