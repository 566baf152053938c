"""Packs the renderer for an image: `render.pyz`. The only module of this package that runs at build time.

The archive contains Jinja2, MarkupSafe and PyYAML as pure Python, the templates of host files as modules,
the manifest as JSON and the modules of nuwa that rendering imports. It needs only Python 3.9 or newer.
"""

from __future__ import annotations

import importlib.util
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from nuwa.kubernetes import __main__ as kubernetes
from nuwa.manifest.model import App, to_json
from nuwa.resources import BIN_TEMPLATES, PACKAGE, TEMPLATES
from nuwa.templating import MODULES, modules

ENTRY = "nuwa.render.__main__"
KUBERNETES_ENTRY = "nuwa.kubernetes.__main__"
TEMPLATE_FOLDERS = ("cron", "monit", "nginx", "systemd")
LIBRARIES = ("jinja2", "markupsafe", "yaml")
SCRIPTS = BIN_TEMPLATES / "from_image"
"""Parts of bin scripts that are rarely needed, and only with the image: too large for the label."""
SCRIPTS_TAR = "scripts.tar"
MAIN = f"""import sys

if sys.argv[1:2] and sys.argv[1] in {kubernetes.COMMANDS!r}:
    from {KUBERNETES_ENTRY} import main
else:
    from {ENTRY} import main

main()
"""
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ ]+(?P<module>[\w.]+)[ ]+)?import[ ]+(?:\((?P<lines>[^)]*)\)|(?P<line>[^\n(]+))",
    re.MULTILINE,
)
_MIDNIGHT = (1980, 1, 1, 0, 0, 0)


def build(app: App) -> bytes:
    """The renderer of one app, with its modules as source. The same app gives the same bytes."""
    return with_manifest(archive(sources()), app)


def with_manifest(archive: bytes, app: App) -> bytes:
    """The renderer of one app: `archive`, which is the same for all apps, with its manifest."""
    manifest = json.dumps(to_json(app), ensure_ascii=False, indent=1, sort_keys=True)
    made = io.BytesIO(archive)
    with zipfile.ZipFile(made, "a") as opened:
        _write(opened, "manifest.json", manifest.encode())
    return made.getvalue()


def sources() -> dict[str, bytes]:
    """Everything that is common to all renderers, by path; templates are not compiled yet."""
    files = {"__main__.py": MAIN.encode(), SCRIPTS_TAR: scripts()}
    for name in LIBRARIES:
        files.update(_library(name))
    for path in _imported(ENTRY, KUBERNETES_ENTRY):
        files[str(path.relative_to(PACKAGE.parent))] = path.read_bytes()
    for folder in TEMPLATE_FOLDERS:
        for path in (TEMPLATES / folder).glob("*.j2"):
            files[f"{MODULES}/{folder}/{path.name}"] = path.read_bytes()
    return files


def archive(sources: Mapping[str, bytes]) -> bytes:
    """The renderer without a manifest: modules as source, and templates as modules."""
    own = {name: content for name, content in sources.items() if not name.endswith(".j2")}
    for name, code in modules(str(TEMPLATES), TEMPLATE_FOLDERS):
        own[f"{MODULES}/{name}"] = code.encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name, content in sorted(own.items()):
            _write(opened, name, content)
    return made.getvalue()


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _MIDNIGHT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o100644 << 16
    archive.writestr(entry, content, compresslevel=9)


def scripts() -> bytes:
    """A tar of `SCRIPTS`, as the image provides them. The same scripts give the same bytes."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(SCRIPTS.iterdir()):
            content = path.read_bytes()
            entry = tarfile.TarInfo(path.name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def _imported(*entries: str) -> set[Path]:
    """The files of nuwa's modules that the entries import, directly or indirectly, with their packages."""
    found: set[Path] = set()
    waiting = list(entries)
    while waiting:
        module = waiting.pop()
        path = _file(module)
        if path is None or path in found:
            continue
        found.add(path)
        waiting += _imports(path)
        waiting.append(module.rpartition(".")[0])
    return found


def _file(module: str) -> Path | None:
    if module.split(".")[0] != PACKAGE.name:
        return None
    path = PACKAGE.parent / module.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _imports(path: Path) -> Iterator[str]:
    """All imported names that could be modules. A full parser took most of the build's own time."""
    for found in _IMPORT.finditer(path.read_text()):
        module, listed = found["module"], re.sub(r"#.*", "", found["lines"] or found["line"])
        names = [words[0] for part in listed.split(",") if (words := part.split())]
        if module:
            yield module
        yield from (f"{module}.{name}" if module else name for name in names)


def _library(name: str) -> dict[str, bytes]:
    """The modules of an installed package in pure Python; its compiled parts only make it faster."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed")
    folder = Path(found.origin).parent
    return {f"{name}/{path.name}": path.read_bytes() for path in folder.glob("*.py")}
