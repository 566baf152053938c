"""The expiry of certificates: of the one that a server presents, and of the one on disk."""

from __future__ import annotations

import asyncio
import base64
import calendar
import re
import ssl
import time
from pathlib import Path

TIMEOUT_S = 5.0


async def served(host: str, address: str = "127.0.0.1", port: int = 443) -> float | None:
    """When the certificate that this host's server presents for a name expires; None if it presents none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Only the expiry matters: self-signed and expired certificates are read too.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    name = host.replace("*", "nuwa", 1)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.transport.abort()
    except (OSError, ValueError):
        return None
    return end_of(shown) if shown else None


def stored(path: Path) -> float | None:
    """When the first certificate in a PEM file expires."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError):
        return None
    found = re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", text, re.DOTALL)
    try:
        return end_of(base64.b64decode(found[1])) if found else None
    except ValueError:
        return None


def end_of(der: bytes) -> float | None:
    """`notAfter` of a certificate (RFC 5280, 4.1) in Unix seconds; None for what is not a certificate."""
    try:
        _, certificate, _ = _element(der)
        _, body, _ = _element(certificate)
        tag, _, rest = _element(body)
        if tag == 0xA0:  # the version, which may be missing
            body = rest
        for _ in range(3):  # serial number, algorithm, issuer
            _, _, body = _element(body)
        _, validity, _ = _element(body)
        _, _, validity = _element(validity)
        tag, value, _ = _element(validity)
        return _time(tag, value.decode("ascii"))
    except (IndexError, ValueError):
        return None


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """The first element: its tag, its content, and what follows it."""
    tag, length, start = der[0], der[1], 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(der[2 : 2 + count])
        start += count
    if start + length > len(der):
        raise ValueError("the element is cut off")
    return tag, der[start : start + length], der[start + length :]


def _time(tag: int, text: str) -> float:
    """UTCTime has two digits for the year, and from 50 on they are of the last century."""
    if tag == 0x17:
        text = ("19" if text >= "50" else "20") + text
    return float(calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ")))
