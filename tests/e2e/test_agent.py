"""The host agent on a real host: installed as the guide says, with real systemd, journal, nginx and git."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from e2e.agent_site import (
    SITE,
    TOKEN,
    configure,
    deliver,
    finished,
    listing,
    push_body,
    visitors,
    write,
)
from e2e.conftest import STATE_OF_HOST, LabHost, eventually

ROUTES = {"*/": "dashboard", "*/ci": "ci"}


@pytest.mark.usefixtures("agent")
class TestThePreparedHost:
    def test_nothing_is_missing_and_a_second_init_changes_nothing(self, host: LabHost) -> None:
        assert json.loads(host.out("nuwa host check --json"))["faults"] == {}
        before = host.out("systemctl show -p MainPID nuwa-ci nuwa-log")
        assert json.loads(host.out("nuwa host init --json"))["made"] == ["configuration"]
        assert host.out("systemctl show -p MainPID nuwa-ci nuwa-log") == before

    def test_remove_leaves_nothing_behind_and_init_brings_it_back(
        self, host: LabHost, before_agent: str
    ) -> None:
        host.sh("nuwa host remove --yes")
        assert host.out(STATE_OF_HOST) == before_agent
        host.sh("nuwa host init")
        eventually(lambda: listing(host)["ci"]["status"] == "running", "the agent runs again")


@dataclass
class Repository:
    """A site's repository: where it is pushed to, and where the host serves it from."""

    host: LabHost

    def push(self, version: str, *, broken: bool = False, force: bool = False) -> str:
        """Change the site, and return the new commit."""
        write(self.host, "/srv/dev/site.py", "exit 1" if broken else SITE.format(version=version))
        amend = "--amend" if force else ""
        self.host.sh(
            f"cd /srv/dev && git add -A && git commit -q {amend} -m '{version}' && git push -q -f origin main"
        )
        return self.host.out("git -C /srv/dev rev-parse HEAD")

    def page(self) -> str:
        return self.host.out("curl -sk --resolve web.test:443:127.0.0.1 https://web.test/")


@pytest.fixture(scope="module")
def site(agent: LabHost) -> Iterator[Repository]:
    """A site with a fixed neighbour, a hook, and routes; everything runs as an ordinary user."""
    agent.sh(
        """set -e
        id dev 2>/dev/null || useradd --create-home dev
        rm -rf /srv/bare.git /srv/dev /srv/site
        git config --system user.name t; git config --system user.email t@lab.test
        git config --system --replace-all safe.directory '*'
        git init -q --bare -b main /srv/bare.git; git clone -q /srv/bare.git /srv/dev 2>/dev/null"""
    )
    made = Repository(agent)
    made.push("one")
    agent.sh("git clone -q /srv/bare.git /srv/site && chown -R dev: /srv/site")
    document = {
        "env": {"domain": "web.test"},
        "processes": {
            "web": {
                "script": "/srv/site/site.py",
                "args": ["${.ports.0}"],
                "ports": ["auto"],
                "health": {"path": "/", "start_period": 30},
            }
        },
        "webhooks": {
            "site": {
                "token": TOKEN,
                "path": "/srv/site",
                "branch": "main",
                "commands": "git log -1 --oneline",
            }
        },
        "routes": {"${domain}/": "web", **ROUTES},
    }
    configure(agent, document)
    yield made
    configure(agent, {"routes": ROUTES})


class TestAPush:
    def test_of_each_forge_is_served_without_a_failed_request(self, site: Repository) -> None:
        with visitors(site.host, "web.test") as said:
            for forge in ("github", "gitlab", "gitea"):
                commit = site.push(f"from {forge}")
                status, answer = deliver(site.host, "site", forge, push_body(commit))
                assert status == 202, answer
                run = finished(site.host, answer["run"])
                assert run["state"] == "ok", run
                assert [line["code"] for line in run["lines"]] == [0, 0, 0, 0]
                assert run["services"] == ["web"]
                assert site.page() == f"from {forge}"
        assert [text.split()[1] for text in said] == ["0", "0"], said
        assert all(int(text.split()[0]) > 100 for text in said), said

    def test_that_does_not_come_up_leaves_the_old_one_serving(self, site: Repository) -> None:
        before = site.page()
        _, answer = deliver(site.host, "site", "github", push_body(site.push("broken", broken=True)))
        run = finished(site.host, answer["run"])
        assert run["state"] == "failed"
        assert "The old one serves on" in run["lines"][-1]["output"]
        assert site.page() == before

    def test_with_rewritten_history_is_taken_as_it_is(self, site: Repository) -> None:
        _, answer = deliver(site.host, "site", "gitea", push_body(site.push("rewritten", force=True)))
        assert finished(site.host, answer["run"])["state"] == "ok"
        assert site.page() == "rewritten"

    def test_counts_only_with_the_secret_and_only_once(self, site: Repository) -> None:
        body = push_body(site.host.out("git -C /srv/dev rev-parse HEAD"))
        assert deliver(site.host, "site", "github", body, "guessed")[0] == 401
        assert deliver(site.host, "site", "github", push_body("1" * 40, "other"))[1] == {
            "ignored": "other is not main"
        }
        status, answer = deliver(site.host, "site", "github", body)
        assert status == 202
        assert deliver(site.host, "site", "github", body)[0] == 409, "the same message under another name"
        finished(site.host, answer["run"])
