"""The section of a manifest about releases: how one replaces another, and where they are deployed.

Only the standard library, and Python 3.9, like `nuwa.manifest.model`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from nuwa.manifest import checks
from nuwa.manifest.marks import (
    Between,
    Check,
    Doc,
    Domain,
    Duration,
    RemoteHost,
    Seconds,
    Section,
    VariableName,
)


@dataclass(frozen=True)
class Group(Section):
    """A named group of hosts for `nuwa deploy`, such as staging, which may have domains of its own."""

    name: Annotated[str, Check(checks.part_name), Doc("Its name, as in nuwa deploy staging.")]
    hosts: Annotated[tuple[RemoteHost, ...], Doc("Its hosts, as in deploy.hosts; deployed to one by one.")]
    domains: Annotated[
        tuple[Domain, ...], Doc("Domains of the site on these hosts; empty: those of the app.")
    ] = ()


@dataclass(frozen=True)
class SecretSource(Section):
    """Where secrets are kept: `nuwa app secret import` and `nuwa deploy` read them on the operator's machine
    with the tool's own command line, and send those that `[env]` names to the hosts. Images do not contain
    this section."""

    kind: Annotated[
        Literal["sops", "age", "1password", "bitwarden", "vault", "aws"],
        Doc(
            "The tool; its command, sops, age, op, bw, vault or aws, must be installed there, and logged in."
        ),
    ]
    source: Annotated[
        str,
        Check(checks.secret_source),
        Doc(
            "What it reads. sops, age: a file in the project; 1password: VAULT/ITEM; bitwarden: an item; "
            "vault: a path such as secret/blog; aws: the id of a secret in Secrets Manager."
        ),
    ]
    identity: Annotated[
        str, Check(checks.OrEmpty(checks.secret_source)), Doc("For age: the file with the private key.")
    ] = ""
    group: Annotated[
        str,
        Check(checks.OrEmpty(checks.part_name)),
        Doc("The group of hosts that gets these secrets; empty: all hosts."),
    ] = ""
    names: Annotated[
        dict[VariableName, str], Doc("Secrets with another name in the source: NAME = name in the source.")
    ] = field(default_factory=dict)


@dataclass(frozen=True)
class Deploy(Section):
    """How bin/deploy replaces a release with the next one, and which hosts `nuwa deploy` deploys to."""

    drain: Annotated[
        Seconds, Doc("Seconds that requests, WebSockets and jobs of the previous release get to finish.")
    ] = 30
    watch: Annotated[
        int,
        Between(0, 86400),
        Doc("Seconds after the switch during which errors are watched; 0: not at all."),
    ] = 60
    errors: Annotated[
        int,
        Between(1, 100),
        Doc("Maximum rise of the 5xx rate, in percentage points, before an automatic rollback."),
    ] = 5
    keep: Annotated[int, Between(2, 1000), Doc("Number of releases whose images stay on the host.")] = 5
    standby: Annotated[
        Duration,
        Between(0, 86400),
        Doc(
            "How long the previous release stays in memory after a deploy, paused, in seconds or in a form "
            'such as "10m"; a rollback is then almost instant. 0: it is stopped at once.'
        ),
    ] = 0
    hosts: Annotated[
        tuple[RemoteHost, ...],
        Doc(
            "Hosts for `nuwa deploy`: a destination for ssh, then optionally a colon and the deployment's "
            "folder (by default /srv/NAME). Images do not contain them."
        ),
    ] = ()
    registry: Annotated[
        str,
        Check(checks.OrEmpty(checks.registry_name)),
        Doc(
            "Repository that `nuwa push` pushes the image to, such as registry.example.com/team/blog; `nuwa "
            "deploy` then has the hosts pull it from there by digest. Empty: it is sent directly over ssh."
        ),
    ] = ""
    group: Annotated[tuple[Group, ...], Doc("Named groups of hosts, such as staging and production.")] = ()
    secrets: Annotated[
        tuple[SecretSource, ...], Doc("Where secrets are kept; the first source that has a secret wins.")
    ] = ()
