"""The commands of the image's `render.pyz` for Kubernetes: the export, and what pods run before their app."""

from __future__ import annotations

import json
import sys
import zipfile

COMMANDS = ("kubernetes", "first-content", "wait-for-release", "static-index")


def main() -> None:
    """`render.pyz COMMAND WORDS…`. Each imports only what it needs: pods do not wait for a YAML library."""
    what, words = sys.argv[1], sys.argv[2:]
    if what == "first-content":
        from nuwa.kubernetes import first_content

        first_content.main(words)
    elif what == "wait-for-release":
        from nuwa.kubernetes import release_gate

        release_gate.main(words)
    elif what == "static-index":
        from nuwa.render import static_index

        static_index.main(words)
    else:
        from nuwa.kubernetes import command
        from nuwa.manifest.model import App, from_json

        with zipfile.ZipFile(sys.argv[0]) as archive:
            app = from_json(App, json.loads(archive.read("manifest.json")))
        command.main(app, words)
