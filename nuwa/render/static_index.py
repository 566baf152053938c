"""The list of an image's static files, made at build time, for a server that serves them itself.

Only listed files are served, so no path can escape, and a server need not look up anything when it starts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nuwa.render import static

TYPES = {
    ".avif": "image/avif",
    ".css": "text/css",
    ".csv": "text/csv",
    ".gif": "image/gif",
    ".htm": "text/html",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".m4a": "audio/mp4",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".otf": "font/otf",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "text/xml",
    ".zip": "application/zip",
}
"""By suffix: types that browsers display or run. Others are octet-stream."""


def main(words: Sequence[str]) -> None:
    """`static-index FOLDER` prints the list as JSON."""
    json.dump(index(Path(words[0])), sys.stdout, ensure_ascii=True, sort_keys=True)


def index(root: Path) -> dict[str, Any]:
    """By path: type, ETag, whether the file may be cached forever, and whether it has a compressed copy."""
    files = {path.relative_to(root).as_posix(): path for path in static.files(root)}
    hashed = static.hashed_files(root, set(files))
    return {
        name: {
            "type": content_type(name),
            # Derived from the content, like the times from which nginx makes its own ETags.
            "etag": f"{static.time_of(path, is_hashed=name in hashed):x}-{path.stat().st_size:x}",
            "immutable": name in hashed,
            "gzip": f"{name}.gz" in files,
        }
        for name, path in files.items()
    }


def content_type(name: str) -> str:
    ending = Path(name).suffix.lower()
    return TYPES.get(ending, "application/octet-stream")
