"""Cases of Kubernetes: folders with nuwa.toml and the choices of an export, and the cases of hosts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golden_case import ALL

from nuwa.kubernetes.options import ExportError, Options
from nuwa.kubernetes.render import render
from nuwa.kubernetes.yaml_text import write
from nuwa.manifest.load import load
from nuwa.manifest.model import App, from_json, to_json

FOLDER = Path(__file__).parent / "kubernetes"
IMAGE = f"registry.example.com/shops/app@sha256:{'5' * 64}"


@dataclass(frozen=True)
class Case:
    """A manifest and the options of its export; `expected` is what comes of them."""

    name: str
    app: App
    given: dict[str, Any]
    expected: Path

    @property
    def options(self) -> Options:
        values = {**self.given, "domains": tuple(self.given.get("domains", ()))}
        secrets = {name: value.encode() for name, value in self.given.get("secrets", {}).items()}
        return Options(image=IMAGE, **{**values, "secrets": secrets})

    @property
    def objects(self) -> list[dict[str, Any]]:
        return render(self.app, self.options)[0]

    @property
    def text(self) -> str:
        """The objects as YAML, with the notes before them; or why there are none."""
        try:
            objects, notes = render(self.app, self.options)
        except ExportError as error:
            return f"# refused: {error}\n"
        return "".join(f"# {note}\n" for note in notes) + write(objects)


def _own(folder: Path) -> Case:
    app = from_json(App, json.loads(json.dumps(to_json(load(folder / "nuwa.toml")))))
    return Case(folder.name, app, json.loads((folder / "options.json").read_text()), folder / "expected.yaml")


CASES = [_own(path.parent) for path in sorted(FOLDER.glob("*/options.json"))]
CASES += [Case(case.folder.name, case.app, {}, FOLDER / f"host-{case.folder.name}.yaml") for case in ALL]
