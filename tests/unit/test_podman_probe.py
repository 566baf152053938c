"""The podman of a machine, its version, and the settings with which it starts a container."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest

from nuwa import podman_probe
from nuwa.errors import EngineError
from nuwa.podman_probe import dump_toml, probe

FAKE = """#!/usr/bin/python3
# Refuses containers as a machine does that lacks what this folder's `refuses` names.
import json, os, pathlib, sys, tomllib
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    print(json.dumps(sys.argv[1:]), file=calls)
conf = os.environ.get("CONTAINERS_CONF")
settings = tomllib.loads(pathlib.Path(conf).read_text()) if conf else {}
if sys.argv[1] == "--version":
    print("podman version", (here / "version").read_text())
elif sys.argv[1] == "info":
    print("/var/lib/containers/storage")
elif sys.argv[1] == "run":
    refuses = (here / "refuses").read_text().split()
    if "ulimits" in refuses and settings.get("containers", {}).get("default_ulimits") != []:
        sys.exit("error setting rlimit type 7: operation not permitted")
    if "crun" in refuses and settings.get("engine", {}).get("runtime") != "runc":
        sys.exit("unknown file system type on '/sys/fs/cgroup'")
    if "everything" in refuses:
        sys.exit("no space left on device")
    print(f"exec: {sys.argv[-1]}: no such file", file=sys.stderr)
    sys.exit(127)
"""


class Machine:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("podman", "runc"):
            (folder / name).write_text(FAKE)
            (folder / name).chmod(stat.S_IRWXU)
        self.set(version="4.3.1")

    def set(self, *, version: str = "", refuses: str = "") -> None:
        (self.folder / "refuses").write_text(refuses)
        if version:
            (self.folder / "version").write_text(version)

    def calls(self) -> list[str]:
        """The podman commands since the last look."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [json.loads(line)[0] for line in lines]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("CONTAINERS_CONF", raising=False)
    return Machine(folder)


def settings(path: str) -> dict[str, object]:
    return tomllib.loads(Path(path).read_text())


def test_a_podman_that_works_needs_no_settings(machine: Machine) -> None:
    found = probe()
    assert found.version == (4, 3, 1)
    assert found.containers_conf == ""
    assert found.graph_root == "/var/lib/containers/storage"


@pytest.mark.parametrize("refuses", ["ulimits", "crun", "ulimits crun"])
def test_what_the_machine_refuses_is_set_in_a_file_of_our_own(machine: Machine, refuses: str) -> None:
    machine.set(refuses=refuses)
    made = settings(probe().containers_conf)
    assert ("default_ulimits" in made.get("containers", {})) == ("ulimits" in refuses)  # type: ignore[operator]
    assert ("runtime" in made.get("engine", {})) == ("crun" in refuses)  # type: ignore[operator]


def test_the_users_settings_are_kept_and_their_file_untouched(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.set(refuses="ulimits")
    own = tmp_path / "own.conf"
    text = '[containers]\ntz = "Europe/Zürich \\"x\\""\n[network]\ndefault_subnet = "10.99.0.0/16"\n'
    own.write_text(text)
    monkeypatch.setenv("CONTAINERS_CONF", str(own))
    made = settings(probe().containers_conf)
    assert made["containers"] == {"tz": 'Europe/Zürich "x"', "default_ulimits": []}
    assert made["network"] == {"default_subnet": "10.99.0.0/16"}
    assert own.read_text() == text


def test_users_settings_that_suffice_are_used_as_they_are(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.set(refuses="ulimits")
    own = tmp_path / "own.conf"
    own.write_text("[containers]\ndefault_ulimits = []\n")
    monkeypatch.setenv("CONTAINERS_CONF", str(own))
    assert probe().containers_conf == ""


def test_the_outcome_is_remembered_until_podman_or_the_settings_change(
    machine: Machine, tmp_path: Path
) -> None:
    machine.set(refuses="ulimits")
    first = probe()
    assert "run" in machine.calls()
    assert probe() == first
    assert machine.calls() == []
    own = tmp_path / "config" / "containers" / "containers.conf"
    own.parent.mkdir(parents=True)
    own.write_text("[engine]\nnum_locks = 4096\n")
    assert settings(probe().containers_conf)["engine"] == {"num_locks": 4096}
    assert "run" in machine.calls()


def test_another_runtime_asks_again(machine: Machine) -> None:
    probe()
    machine.calls()
    (machine.folder / "crun").write_text(FAKE)
    (machine.folder / "crun").chmod(stat.S_IRWXU)
    probe()
    assert "run" in machine.calls()


def test_a_runtime_that_was_installed_since_asks_again(machine: Machine) -> None:
    probe()
    machine.calls()
    crun = machine.folder / "crun"
    crun.write_text("#!/bin/sh\n")
    crun.chmod(0o755)
    probe()
    assert "run" in machine.calls()


def test_a_restart_of_the_machine_asks_again(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe()
    machine.calls()
    boot = tmp_path / "boot_id"
    boot.write_text("another\n")
    monkeypatch.setattr(podman_probe, "_BOOT_ID", boot)
    probe()
    assert "run" in machine.calls()


def test_without_a_capability_it_asks_again_and_names_it(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe()
    machine.set(refuses="everything")
    status = tmp_path / "status"
    status.write_text(f"Name:\tx\nCapBnd:\t{(1 << 41) - 1 & ~(1 << 0 | 1 << 21):016x}\n")
    monkeypatch.setattr(podman_probe, "_STATUS", status)
    monkeypatch.setattr(podman_probe.os, "getuid", lambda: 0)
    with pytest.raises(EngineError) as caught:
        probe()
    assert "lacks CAP_CHOWN, CAP_SYS_ADMIN." in caught.value.hint


def test_a_podman_without_a_version_is_refused(machine: Machine) -> None:
    machine.set(version="unknown")
    with pytest.raises(EngineError, match="does not print a version") as caught:
        probe()
    assert "PATH" in caught.value.hint


def test_a_memory_that_cannot_be_read_is_made_anew(machine: Machine, tmp_path: Path) -> None:
    first = probe()
    (tmp_path / "cache" / "nuwa" / "podman.json").write_text('{"key": [], "podman": {"vers')
    assert probe() == first


def test_without_podman_the_error_says_how_to_get_it(machine: Machine) -> None:
    (machine.folder / "podman").unlink()
    with pytest.raises(EngineError, match="not installed") as caught:
        probe()
    assert "apt-get install podman" in caught.value.hint


def test_too_old_a_podman_is_refused_with_both_versions(machine: Machine) -> None:
    machine.set(version="4.2.1")
    with pytest.raises(EngineError, match=r"4\.2\.1.*4\.3"):
        probe()


def test_versions_compare_as_numbers(machine: Machine) -> None:
    machine.set(version="10.0.0-dev")
    assert probe().version == (10, 0, 0)


def test_a_machine_that_starts_no_container_gives_podmans_own_words(machine: Machine) -> None:
    machine.set(refuses="everything")
    with pytest.raises(EngineError, match="cannot start a container") as caught:
        probe()
    assert "no space left on device" in caught.value.details


def test_toml_written_is_toml_read() -> None:
    value = {"a": True, "n": 3, "t": {"list": ["x", 'q"\\\n😀'], "deep.name": {"k": 1.5}}}
    assert tomllib.loads(dump_toml(value)) == value
