"""An image goes to a host: only what is missing there, and again what did not arrive well."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import IO

import pytest

from nuwa.engine import Image
from nuwa.errors import RemoteError
from nuwa.process import Result
from nuwa.remote import transfer
from nuwa.remote.ssh import FULL
from nuwa.remote.target import Target

LAYERS = {name * 64: name.encode() * 1000 for name in "abc"}
IMAGE = Image("1" * 64, (), {}, 0, tuple(f"sha256:{digest}" for digest in LAYERS), {})


class Folder:
    """A source whose layers are files."""

    image = IMAGE

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []

    def layers(self, digests: Sequence[str]) -> Generator[tuple[str, Path], None, None]:
        for digest in reversed(digests):
            self.asked.append(digest)
            file = self.folder / digest[-8:]
            file.write_bytes(LAYERS[digest.removeprefix("sha256:")])
            yield digest, file

    def configuration(self) -> bytes:
        return b"{}"


class Host:
    """A host that has some layers in its store, and keeps what it is sent."""

    target = Target("root@h", "/srv/blog")
    is_near = False

    def __init__(self, *stored: str, lost: str = "", damaged: str = "", full: bool = False) -> None:
        self.stored = {digest for digest in LAYERS if digest[0] in stored}
        self.lost, self.damaged, self.full = lost * 64, damaged * 64, full
        self.received: dict[str, bytes] = {}
        self.manifest: dict = {}
        self.streams = 0

    def run(self, script: str, *words: str, input: bytes = b"", check: bool = True) -> Result:
        if script == "layers":
            lines = [f"have {digest}" for digest in self.stored | {self.lost} if digest]
            lines += [f"part {digest} {len(content)}" for digest, content in self.received.items()]
            return Result([], 0, "\n".join(lines), "")
        assert script == "take"
        return Result([], 0, self.take(input), "")

    def take(self, content: bytes) -> str:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            self.manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        for digest, whole in LAYERS.items():
            if digest in self.stored:
                continue
            if digest not in self.received:
                return f"missing {digest}"
            if digest == self.damaged or self.received[digest] != whole:
                self.damaged = ""
                del self.received[digest]
                return f"damaged {digest}"
        return "taken"

    def stream(
        self,
        script: str,
        *words: str,
        write: Callable[[IO[bytes]], None],
        packer: Sequence[str],
        count: Callable[[int], None],
    ) -> Result:
        assert (script, words) == ("receive", (self.target.stage, packer[0], "-dc"))
        if self.full:
            return Result([], FULL, "", "1 MB are free")
        self.streams += 1
        written = io.BytesIO()
        write(written)
        count(len(written.getvalue()))
        written.seek(0)
        while line := written.readline():
            digest, offset, size = line.decode().split()
            kept = self.received.get(digest, b"")[: int(offset)]
            self.received[digest] = kept + written.read(int(size) - int(offset))
            assert len(self.received[digest]) == int(size)
        return Result([], 0, "", "")


def send(host: Host, folder: Path) -> tuple[transfer.Sent, Folder]:
    source = Folder(folder)
    sent = transfer.send(host, source, "localhost/app/blog:latest", lambda count: None)
    return sent, source


def test_only_the_layers_that_the_host_lacks_are_written_and_sent(tmp_path):
    host = Host("a", "b")
    sent, source = send(host, tmp_path)
    assert source.asked == ["sha256:" + "c" * 64]
    assert (sent.layers, list(host.received)) == (1, ["c" * 64])
    assert [layer["digest"] for layer in host.manifest["layers"]] == list(IMAGE.layers)
    assert not list(tmp_path.iterdir())


def test_all_layers_are_one_stream(tmp_path):
    host = Host()
    sent, _ = send(host, tmp_path)
    assert (sent.layers, host.streams, host.received) == (3, 1, LAYERS)


def test_what_came_before_is_not_sent_again(tmp_path):
    host = Host("a")
    host.received = {"b" * 64: LAYERS["b" * 64], "c" * 64: LAYERS["c" * 64][:400]}
    sent, _ = send(host, tmp_path)
    assert sent.layers == 1
    assert host.received["c" * 64] == LAYERS["c" * 64]


def test_more_than_there_is_to_send_is_no_beginning_of_it(tmp_path):
    host = Host("a", "b")
    host.received = {"c" * 64: b"x" * 5000}
    send(host, tmp_path)
    assert host.received["c" * 64] == LAYERS["c" * 64]


def test_a_layer_that_the_store_has_lost_is_sent(tmp_path):
    host = Host("b", "c", lost="a")
    sent, _ = send(host, tmp_path)
    assert (sent.layers, list(host.received)) == (1, ["a" * 64])


def test_a_layer_that_arrived_damaged_is_sent_again(tmp_path):
    host = Host("a", "b", damaged="c")
    sent, source = send(host, tmp_path)
    assert source.asked == ["sha256:" + "c" * 64] * 2
    assert sent.layers == 2


def test_a_full_disk_is_said_with_what_to_do(tmp_path):
    with pytest.raises(RemoteError) as caught:
        send(Host(full=True), tmp_path)
    assert "the disk of root@h is full" in str(caught.value)
    assert "Make room there" in str(caught.value)


def test_a_stream_holds_the_rest_of_a_file_after_what_comes_first(tmp_path):
    from nuwa.remote import pipes

    file = tmp_path / "layer"
    file.write_bytes(bytes(range(256)) * 4000)
    counted: list[int] = []
    write = pipes.rest_of(file, 1000)
    with pipes.packed(write, ["gzip", "-c"], b"secret\n", counted.append) as reader:
        got = reader.read()
    assert got.startswith(b"secret\n")
    assert gzip.decompress(got.removeprefix(b"secret\n")) == file.read_bytes()[1000:]
    assert sum(counted) == len(got) - len(b"secret\n")


def test_a_reader_that_goes_away_ends_the_stream(tmp_path):
    from nuwa.remote import pipes

    file = tmp_path / "layer"
    with file.open("wb") as sparse:
        sparse.truncate(50_000_000)
    with pipes.packed(pipes.rest_of(file), ["cat"], b"", lambda count: None) as reader:
        reader.read(10)


def test_what_goes_wrong_while_a_stream_is_written_is_told():
    from nuwa.remote import pipes

    def write(target):
        target.write(b"half")
        raise RemoteError("the other host is gone")

    with pytest.raises(RemoteError, match="the other host is gone"):  # noqa: SIM117 - what raises stands alone
        with pipes.packed(write, ["cat"], b"", lambda count: None) as reader:
            assert reader.read() == b"half"
