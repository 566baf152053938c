"""Writes what the shell tests install: the Setup label and the renderer of one manifest.

python make_payload.py MANIFEST.json FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from nuwa.manifest.model import App, from_json
from nuwa.render import zipapp
from nuwa.setup_label.write import run_setup, setup_script


def main() -> None:
    manifest, folder = Path(sys.argv[1]), Path(sys.argv[2])
    app = from_json(App, json.loads(manifest.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Setup").write_text(setup_script(app))
    (folder / "RunSetup").write_text(run_setup())
    (folder / "render.pyz").write_bytes(zipapp.build(app))


main()
