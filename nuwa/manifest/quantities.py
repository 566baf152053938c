"""Checks for sizes, durations and bit rates in nuwa.toml: a number, or a string with a unit.

Only the standard library, and Python 3.9, like `nuwa.manifest.model`.
"""

from __future__ import annotations

import re

from nuwa.manifest.checks import shown

_SIZES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def size(value: object) -> int:
    """Bytes: an integer, or a number with K, M, G or T (powers of 1024)."""
    found = re.fullmatch(r"([0-9]{1,18})\s*([KMGT]?)(?:i?B)?", str(value).strip(), re.IGNORECASE)
    if not found:
        raise ValueError(f"{shown(value)} is not a size such as 512M or 2G")
    amount = int(found.group(1)) * _SIZES[found.group(2).upper()]
    if not 1 <= amount < 2**63:
        raise ValueError(f"{shown(value)} is larger than any machine's memory or disk")
    return amount


_DURATIONS = {"": 1, "S": 1, "M": 60, "H": 3600, "D": 86400}


def duration(value: object) -> int:
    """Seconds: an integer, or a number with s, m, h or d."""
    found = re.fullmatch(r"([0-9]{1,9})\s*([SMHD]?)", str(value).strip(), re.IGNORECASE)
    if not found:
        raise ValueError(f"{shown(value)} is not a duration such as 90s, 10m or 2h")
    return int(found.group(1)) * _DURATIONS[found.group(2).upper()]


_RATES = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3}
MIN_BIT_RATE = 64_000
"""Bits per second; below this, not even a connection to a database is established in time."""


def bit_rate(value: object) -> int:
    """Bits per second: an integer, or a number with K, M or G (powers of 1000, as links are sold)."""
    found = re.fullmatch(r"([0-9]{1,12})\s*([KMG]?)(?:bit(?:/s)?)?", str(value).strip(), re.IGNORECASE)
    if not found:
        raise ValueError(f"{shown(value)} is not a number of bits a second such as 50M")
    rate = int(found.group(1)) * _RATES[found.group(2).upper()]
    if not MIN_BIT_RATE <= rate <= 10**12:
        raise ValueError(f"{shown(value)} is outside 64K to 1000G bits a second")
    return rate
