"""Packs the stand-in for s6-overlay into archives with the names of its releases, and says their checksums.

    python -m tests.standin.s6_overlay.pack FOLDER

Then `NUWA_DOWNLOADS=FOLDER NUWA_PINS=FOLDER/pins.toml nuwa build` puts it into an image. What is Debian's own
in it (s6 and execline, with their libraries) runs on Debian 13 and on what is made of it.
"""

from __future__ import annotations

import lzma
import platform
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

from nuwa.image import apt, families, layer_tree, pins
from nuwa.image.layer_tree import Entry
from nuwa.process import run
from nuwa.resources import cache_folder

VERSION = "3.2.3.2"
MODEL = Path(__file__).parent / "model"
PACKAGES = ("s6", "execline")
SUITE = families.load("debian").release("13").codename
LIBRARIES = ("libexecline", "libs6", "libskarnet")


def pack(folder: Path) -> Path:
    """Write the archives and `pins.toml` into `folder`, and return it."""
    made = {f"s6-overlay-{name}.tar.xz": _archive(name, entries) for name, entries in _parts().items()}
    for name, content in made.items():
        (folder / name).write_bytes(content)
    (folder / "pins.toml").write_text(_pins(made))
    return folder


PORTABLE_UTILS = {"s6-cat": "/usr/bin/cat", "s6-echo": "/usr/bin/echo"}
"""What the distribution has by another name, and s6-overlay brings along."""


def _parts() -> dict[str, list[Entry]]:
    """What each archive holds."""
    noarch = layer_tree.folder(MODEL / "noarch")
    own = [entry.path for entry in noarch if entry.path.startswith("/command/")]
    return {
        "noarch": [*noarch, Entry("/package/admin/s6-overlay", link=f"s6-overlay-{VERSION}")],
        platform.machine(): [*layer_tree.folder(MODEL / "arch"), *_programs(_debian_s()), *_links()],
        "symlinks-noarch": [Entry(f"/usr/bin/{Path(path).name}", link=f"../..{path}") for path in own],
    }


def _links() -> Iterator[Entry]:
    for name, program in PORTABLE_UTILS.items():
        yield Entry(f"/command/{name}", link=program)
    for program in (MODEL / "noarch/command").iterdir():
        yield Entry(
            f"/package/admin/s6-overlay-{VERSION}/command/{program.name}", link=f"/command/{program.name}"
        )


def _archive(name: str, entries: list[Entry]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="nuwa-test-s6-overlay-") as folder:
        file = Path(folder, "archive.tar")
        layer_tree.write_archive(layer_tree.merge(entries), file, pins.source_date_epoch())
        return lzma.compress(file.read_bytes(), preset=1)


def _programs(root: Path) -> Iterator[Entry]:
    """Programs and libraries where Debian's find each other, and a link where s6-overlay has the program."""
    for entry in [
        *layer_tree.folder(root / "usr/bin", "/usr/bin"),
        *layer_tree.folder(root / "usr/lib", "/usr/lib"),
    ]:
        name = Path(entry.path).name
        if "/bin/" in entry.path and (
            entry.path.startswith("/usr/lib/execline/") or name.startswith(("s6-", "execlineb"))
        ):
            yield entry
            yield Entry(f"/command/{name}", link=entry.path)
        elif name.startswith(LIBRARIES):
            yield entry


@cache
def _debian_s() -> Path:
    """A folder with the files of Debian's packages; fetched once, and kept for the next time."""
    kept = cache_folder() / "downloads" / f"{SUITE}-s6"
    if not (kept / "complete").exists():
        with tempfile.TemporaryDirectory(prefix="nuwa-test-s6-", dir=_made(kept.parent)) as folder:
            _extract(Path(folder, "root"))
            Path(folder, "root", "complete").touch()
            if not kept.exists():
                Path(folder, "root").rename(kept)
    return kept


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _extract(root: Path) -> None:
    settings = root.with_name("apt.conf")
    settings.write_text(apt.options())
    argv = ["mmdebstrap", "--variant=extract", f"--aptopt={settings}", f"--include={','.join(PACKAGES)}"]
    run([*argv, SUITE, str(root), *apt.sources(SUITE)])


def _pins(archives: dict[str, bytes]) -> str:
    lines = ["# A stand-in for s6-overlay, made of Debian's packages.", "[s6-overlay]"]
    lines += [f'version = "{VERSION}-stand-in"', 'url = "https://standin.invalid"', "files = ["]
    for name, content in archives.items():
        arch = f', arch = "{platform.machine()}"' if platform.machine() in name else ""
        lines.append(f'  {{ name = "{name}"{arch}, sha256 = "{sha256(content).hexdigest()}" }},')
    return "".join(f"{line}\n" for line in [*lines, "]"])


if __name__ == "__main__":
    pack(_made(Path(sys.argv[1])))
