"""What init writes for checkouts of public projects, and how right that is.

FOLDER holds one folder for each project of `expected.toml`, called as it is there. Nothing of a project runs,
and nothing is written into it.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path

from tests.corpus import answer, score

EXPECTED = Path(__file__).with_name("expected.toml")


def main() -> int:
    """Print the table; 1 where a value is wrong or missing without a word."""
    arguments = argparse.ArgumentParser(prog="script/init-score", description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("projects", nargs="*")
    arguments.add_argument(
        "--answers", action="store_true", help="print what init wrote, and compare nothing"
    )
    given = arguments.parse_args()
    expected = tomllib.loads(EXPECTED.read_text(encoding="utf-8"))["project"]
    wanted = {name: item for name, item in expected.items() if not given.projects or name in given.projects}
    scores: dict[str, score.Score] = {}
    for name, item in wanted.items():
        if not (given.folder / name).is_dir():
            print(f"{name}: not in {given.folder}", file=sys.stderr)
            continue
        found = answer.of(given.folder / name, item.get("folder", ""))
        if given.answers:
            print(answer.as_toml(name, found))
        else:
            scores[name] = score.compare(item["fields"], item.get("told", {}), found)
    if given.answers:
        return 0
    print(score.table(scores))
    return 1 if any(item.wrong or item.silent for item in scores.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
