"""Writes what the shell tests install: the Setup label and the renderer of one manifest.

python make_payload.py MANIFEST.json FOLDER

The renderer comes with its bytecode: a test runs it several times, and would compile it each time.
"""

from __future__ import annotations

import json
import py_compile
import sys
import tempfile
import zipfile
from pathlib import Path

from nuwa.manifest.model import App, from_json
from nuwa.render import zipapp
from nuwa.setup_label.write import run_setup, setup_script


def add_bytecode(archive: Path) -> None:
    """Put the bytecode of each module next to it, where Python's import of archives looks first."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(archive, "a") as file:
        file.extractall(folder)
        for source in sorted(Path(folder).rglob("*.py")):
            compiled = source.with_suffix(".pyc")
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(source), str(compiled), str(source), doraise=True, invalidation_mode=mode)
            file.write(compiled, compiled.relative_to(folder), zipfile.ZIP_DEFLATED)


def main() -> None:
    manifest, folder = Path(sys.argv[1]), Path(sys.argv[2])
    app = from_json(App, json.loads(manifest.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Setup").write_text(setup_script(app))
    (folder / "RunSetup").write_text(run_setup())
    (folder / "render.pyz").write_bytes(zipapp.build(app))
    add_bytecode(folder / "render.pyz")


main()
