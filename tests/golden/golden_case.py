"""The cases of the golden tests, and what is rendered for each."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nuwa.manifest.load import load
from nuwa.manifest.model import App, from_json, to_json
from nuwa.render import facts as host_facts
from nuwa.render.container import hook_run
from nuwa.render.facts import Facts
from nuwa.render.render import PLANS, Plan, render
from nuwa.resources import TEMPLATES

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Case:
    """One folder of `cases`: nuwa.toml and facts.json in, expected/ out."""

    folder: Path

    @property
    def expected(self) -> Path:
        return self.folder / "expected"

    @cached_property
    def app(self) -> App:
        """The manifest as the renderer meets it: through JSON."""
        return from_json(App, json.loads(json.dumps(to_json(load(self.folder / "nuwa.toml")))))

    @cached_property
    def facts_text(self) -> str:
        return (self.folder / "facts.json").read_text()

    @cached_property
    def facts(self) -> Facts:
        lines = self.folder / "site.conf"
        found = host_facts.read(self.facts_text)
        return dataclasses.replace(found, own_lines=lines.read_text()) if lines.exists() else found

    @cached_property
    def plan(self) -> Plan:
        """All files of the host; without domains there is no site."""
        needs = {"install": self.facts.domains, "database": self.facts.database}
        whats = [what for what in PLANS if needs.get(what, True)]
        return {
            path: file
            for what in whats
            for path, file in render(what, self.app, self.facts, str(TEMPLATES)).items()
        }

    @cached_property
    def files(self) -> dict[str, str]:
        """Content by path below `expected`: the host's files, their plan, and the release hook's words."""
        plan = "".join(f"{file.group} {file.mode:04o} {path}\n" for path, file in self.plan.items())
        hook = "".join(f"{word!r}\n" for word in hook_run(self.app, self.facts))
        made = {path.lstrip("/"): file.content for path, file in self.plan.items()}
        return {**made, "PLAN": plan, **({"release": hook} if hook else {})}


ALL = [Case(folder) for folder in sorted(CASES.iterdir())]


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
