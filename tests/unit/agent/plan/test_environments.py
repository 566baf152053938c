"""The environments of plain processes on disk: for root alone, and shown nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nuwa.agent import naming
from nuwa.agent.apply import file_diff, host_files
from nuwa.agent.apply.service_diff import Difference
from nuwa.agent.config.load import validate
from nuwa.agent.config.resolved import EMPTY, Loaded
from nuwa.agent.paths import Paths
from nuwa.agent.plan import plan
from nuwa.agent.plan.facts import Facts, Script
from nuwa.agent.webhooks.executors import Command, _write_environment, systemd_run
from nuwa.resources import TEMPLATES


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setattr("nuwa.agent.apply.host_files.systemctl.reload", lambda: None)
    return Paths(tmp_path)


def load(**env: str) -> Loaded:
    return validate(json.dumps({"processes": {"web": {"script": "/a", "env": env}}}), "config.json")


def make(loaded: Loaded, paths: Paths) -> plan.Plan:
    scripts = {name: Script(exists=True, executable=True, owner="web") for name in loaded.config.processes}
    made = plan.make(loaded, Facts(scripts=scripts, systemd=257), str(TEMPLATES), paths)
    return {path: file for path, file in made.items() if file.group == "systemd"}


def put(loaded: Loaded, paths: Paths) -> list[str]:
    planned = make(loaded, paths)
    found = file_diff.between(planned, paths)
    host_files.write(found, planned)
    return [change["path"] for change in found]


def test_nobody_but_root_reads_it(paths: Paths) -> None:
    put(load(TOKEN="secret"), paths)
    (file,) = paths.environments.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == 'TOKEN="secret"\n'


def test_a_change_of_it_restarts_its_process_and_shows_no_value(paths: Paths) -> None:
    before, after = load(TOKEN="secret-1", KEPT="k", GONE="x\ny"), load(TOKEN="secret-2", KEPT="k", NEW="z")
    put(before, paths)
    (change,) = file_diff.between(make(after, paths), paths)
    assert change["diff"] == "-TOKEN=…\n+TOKEN=…\n-GONE=…\n+NEW=…\n"
    assert Difference.between(before, after, [change], paths).changed == ["web"]


def test_it_goes_with_its_process_and_nothing_changes_by_itself(paths: Paths) -> None:
    loaded = load(TOKEN="secret")
    put(loaded, paths)
    assert put(loaded, paths) == []
    put(validate(EMPTY, "config.json"), paths)
    assert list(paths.environments.iterdir()) == []


def test_a_command_of_a_hook_has_its_environment_in_a_file(tmp_path: Path) -> None:
    """Each user may read the command lines of all processes."""
    command = Command(["npm", "ci"], naming.hook_unit(1, 2), "/srv/site", env={"NPM_TOKEN": "secret"})
    file = tmp_path / "env" / "x.env"
    _write_environment(file, command.env)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    argv = systemd_run(command, file)
    assert f"--property=EnvironmentFile={file}" in argv
    assert "secret" not in " ".join(argv)
