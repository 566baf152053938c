"""What builds download elsewhere, in a folder for NUWA_DOWNLOADS with its checksums for NUWA_PINS.

s6-overlay is the model of `tests/standin/s6_overlay`; Miniforge and wkhtmltopdf are stubs.
"""

from __future__ import annotations

import base64
import json
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

from nuwa.engine import Engine
from nuwa.resources import IMAGES
from tests.standin.rocky.contents import HERE
from tests.standin.s6_overlay.pack import pack


def make(engine: Engine, stand_in: str, folder: Path) -> dict[str, str]:
    """Fill `folder` and return the environment in which a build uses it."""
    pack(folder)
    found = tomllib.loads((folder / "pins.toml").read_text())
    own = tomllib.loads((IMAGES / "pins.toml").read_text())
    contents = {
        "miniforge": (HERE / "miniforge.sh").read_bytes(),
        "wkhtmltopdf": _wkhtmltox(engine, stand_in),
    }
    for name, content in contents.items():
        table = own[name] | {"url": "https://stand-in.invalid"}
        for file in table["files"]:
            (folder / file["name"]).write_bytes(content)
            file["sha256"] = sha256(content).hexdigest()
        found[name] = table
    (folder / "pins.toml").write_text("".join(_table(name, table) for name, table in found.items()))
    return {"NUWA_DOWNLOADS": str(folder), "NUWA_PINS": str(folder / "pins.toml")}


def _wkhtmltox(engine: Engine, stand_in: str) -> bytes:
    """The stub rpm, which is in the stand-in beside its repositories."""
    words = ("-c", "base64 -w0 /usr/share/stand-in/pool/wkhtmltox-*.rpm")
    shown = engine.run(stand_in, *words, options=["--rm", "--network=none", "--entrypoint=/bin/sh"])
    return base64.b64decode(shown.stdout)


def _table(name: str, table: dict[str, Any]) -> str:
    files = [
        ", ".join(f"{key} = {json.dumps(value)}" for key, value in file.items()) for file in table["files"]
    ]
    head = "".join(f"{key} = {json.dumps(table[key])}\n" for key in ("version", "url"))
    return f"[{name}]\n{head}files = [\n" + "".join(f"  {{ {file} }},\n" for file in files) + "]\n"
