"""Packs the renderer that goes into an image: `render.pyz`. The one module of this package that runs at build.

The archive holds Jinja2 and MarkupSafe as pure Python, the templates of host files, the manifest as JSON and
the modules of nuwa that rendering needs. It runs on any Python from 3.9 on, with nothing else installed.
"""

from __future__ import annotations

import importlib.util
import io
import json
import zipfile
from pathlib import Path

from nuwa.manifest.model import App, to_json
from nuwa.resources import PACKAGE, TEMPLATES

MODULES = ("__init__", "names", "quoting", "templating", "manifest/__init__", "manifest/checks", "manifest/model")
"""What of nuwa goes in besides `nuwa/host`."""
TEMPLATE_FOLDERS = ("cron", "monit", "nginx", "systemd")
LIBRARIES = ("jinja2", "markupsafe")
MAIN = "from nuwa.host.__main__ import main\n\nmain()\n"
_MIDNIGHT = (1980, 1, 1, 0, 0, 0)


def build(app: App) -> bytes:
    """The renderer of one app. The same app gives the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(_files(app).items()):
            entry = zipfile.ZipInfo(name, _MIDNIGHT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return made.getvalue()


def _files(app: App) -> dict[str, bytes]:
    manifest = json.dumps(to_json(app), ensure_ascii=False, indent=1, sort_keys=True)
    files = {"__main__.py": MAIN.encode(), "manifest.json": manifest.encode()}
    for name in LIBRARIES:
        files.update(_library(name))
    for module in MODULES:
        files[f"nuwa/{module}.py"] = (PACKAGE / f"{module}.py").read_bytes()
    for path in (PACKAGE / "host").glob("*.py"):
        if path.name != Path(__file__).name:
            files[f"nuwa/host/{path.name}"] = path.read_bytes()
    for folder in TEMPLATE_FOLDERS:
        for path in (TEMPLATES / folder).glob("*.j2"):
            files[f"templates/{folder}/{path.name}"] = path.read_bytes()
    return files


def _library(name: str) -> dict[str, bytes]:
    """The pure Python modules of an installed package; a compiled part of it is an accelerator and stays out."""
    found = importlib.util.find_spec(name)
    assert found and found.origin
    folder = Path(found.origin).parent
    return {f"{name}/{path.name}": path.read_bytes() for path in folder.glob("*.py")}
