"""The section of a manifest about releases: how one gives way to the next, and where they are brought.

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
    """Hosts of `nuwa deploy` by a name, such as staging, with domains of their own."""

    name: Annotated[str, Check(checks.part_name), Doc("What nuwa deploy is given: nuwa deploy staging.")]
    hosts: Annotated[tuple[RemoteHost, ...], Doc("As deploy.hosts. They are deployed to one after another.")]
    domains: Annotated[
        tuple[Domain, ...], Doc("Domains of the site on these hosts; empty: those of the app.")
    ] = ()


@dataclass(frozen=True)
class SecretSource(Section):
    """Where secrets are kept: `nuwa app secret import` and `nuwa deploy` read them on the operator's machine
    with the tool's own command line, and send hosts those of `[env]`. No image holds this."""

    kind: Annotated[
        Literal["sops", "age", "1password", "bitwarden", "vault", "aws"],
        Doc("The tool: sops, age, op, bw, vault or aws has to be installed there, and logged in."),
    ]
    source: Annotated[
        str,
        Check(checks.secret_source),
        Doc(
            "What it reads. sops, age: a file in the project; 1password: VAULT/ITEM; bitwarden: an item; "
            "vault: a path such as secret/blog; aws: the id of a secret of Secrets Manager."
        ),
    ]
    identity: Annotated[
        str, Check(checks.OrEmpty(checks.secret_source)), Doc("For age: the file with the private key.")
    ] = ""
    group: Annotated[
        str,
        Check(checks.OrEmpty(checks.part_name)),
        Doc("The group of hosts it is for; empty: all."),
    ] = ""
    names: Annotated[
        dict[VariableName, str], Doc("Secrets that are called otherwise there: NAME = its name there.")
    ] = field(default_factory=dict)


@dataclass(frozen=True)
class Deploy(Section):
    """How a release gives way to the next (bin/deploy), and where `nuwa deploy` brings it."""

    drain: Annotated[
        Seconds, Doc("Seconds in which requests, websockets and jobs of the previous release can end.")
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
    keep: Annotated[int, Between(2, 1000), Doc("Number of releases kept on the host as images.")] = 5
    standby: Annotated[
        Duration,
        Between(0, 86400),
        Doc(
            'How long the previous release stays in memory after a deploy, paused, in seconds or as "10m": '
            "a rollback then takes a moment. 0: it stops at once."
        ),
    ] = 0
    hosts: Annotated[
        tuple[RemoteHost, ...],
        Doc(
            "Hosts of `nuwa deploy`: what ssh is given, and the deployment's folder; without one it is "
            "/srv/NAME. They stay on the machine that builds: no image holds them."
        ),
    ] = ()
    registry: Annotated[
        str,
        Check(checks.OrEmpty(checks.registry_name)),
        Doc(
            "Where `nuwa push` brings the image, such as registry.example.com/team/blog; `nuwa deploy` then "
            "has hosts pull it from there by digest. Empty: it goes straight over ssh."
        ),
    ] = ""
    group: Annotated[tuple[Group, ...], Doc("Hosts by a name, such as staging and production.")] = ()
    secrets: Annotated[
        tuple[SecretSource, ...], Doc("Where secrets are kept; the first source that has one wins.")
    ] = ()
