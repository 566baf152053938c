"""Deploys, as the log of a deployment's scripts tells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.agent.host.deployment import Deployment
from nuwa.agent.monitor.script_results import ScriptResults
from nuwa.errors import NuwaError

AT = "2026-11-28T10:00:00Z bin/"
GOOD = [
    "deploy[70]: started by ada: localhost/app/shop:2",
    "deploy[70]: starting nuwa-shop-green.service",
    "deploy[70]: 4be1d02a9c77 serves, in green",
    "deploy[70]: shop is at release 4be1d02a9c77 (localhost/app/shop:2)",
]
BAD = [
    "deploy[71]: started by root",
    "deploy[71]: starting nuwa-shop-blue.service",
    "deploy[71]: warning: it does not answer. Rolling back.",
    "deploy[71]: error: it does not answer. The previous release (4be1d02a9c77) serves; 77 was not taken up.",
]


class Shop:
    def __init__(self, root: Path) -> None:
        self.deployment = Deployment(root / "shop", "shop")
        self.log = root / "shop/volumes/.nuwa/nuwa.log"
        self.log.parent.mkdir(parents=True)
        self.state = root / "state.json"
        self.results = ScriptResults(self.state)

    def write(self, *lines: str, end: str = "\n") -> None:
        with self.log.open("a") as file:
            file.write("".join(f"{AT}{line}\n" for line in lines[:-1]) + f"{AT}{lines[-1]}{end}")

    def new(self) -> list[tuple[str, str]]:
        found = self.results.new("shop", self.deployment)
        return [(finding.state, finding.message) for finding in found]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.write("run[1]: started by root")
    made.new()
    return made


def test_a_deploy_that_succeeded_is_told_once_with_who_deployed(shop: Shop) -> None:
    shop.write(*GOOD)
    assert shop.new() == [("ok", "release 4be1d02a9c77 (localhost/app/shop:2) serves, deployed by ada")]
    assert shop.new() == []


def test_a_deploy_that_was_rolled_back_is_told_with_its_reason(shop: Shop) -> None:
    shop.write(*BAD)
    ((state, message),) = shop.new()
    assert state == "failed"
    assert message.startswith("it does not answer. The previous release")


def test_a_deploy_is_followed_over_several_looks_and_a_restart(shop: Shop) -> None:
    shop.write(*BAD[:2])
    assert shop.new() == []
    shop.write(BAD[2], BAD[3][:30], end="")
    assert shop.new() == []
    with shop.log.open("a") as file:
        file.write(BAD[3][30:] + "\n")
    assert [state for state, _ in shop.new()] == ["failed"]
    shop.results = ScriptResults(shop.state)
    shop.write(*GOOD)
    assert [state for state, _ in shop.new()] == ["ok"]


def test_a_wrong_option_is_no_deploy_that_failed(shop: Shop) -> None:
    shop.write("deploy[72]: started by ada: --wacth", "deploy[72]: error: bin/deploy has no option --wacth.")
    shop.write("archive_volumes[73]: error: the repository is gone")
    assert shop.new() == []


def test_what_was_before_the_first_look_is_not_told(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.write(*GOOD)
    assert shop.new() == []
    shop.write(*BAD)
    assert [state for state, _ in shop.new()] == ["failed"]


def test_the_first_deploy_of_a_log_that_did_not_exist_is_told(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert shop.new() == []
    shop.write(*GOOD)
    assert [state for state, _ in shop.new()] == ["ok"]


def test_a_log_that_was_rotated_is_read_from_its_beginning(shop: Shop) -> None:
    shop.log.rename(shop.log.with_name("nuwa.log.1"))
    shop.write(*GOOD)
    assert [state for state, _ in shop.new()] == ["ok"]


def test_what_was_written_just_before_a_rotation_is_told_too(shop: Shop) -> None:
    shop.write(*GOOD[:2])
    assert shop.new() == []
    shop.write(*GOOD[2:], *BAD[:2])
    shop.log.rename(shop.log.with_name("nuwa.log.1"))
    assert shop.new() == []
    shop.write(*BAD[2:])
    assert [state for state, _ in shop.new()] == ["ok", "failed"]


def test_a_rotation_that_was_not_followed_tells_nothing_twice(shop: Shop) -> None:
    shop.write(*GOOD)
    assert [state for state, _ in shop.new()] == ["ok"]
    other = shop.log.with_name("nuwa.log.1")
    other.write_text("".join(f"{AT}{line}\n" for line in BAD))
    shop.log.rename(shop.log.with_name("gone"))
    shop.write("run[80]: started by root")
    assert shop.new() == []


def test_a_deploy_that_could_not_be_noted_is_told_later(shop: Shop) -> None:
    shop.write(*BAD)
    shop.state.unlink()
    shop.state.mkdir()
    with pytest.raises(NuwaError, match="cannot be written"):
        shop.new()
    shop.state.rmdir()
    assert [state for state, _ in shop.new()] == ["failed"]
    assert shop.new() == []


def test_a_link_is_not_followed(shop: Shop, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("".join(f"{AT}{line}\n" for line in GOOD))
    shop.log.unlink()
    shop.log.symlink_to(other)
    assert shop.new() == []


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("lib/cli", """printf '%s bin/%s[%d]: %s\\n' "$now" "$SCRIPT" "$$" "$*\""""),
        ("lib/cli", "TZ=UTC0 printf -v now '%(%FT%TZ)T' -1"),
        ("lib/cli", 'record "error: $2"'),
        ("lib/common", 'record "started by ${SUDO_USER:-root}${ARGUMENTS[*]:+: ${ARGUMENTS[*]}}"'),
        ("from_image/rollout", 'say "starting $unit"'),
        ("from_image/rollout", 'say "$NUWA_APP is at release ${IMAGE:0:12} ($NUWA_IMAGE_NAME)"'),
        ("from_image/start", 'say "running the release hook: $NUWA_HOOK"'),
        ("from_image/rollout", 'die "$reason. The previous release (${former:0:12}) serves'),
    ],
)
def test_the_scripts_write_the_lines_that_are_read(script: str, line: str) -> None:
    text = (Path(__file__).parents[4] / "bin-templates" / script).read_text()
    assert line in text, "nuwa/agent/monitor/script_results.py reads what this line writes"
