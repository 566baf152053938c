"""From a push to a restarted service: with git, and with the agent killed on the way."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_host import TOKEN, AgentHost, Repository


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentHost]:
    made = AgentHost(tmp_path_factory.mktemp("host"))
    made.start()
    yield made
    made.close()


@pytest.fixture
def site(host: AgentHost, tmp_path: Path) -> Repository:
    """A repository of the test's own, under a hook that has no runs yet."""
    host.configure({})
    host.database("delete from runs")
    host.database("delete from deliveries")
    return Repository(tmp_path, "site")


def configure(host: AgentHost, site: Repository, commands: list[Any] | str = "", **hook: Any) -> None:
    """Two services in one repository, and a hook for it."""
    for name in ("web", "api"):
        (site.clone / name).mkdir(exist_ok=True)
        (site.clone / name / "main.sh").write_text("exec sleep 1000\n")
    host.configure(
        {
            "processes": {
                "web": {"script": f"{site.clone}/web/main.sh"},
                "api": {"script": f"{site.clone}/api/main.sh"},
                "elsewhere": {"script": "/usr/bin/env"},
            },
            "webhooks": {
                "site": {
                    "token": TOKEN,
                    "path": str(site.clone),
                    "branch": "main",
                    "commands": commands,
                    **hook,
                }
            },
        }
    )


def commands_of(run: Any) -> list[str]:
    return [line["command"] for line in run["lines"]]


def test_a_push_brings_the_clone_to_its_commit_and_restarts_only_what_it_changes(
    host: AgentHost, site: Repository
) -> None:
    configure(host, site, [["sh", "-c", "echo built; pwd"]])
    site.commit({"web/main.sh": "exec sleep 1\n", "api/main.sh": "exec sleep 1\n"})
    everything = host.run(host.push("site", "a" * 40)[1]["run"])
    assert everything["services"] == ["web", "api"]
    commit = site.commit({"api/main.sh": "exec sleep 2\n"})
    run = host.run(host.push("site", commit)[1]["run"])
    assert (run["state"], run["services"], run["commit"]) == ("ok", ["api"], commit)
    assert site.head() == commit
    steps = {line["command"]: line for line in run["lines"]}
    assert steps["sh -c 'echo built; pwd'"]["output"] == f"built\n{site.clone}\n"
    assert steps["sh -c 'echo built; pwd'"]["code"] == 0
    assert commands_of(run)[-1] == "restart api"


def test_a_push_without_a_change_restarts_nothing(host: AgentHost, site: Repository) -> None:
    configure(host, site)
    commit = site.commit({"web/main.sh": "exec sleep 1\n"})
    host.run(host.push("site", commit)[1]["run"])
    assert host.run(host.push("site", commit)[1]["run"])["services"] == []


def test_a_history_that_was_rewritten_is_followed(host: AgentHost, site: Repository) -> None:
    configure(host, site)
    site.commit({"web/main.sh": "exec sleep 1\n"})
    host.run(host.push("site", "a" * 40)[1]["run"])
    (site.clone / "web/main.sh").write_text("edited by hand")
    commit = site.commit({"web/main.sh": "exec sleep 2\n"}, force=True)
    assert host.run(host.push("site", commit)[1]["run"])["services"] == ["web"]
    assert site.head() == commit
    assert (site.clone / "web/main.sh").read_text() == "exec sleep 2\n"


def test_where_nobody_knows_what_changed_everything_counts_as_changed(
    host: AgentHost, site: Repository
) -> None:
    """The commit of the last run is gone: the repository was cloned anew, or rewritten long ago."""
    configure(host, site)
    commit = site.commit({"web/main.sh": "exec sleep 1\n"})
    host.run(host.push("site", commit)[1]["run"])
    host.database(f"update runs set commit_id = '{'d' * 40}'")
    assert host.run(host.push("site", commit)[1]["run"])["services"] == ["web", "api"]


def test_a_script_that_a_command_makes_anew_restarts_its_service(host: AgentHost, site: Repository) -> None:
    configure(host, site, [["sh", "-c", "mkdir -p made; cp source.txt made/main.sh"]])
    site.commit({"source.txt": "exec sleep 1\n", ".gitignore": "made\n"})
    host.run(host.push("site", "a" * 40)[1]["run"])
    (site.clone / "made/main.sh").chmod(0o755)
    host.configure(
        {
            "processes": {"made": {"script": f"{site.clone}/made/main.sh", "cwd": "/"}},
            "webhooks": {
                "site": {
                    "token": TOKEN,
                    "path": str(site.clone),
                    "commands": [["sh", "-c", "cp source.txt made/main.sh"]],
                }
            },
        }
    )
    commit = site.commit({"source.txt": "exec sleep 2\n"})
    assert host.run(host.push("site", commit)[1]["run"])["services"] == ["made"]


def test_a_command_that_fails_ends_the_run_and_nothing_is_restarted(
    host: AgentHost, site: Repository
) -> None:
    configure(host, site, [["sh", "-c", "echo no good >&2; exit 7"], ["echo", "never"]])
    commit = site.commit({"web/main.sh": "exec sleep 1\n"})
    run = host.run(host.push("site", commit)[1]["run"])
    assert (run["state"], run["services"]) == ("failed", [])
    assert (run["lines"][-1]["code"], run["lines"][-1]["output"]) == (7, "no good\n")
    configure(host, site)
    mended = site.commit({"README": "mended"})
    assert host.run(host.push("site", mended)[1]["run"])["services"] == ["web"]


def test_a_command_that_never_ends_is_ended_with_its_children(host: AgentHost, site: Repository) -> None:
    configure(host, site, [["sh", "-c", "sleep 3987 & sleep 3987"]], timeout=2)
    run = host.run(host.push("site", site.commit({"a": "b"}))[1]["run"])
    assert run["state"] == "timeout"
    assert not processes_with("3987")


def test_a_run_is_cancelled_with_what_waits(host: AgentHost, site: Repository) -> None:
    configure(host, site, [["sleep", "3986"]])
    commit = site.commit({"a": "b"})
    first = host.push("site", commit)[1]["run"]
    host.run(first, until=lambda state: state == "running")
    second = host.push("site", commit)[1]["run"]
    for _ in range(200):
        if processes_with("3986"):
            break
        time.sleep(0.05)
    assert sorted(host.client.ask("POST", "/webhook/site/cancel")["cancelled"]) == [first, second]
    assert {host.run(first)["state"], host.run(second)["state"]} == {"cancelled"}
    assert not processes_with("3986")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_delivery_is_lost_when_the_agent_ends(host: AgentHost, site: Repository, number: int) -> None:
    marker = host.root / "go"
    configure(host, site, [["sh", "-c", f"until test -e {marker}; do sleep 0.05; done"]])
    commit = site.commit({"web/main.sh": "exec sleep 9\n"})
    first = host.push("site", commit)[1]["run"]
    host.run(first, until=lambda state: state == "running")
    runs = [first, *(host.push("site", commit)[1]["run"] for _ in range(2))]
    assert runs[1] == runs[2] != first
    host.end(number)
    host.start()
    marker.touch()
    assert [host.run(run)["state"] for run in runs] == ["ok"] * 3
    assert host.run(runs[0])["services"] == ["web"]
    assert host.run(runs[0])["attempt"] == 2


def test_forty_pushes_at_once_are_at_most_two_runs_and_all_is_brought_in(
    host: AgentHost, site: Repository
) -> None:
    marker = host.root / "on"
    configure(host, site, [["sh", "-c", f"until test -e {marker}; do sleep 0.05; done"]])
    first = host.push("site", site.commit({"web/main.sh": "exec sleep 1\n"}))[1]["run"]
    host.run(first, until=lambda state: state == "running")
    commit = site.commit({"web/main.sh": "exec sleep 2\n"})
    answers = [host.push("site", commit) for _ in range(40)]
    assert {status for status, _ in answers} == {202}
    (waiting,) = {answer["run"] for _, answer in answers}
    assert host.client.ask("GET", "/ls")["hooks"][0]["queued"] == 1
    marker.touch()
    assert host.run(waiting)["state"] == "ok"
    assert site.head() == commit
    assert len(host.client.ask("GET", "/hooks/site/runs")["runs"]) == 2


def test_a_delivery_whose_run_failed_runs_again_when_the_forge_sends_it_again(
    host: AgentHost, site: Repository
) -> None:
    configure(host, site, [["false"]])
    commit = site.commit({"web/main.sh": "exec sleep 1\n"})
    first = host.push("site", commit, delivery="redelivered")[1]["run"]
    assert host.run(first)["state"] == "failed"
    configure(host, site)
    status, answer = host.push("site", commit, delivery="redelivered")
    assert status == 202
    again = host.run(answer["run"])
    assert (again["state"], again["services"]) == ("ok", ["web"])
    assert host.push("site", commit, delivery="redelivered") == (200, {"duplicate": again["id"]})


LOCAL = {"env": {"GIT_ALLOW_PROTOCOL": "file"}}


class TestTheWorkTree:
    """After a push it is what the commit says, or the run says why it is not."""

    def test_submodules_stand_at_the_recorded_commit_and_their_services_restart(
        self, host: AgentHost, site: Repository, tmp_path: Path
    ) -> None:
        inner, vendor = Repository(tmp_path, "inner"), Repository(tmp_path, "vendor")
        vendor.add_submodule("inner", inner)
        configure(host, site, **LOCAL)
        site.add_submodule("vendor", vendor)
        assert host.run(host.push("site", "a" * 40)[1]["run"])["state"] == "ok"
        assert (site.clone / "vendor/inner/main.sh").read_text() == "echo one\n"
        host.configure(
            {
                "processes": {"inside": {"script": f"{site.clone}/vendor/main.sh", "runtime": "sh"}},
                "webhooks": {"site": {"token": TOKEN, "path": str(site.clone), **LOCAL}},
            }
        )
        (site.clone / "vendor/inner/main.sh").write_text("edited by hand")
        (site.clone / "vendor/built").write_text("by a command")
        inner.commit({"main.sh": "echo two\n"})
        vendor.add_submodule("inner", inner)
        commit = site.add_submodule("vendor", vendor)
        run = host.run(host.push("site", commit)[1]["run"])
        assert (run["state"], run["services"]) == ("ok", ["inside"])
        assert (site.clone / "vendor/inner/main.sh").read_text() == "echo two\n"
        status = site._git("submodule", "status", "--recursive", at=site.clone)
        assert {line[0] for line in status.splitlines()} == {" "}
        assert site._git("status", "--porcelain", "--untracked-files=no", at=site.clone).strip() == ""

    def test_a_submodule_of_this_hosts_disk_is_refused_with_the_way_to_allow_it(
        self, host: AgentHost, site: Repository, tmp_path: Path
    ) -> None:
        configure(host, site)
        commit = site.add_submodule("vendor", Repository(tmp_path, "vendor"))
        run = host.run(host.push("site", commit)[1]["run"])
        assert (run["state"], run["services"]) == ("failed", [])
        assert "transport 'file' not allowed" in run["lines"][-2]["output"]
        assert "GIT_ALLOW_PROTOCOL" in run["lines"][-1]["output"]

    def test_a_repository_within_that_nobody_can_fetch_fails_the_run(
        self, host: AgentHost, site: Repository
    ) -> None:
        """Somebody added a folder with a .git of its own: the commit names it, and holds none of it."""
        configure(host, site, **LOCAL)
        site._git("clone", "--quiet", str(site.bare), "nested")
        run = host.run(host.push("site", site.commit({}))[1]["run"])
        assert run["state"] == "failed"
        assert "for submodule path 'nested'" in run["lines"][-1]["output"]

    def test_files_of_git_lfs_hold_their_content(self, host: AgentHost, site: Repository) -> None:
        configure(host, site)
        site.keep_in_lfs("model.bin", "large\n" * 1000)
        assert host.run(host.push("site", "a" * 40)[1]["run"])["state"] == "ok"
        assert (site.clone / "model.bin").read_text() == "large\n" * 1000
        commit = site.keep_in_lfs("model.bin", "larger\n" * 1000)
        run = host.run(host.push("site", commit)[1]["run"])
        assert (run["state"], (site.clone / "model.bin").read_text()) == ("ok", "larger\n" * 1000)

    def test_files_of_git_lfs_that_cannot_be_had_fail_the_run(
        self, host: AgentHost, site: Repository
    ) -> None:
        configure(host, site)
        commit = site.keep_in_lfs("model.bin", "large\n" * 1000)
        for path in (site.bare / "lfs/objects").rglob("*"):
            if path.is_file():
                path.unlink()
        run = host.run(host.push("site", commit)[1]["run"])
        assert (run["state"], run["services"]) == ("failed", [])
        assert "model.bin" in run["lines"][-1]["output"]

    def test_a_host_without_git_lfs_says_how_to_get_it(
        self, host: AgentHost, site: Repository, tmp_path: Path
    ) -> None:
        programs = tmp_path / "bin"
        programs.mkdir()
        (programs / "git").symlink_to("/usr/bin/git")
        configure(host, site, env={"PATH": str(programs), "GIT_CONFIG_NOSYSTEM": "1"})
        commit = site.keep_in_lfs("model.bin", "large\n" * 1000)
        run = host.run(host.push("site", commit)[1]["run"])
        assert (run["state"], run["services"]) == ("failed", [])
        assert "model.bin are in Git LFS" in run["lines"][-1]["output"]
        assert "apt-get install git-lfs" in run["lines"][-1]["output"]

    def test_line_ends_that_contradict_the_repositorys_own_rules_fail_nothing(
        self, host: AgentHost, site: Repository
    ) -> None:
        configure(host, site)
        site.commit({"notes.txt": "one\r\ntwo\r\n"})
        commit = site.commit({".gitattributes": "*.txt text\n"})
        assert host.run(host.push("site", commit)[1]["run"])["state"] == "ok"

    def test_a_folder_that_is_no_longer_there_is_named(self, host: AgentHost, site: Repository) -> None:
        configure(host, site)
        site.clone.rename(site.clone.with_suffix(".away"))
        run = host.run(host.push("site", "c" * 40)[1]["run"])
        assert (run["state"], run["lines"][-1]["output"]) == ("failed", f"there is no folder {site.clone}\n")


def test_a_run_by_hand_restarts_everything_in_the_repository(host: AgentHost, site: Repository) -> None:
    configure(host, site)
    site.commit({"web/main.sh": "exec sleep 1\n", "api/main.sh": "exec sleep 1\n"})
    host.run(host.push("site", "a" * 40)[1]["run"])
    run = host.run(host.client.ask("POST", "/webhook/site/restart")["run"])
    assert run["services"] == ["web", "api"]


def test_a_hook_can_be_tried_with_gitlabs_token_alone(host: AgentHost, site: Repository) -> None:
    configure(host, site)
    status, answer = host.post("/webhook/site", method="GET", headers={"X-Gitlab-Token": TOKEN})
    assert status == 202
    assert host.run(answer["run"])["state"] == "ok"


def test_a_repository_that_is_gone_fails_the_run_with_gits_words(host: AgentHost, site: Repository) -> None:
    configure(host, site)
    site.bare.rename(site.bare.with_suffix(".away"))
    run = host.run(host.push("site", "c" * 40)[1]["run"])
    assert run["state"] == "failed"
    assert "does not appear to be a git repository" in run["lines"][-1]["output"]


def processes_with(word: str) -> list[str]:
    """The processes with this word on their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if word.encode() in words:
            found.append(path.parent.name)
    return found
