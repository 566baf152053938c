"""rpm repositories for dnf whose packages do not exist, and a server for them."""

from __future__ import annotations

import gzip
import time
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import BinaryIO

NAMESPACES = 'xmlns="http://linux.duke.edu/metadata/{}" xmlns:rpm="http://linux.duke.edu/metadata/rpm"'
PACKAGE = """\
<package type="rpm"><name>{name}</name><arch>x86_64</arch><version epoch="0" ver="1.{number}" rel="1"/>
<checksum type="sha256" pkgid="YES">{digest}</checksum><summary>Nothing but metadata</summary>
<description>A package that is named here and nowhere else, so that the list of
packages is as long as lists of packages are: {digest}.</description><packager/><url>https://example.invalid/{name}</url>
<time file="1" build="1"/><size package="100000" installed="300000" archive="300000"/>
<location href="{name}.rpm"/><format><rpm:license>none</rpm:license><rpm:vendor/><rpm:group/>
<rpm:buildhost>example.invalid</rpm:buildhost><rpm:sourcerpm>{name}.src.rpm</rpm:sourcerpm>
<rpm:header-range start="1" end="2"/><rpm:provides>{provides}</rpm:provides>
<rpm:requires>{requires}</rpm:requires>
<file>/usr/bin/{name}</file></format></package>
"""
PROVIDED, REQUIRED, FILES = 8, 10, 60
"""Per package, as for an ordinary one."""
DELAY_S = 0.02
"""Delay of each response, in seconds."""
BYTES_PER_SECOND = 20_000_000
CHUNK = 1 << 16


def metadata(folder: Path, prefix: str, packages: int) -> None:
    """Write the `repodata` of a repository with this many packages, none of which can be installed."""
    data = folder / "repodata"
    data.mkdir(parents=True)
    kinds = {"primary": ("metadata", "common", _package), "filelists": ("filelists", "filelists", _files)}
    entries = ""
    for kind, (tag, namespace, of) in kinds.items():
        body = "".join(of(f"{prefix}-{number}", number) for number in range(packages))
        text = f'<{tag} {NAMESPACES.format(namespace)} packages="{packages}">\n{body}</{tag}>\n'.encode()
        packed = gzip.compress(text, 6, mtime=0)
        (data / f"{kind}.xml.gz").write_bytes(packed)
        entries += (
            f'<data type="{kind}"><checksum type="sha256">{sha256(packed).hexdigest()}</checksum>'
            f'<open-checksum type="sha256">{sha256(text).hexdigest()}</open-checksum>'
            f'<location href="repodata/{kind}.xml.gz"/><timestamp>1</timestamp><size>{len(packed)}</size>'
            f"<open-size>{len(text)}</open-size></data>\n"
        )
    head = f"<repomd {NAMESPACES.format('repo')}><revision>1</revision>\n"
    (data / "repomd.xml").write_text(f"{head}{entries}</repomd>\n")


def _package(name: str, number: int) -> str:
    provides = "".join(f'<rpm:entry name="{name}({item})"/>' for item in range(PROVIDED))
    requires = "".join(f'<rpm:entry name="lib{name}.so.{item}()(64bit)"/>' for item in range(REQUIRED))
    digest = sha256(name.encode()).hexdigest()
    return PACKAGE.format(name=name, number=number, digest=digest, provides=provides, requires=requires)


def _files(name: str, number: int) -> str:
    listed = "".join(f"<file>/usr/share/{name}/{item}/file-{number}</file>" for item in range(FILES))
    digest = sha256(name.encode()).hexdigest()
    version = f'<version epoch="0" ver="1.{number}" rel="1"/>'
    return f'<package pkgid="{digest}" name="{name}" arch="x86_64">{version}{listed}</package>\n'


class Served:
    """Serve a folder by HTTP on this machine during the block; the value is the address."""

    def __init__(self, folder: Path) -> None:
        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                """Logs nothing."""

            def copyfile(self, source: BinaryIO, outputfile: BinaryIO) -> None:  # type: ignore[override]
                time.sleep(DELAY_S)
                while chunk := source.read(CHUNK):
                    outputfile.write(chunk)
                    time.sleep(len(chunk) / BYTES_PER_SECOND)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))

    def __enter__(self) -> str:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
