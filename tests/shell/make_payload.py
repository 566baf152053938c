"""Writes what the shell tests install: the Setup label and the renderer of one manifest.

python make_payload.py MANIFEST.json FOLDER
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from nuwa.manifest.model import App, from_json
from nuwa.render import bytecode, zipapp
from nuwa.setup_label.write import run_setup, setup_script


def renderer(app: App) -> bytes:
    """As an image of this Python has it: see `nuwa.image.renderer`."""
    words = [sys.executable, "-S", "-c", Path(bytecode.__file__).read_text()]
    done = subprocess.run(words, input=zipapp.archive(zipapp.sources()), capture_output=True, check=True)
    return zipapp.with_manifest(done.stdout, app)


def main() -> None:
    manifest, folder = Path(sys.argv[1]), Path(sys.argv[2])
    app = from_json(App, json.loads(manifest.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Setup").write_text(setup_script(app))
    (folder / "RunSetup").write_text(run_setup())
    (folder / "render.pyz").write_bytes(renderer(app))


main()
