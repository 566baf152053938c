"""Layers of rootless podman become those of root, byte for byte."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest

from nuwa.image.overlay_attributes import strip

ORIGIN = {"SCHILY.xattr.user.overlay.origin": "", "SCHILY.xattr.user.overlay.impure": "y"}
CAPABILITY = {"SCHILY.xattr.security.capability": "\x01\x00\x00\x02"}


def layer(**attributes: dict[str, str]) -> bytes:
    """A tar with these files, each with its extended attributes."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, headers in attributes.items():
            entry = tarfile.TarInfo(name)
            entry.size = 700
            entry.pax_headers = headers
            archive.addfile(entry, io.BytesIO(name.encode() * 700))
    return made.getvalue()


def stripped(data: bytes) -> bytes:
    target = io.BytesIO()
    made = strip(io.BytesIO(data), target)
    result = target.getvalue()
    assert (made.size, made.digest) == (len(result), f"sha256:{hashlib.sha256(result).hexdigest()}")
    return result


def contents(data: bytes) -> dict[str, tuple[dict[str, str], bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {
            entry.name: (dict(entry.pax_headers), archive.extractfile(entry).read())  # type: ignore[union-attr]
            for entry in archive
        }


def test_a_layer_without_them_stays_as_it_is():
    data = layer(a={}, b=CAPABILITY)
    assert stripped(data) == data


def test_what_only_the_overlay_needs_goes_and_nothing_else():
    rootless = layer(a=ORIGIN, b={**CAPABILITY, **ORIGIN}, c={})
    assert contents(stripped(rootless)) == contents(layer(a={}, b=CAPABILITY, c={}))


def test_headers_and_files_are_the_bytes_of_a_layer_that_never_had_them():
    # tarfile pads an archive to 10 KiB; before that, each block counts.
    assert stripped(layer(a=ORIGIN, c={})).rstrip(b"\0") == layer(a={}, c={}).rstrip(b"\0")
    assert stripped(layer(b={**CAPABILITY, **ORIGIN})).rstrip(b"\0") == layer(b=CAPABILITY).rstrip(b"\0")


def test_a_layer_that_is_cut_off_is_no_layer():
    with pytest.raises(ValueError, match="ends in the middle"):
        strip(io.BytesIO(layer(a={})[:900]), io.BytesIO())
