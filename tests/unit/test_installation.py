"""nuwa is installed from a file, and what it needs by version and checksum."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nuwa.resources import DISTRIBUTION

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
INSTALL = re.compile(
    r"\b(?:pip3? (?:install|download|wheel)|uv (?:tool (?:install|run)|add)|uvx|pipx \w+)\b(.*)"
)
OURS = re.compile(r"^(?:nuwa|nuwa[-_]images)(?:\[[\w,]*\])?(?:[<>=!~@].*)?$", re.IGNORECASE)


def names(command: str) -> list[str]:
    """The words of an install command that name nuwa where no file is meant."""
    shell = command.split("#")[0].replace("'", " ").replace('"', " ").replace("`", " ")
    return [word for word in re.split(r"\s+(?:&&|\|\||;|#).*|\s+", shell) if word and OURS.match(word)]


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (" 'nuwa[agent]'", ["nuwa[agent]"]),
        (" -U nuwa", ["nuwa"]),
        (" nuwa-images==0.1.0", ["nuwa-images==0.1.0"]),
        (" dist/nuwa_images-0.1.0-py3-none-any.whl", []),
        (" --no-deps -e .   # nuwa itself", []),
        (" -r nuwa/requirements.lock", []),
        (" ./x.whl && nuwa host init", []),
    ],
)
def test_a_bare_name_is_told_from_a_file(command: str, found: list[str]) -> None:
    assert names(command) == found


def test_no_text_and_no_code_installs_nuwa_by_a_name() -> None:
    """An index gives the name `nuwa` to somebody else's package, and may give ours to anybody."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    wrong = []
    for name in filter(None, tracked.stdout.split("\0")):
        path = ROOT / name
        if path.is_symlink() or not path.is_file() or path == Path(__file__):
            continue
        text = path.read_bytes().decode(errors="replace")
        wrong += [f"{name}: {found[0]}" for found in INSTALL.finditer(text) if names(found[1])]
    assert not wrong


def pins(path: Path) -> dict[str, str]:
    """What a lock says of each package, hashes included."""
    entries = re.split(r"^(?=[\w.-]+==)", path.read_text(), flags=re.MULTILINE)
    return {entry.partition("==")[0]: entry.partition("==")[2] for entry in entries if entry}


def test_the_wheel_s_requirements_are_pinned_as_the_checkout_s() -> None:
    own, all_of_them = pins(ROOT / "nuwa/requirements.lock"), pins(ROOT / "requirements.lock")

    assert {name for name in own if own[name] != all_of_them[name]} == set()
    assert all("--hash=sha256:" in entry for entry in own.values())


def test_the_wheel_s_requirements_are_all_that_nuwa_and_its_agent_need() -> None:
    waiting = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["agent"]]
    needed: set[str] = set()
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        if name not in needed and (not requirement.marker or requirement.marker.evaluate({"extra": ""})):
            needed.add(name)
            waiting += distribution(name).requires or []
    lacking = needed - set(pins(ROOT / "nuwa/requirements.lock"))
    assert not lacking, "copy their entries from requirements.lock to nuwa/requirements.lock"


def test_the_package_has_the_name_that_nuwa_asks_for_itself_by() -> None:
    assert PROJECT["name"] == DISTRIBUTION
    assert list(PROJECT["scripts"]) == ["nuwa"]
