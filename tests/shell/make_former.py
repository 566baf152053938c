"""Writes the Setup label and the renderer of the previous release `bin/lib/`.

python make_former.py NEW FOLDER

`former/release.tar.xz` holds what that release made of `former/manifest.json`, but for the libraries of its
renderer: those are taken from the payload in the folder NEW. No times are in it: made twice, it is the same.
"""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

LIBRARIES = ("jinja2/", "markupsafe/")


def main() -> None:
    new, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True)
    with (
        tarfile.open(Path(__file__).parent / "former/release.tar.xz") as release,
        zipfile.ZipFile(new / "render.pyz") as libraries,
        zipfile.ZipFile(folder / "render.pyz", "w") as renderer,
    ):
        for name in libraries.namelist():
            if name.startswith(LIBRARIES):
                renderer.writestr(zipfile.ZipInfo(name), libraries.read(name))
        for entry in release:
            content = release.extractfile(entry)
            assert content is not None
            if entry.name.startswith("renderer/"):
                renderer.writestr(zipfile.ZipInfo(entry.name.removeprefix("renderer/")), content.read())
            else:
                (folder / entry.name).write_bytes(content.read())


main()
