"""What `nuwa host init` does on Rocky Linux alone: packages of EPEL, and firewalld."""

from __future__ import annotations

import pytest

from nuwa.agent.install import parts
from nuwa.render.distributions import DISTRIBUTIONS


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    monkeypatch.setattr(parts, "run", lambda argv, **options: made.append(" ".join(argv)))
    monkeypatch.setattr(parts.shutil, "which", lambda program, path: None)
    return made


def install(key: str, *programs: tuple[str, str]) -> None:
    row = DISTRIBUTIONS[key]
    parts.Packages(row.install.split(), programs, row.elsewhere, row.enable).make()


def test_a_package_of_epel_comes_after_epel(commands: list[str]):
    install("rocky9", ("jq", "jq"), ("monit", "monit"))
    assert commands == ["dnf install -y epel-release", "crb enable", "dnf install -y jq monit"]


def test_powertools_is_enabled_on_8(commands: list[str]):
    install("rocky8", ("monit", "monit"))
    assert commands[:2] == [
        "dnf install -y epel-release dnf-plugins-core",
        "dnf config-manager --set-enabled powertools",
    ]


def test_epel_is_left_out_where_nothing_of_it_is_missing(commands: list[str]):
    install("rocky9", ("jq", "jq"))
    assert commands == ["dnf install -y jq"]


def test_ports_are_opened_for_good_and_now_without_a_reload(
    monkeypatch: pytest.MonkeyPatch, commands: list[str]
):
    monkeypatch.setattr(parts.Firewall, "_closed", lambda self: ["https"])
    parts.Firewall().make()
    assert commands == ["firewall-cmd --permanent --add-service=https", "firewall-cmd --add-service=https"]
