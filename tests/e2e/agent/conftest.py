"""The host agent on the lab host, once for all of these files, and a site that it looks after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.agent_site import ROUTES, TOKEN, Repository, configure
from e2e.conftest import LabHost, with_agent


@pytest.fixture(scope="package")
def agent(host: LabHost, before_agent: str) -> Iterator[LabHost]:
    """The host with this nuwa's agent on it."""
    with with_agent(host, before_agent):
        yield host


@pytest.fixture(scope="package")
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
