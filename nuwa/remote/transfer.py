"""Brings an image to a host: only the layers that its podman lacks, and of those only what is not there yet.

podman there loads the image from a folder with just these layers. It checks its own store before it opens a
file, and compares what it reads with the digests, which are those of the uncompressed layers.
"""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import IO, Protocol

from nuwa.errors import RemoteError
from nuwa.process import Result
from nuwa.remote.pipes import rest_of
from nuwa.remote.source import Source, manifest
from nuwa.remote.ssh import FULL
from nuwa.remote.target import Target

_VERSION = b"Directory Transport Version: 1.1\n"
_ZSTD = ("zstd", "-q", "-T0", "-3", "-c")
_GZIP = ("gzip", "-1", "-c")
_PLAIN = ("cat",)
_UNPACK = {_ZSTD: ("zstd", "-dc"), _GZIP: ("gzip", "-dc"), _PLAIN: ("cat",)}


class Host(Protocol):
    """The destination of an image, where `scripts/` are run as by `nuwa.remote.ssh.Connection`."""

    @property
    def target(self) -> Target: ...

    @property
    def is_near(self) -> bool:
        """Whether it is on this machine, so that compressing would take longer than it saves."""

    def run(self, script: str, *words: str, input: bytes = b"", check: bool = True) -> Result: ...

    def stream(
        self,
        script: str,
        *words: str,
        write: Callable[[IO[bytes]], None],
        packer: Sequence[str],
        count: Callable[[int], None],
    ) -> Result: ...


@dataclass
class Sent:
    """What was sent."""

    layers: int = 0
    size: int = 0
    """Bytes, compressed."""
    present: bool = False
    """The host had the image already."""


@dataclass
class _Known:
    """What the host reported to have."""

    stored: set[str] = field(default_factory=set)
    received: dict[str, int] = field(default_factory=dict)
    image: bool = False
    zstd: bool = False


def send(host: Host, source: Source, name: str, on_bytes: Callable[[int], None]) -> Sent:
    """Bring an image to a host under the given name; after an interruption, the next call sends the rest.

    Args:
        name: its name on the host.
        on_bytes: called repeatedly with the number of bytes that were sent.

    Raises:
        RemoteError: the connection was cut, the host's disk is full, or podman there refuses the image.
    """
    return _Transfer(host, source, name, on_bytes).run()


class _Transfer:
    def __init__(self, host: Host, source: Source, name: str, on_bytes: Callable[[int], None]) -> None:
        self._host = host
        self._source = source
        self._name = name
        self._on_bytes = on_bytes
        self._stage = host.target.stage
        self._sizes: dict[str, int] = {}
        self._sent = Sent()
        self._packer: tuple[str, ...] = _PLAIN if host.is_near else _GZIP

    def run(self) -> Sent:
        image = self._source.image
        known = self._ask()
        if known.image:
            self._sent.present = True
            return self._sent
        if self._packer == _GZIP and known.zstd and shutil.which("zstd"):
            self._packer = _ZSTD
        wanted = [layer for layer in dict.fromkeys(image.layers) if _hex(layer) not in known.stored]
        configuration = self._source.configuration()
        self._send_layers(wanted, known)
        # Each answer except the last names a missing layer: at most all of them, and one of them twice.
        for _ in range(len(image.layers) + 2):
            answer = self._take(manifest(image, configuration, self._sizes), configuration)
            if answer == "taken":
                return self._sent
            layer = f"sha256:{answer.split()[-1]}"
            if layer not in image.layers:
                break
            self._send_layers([layer], _Known())
        raise RemoteError(f"podman on {self._there} does not take the image", details=answer)

    @property
    def _there(self) -> str:
        return self._host.target.destination

    def _ask(self) -> _Known:
        image = self._source.image
        digests = [_hex(layer) for layer in image.layers]
        known = _Known()
        for line in self._host.run("layers", self._stage, image.id, *digests).stdout.splitlines():
            match line.split():
                case ["image"]:
                    known.image = True
                    self._host.run("tag", image.id, self._name)
                case ["zstd"]:
                    known.zstd = True
                case ["have", digest]:
                    known.stored.add(digest)
                case ["part", digest, size]:
                    known.received[digest] = int(size)
        return known

    def _send_layers(self, layers: Sequence[str], known: _Known) -> None:
        """Send all of them as one stream, because the program on the host reads one."""
        if not layers:
            return
        result = self._host.stream(
            "receive",
            *(self._stage, *_UNPACK[self._packer]),
            write=lambda target: self._write_layers(layers, known, target),
            packer=self._packer,
            count=self._count,
        )
        self._check_room(result)
        if not result.ok:
            raise RemoteError(f"layers did not arrive on {self._there}", details=result.stderr.strip())

    def _write_layers(self, layers: Sequence[str], known: _Known, target: IO[bytes]) -> None:
        # Closed at once if the connection is cut: the remaining layers are not written.
        with closing(self._source.layers(layers)) as files:
            for layer, file in files:
                size = file.stat().st_size
                received = known.received.get(_hex(layer), 0)
                if received != size:
                    offset = received if received < size else 0
                    target.write(f"{_hex(layer)} {offset} {size}\n".encode())
                    rest_of(file, offset)(target)
                    self._sent.layers += 1
                self._sizes[layer] = size
                file.unlink()

    def _count(self, size: int) -> None:
        self._sent.size += size
        self._on_bytes(self._sent.size)

    def _take(self, manifest: bytes, configuration: bytes) -> str:
        image = self._source.image
        files = {"manifest.json": manifest, "version": _VERSION, image.id: configuration}
        content = _archive(files)
        self._count(len(content))
        result = self._host.run("take", self._stage, image.id, self._name, input=content, check=False)
        self._check_room(result)
        if not result.ok:
            raise RemoteError(
                f"podman on {self._there} does not take the image", details=result.stderr.strip()
            )
        return result.stdout.strip()

    def _check_room(self, result: Result) -> None:
        if result.code == FULL:
            raise RemoteError(
                f"the disk of {self._there} is full",
                details=result.stderr.strip(),
                hint="Make room there, and try again. What serves there was not touched.",
            )


def _archive(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
