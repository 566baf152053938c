"""The requests by which a run is reported to a forge's public API. Pure.

GitHub: docs.github.com/rest/commits/statuses; GitLab: docs.gitlab.com/api/commits; Gitea: its swagger,
`/repos/{owner}/{repo}/statuses/{sha}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from nuwa.agent.config.model import CommitStatus

Forge = Literal["github", "gitlab", "gitea"]
VARIABLE = "NUWA_FORGE_CALL"
"""The variable that holds a request for its process: a token is in it, and only root can read it there."""
MAX_DESCRIPTION_CHARS = 140
"""Characters that GitHub takes; the others take more."""
_SCP = re.compile(r"(?:[^@/]+@)?(?P<host>[A-Za-z0-9.-]+):(?P<path>[^/].*)")
_STATES: Mapping[str, Mapping[str, str]] = {
    "github": {"running": "pending", "ok": "success", "cancelled": "error"},
    "gitlab": {"running": "running", "ok": "success", "cancelled": "canceled", "": "failed"},
    "gitea": {"running": "pending", "ok": "success", "cancelled": "error"},
}


class NoRepository(ValueError):
    """The repository or its forge is unknown."""


@dataclass(frozen=True)
class Repository:
    """A repository of a forge.

    Args:
        api: the base of its API, without a slash at its end.
        path: `owner/name`; of GitLab with all groups.
    """

    forge: Forge
    api: str
    path: str


@dataclass(frozen=True)
class Call:
    """A request to a forge."""

    method: str
    url: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def repository(settings: CommitStatus, remote: str) -> Repository:
    """Which repository the settings, and the address that git fetches from, mean.

    Raises:
        NoRepository: neither says so.
    """
    host, path = _parts(remote)
    path = settings.repository or path
    forge = settings.forge or _forge_of(host)
    if not path:
        raise NoRepository("set status.repository: the remote's address does not name one")
    if not forge:
        raise NoRepository(
            f"set status.forge: it is unknown whether {host or 'the remote'} is GitLab or Gitea"
        )
    if not settings.api and not host:
        raise NoRepository("set status.api: the remote's address names no host")
    return Repository(forge, settings.api.rstrip("/") or _api(forge, host), path)


def _parts(remote: str) -> tuple[str, str]:
    """Host and path of an address that git takes; empty where it names none."""
    if "://" in remote:
        parts = urlsplit(remote)
        host, path = parts.hostname or "", parts.path
    elif found := _SCP.fullmatch(remote):
        host, path = found["host"], found["path"]
    else:
        return "", ""
    return host.lower(), path.strip("/").removesuffix(".git")


def _forge_of(host: str) -> Forge | None:
    if host == "github.com":
        return "github"
    if "gitlab" in host:
        return "gitlab"
    return "gitea" if host == "codeberg.org" or "gitea" in host or "forgejo" in host else None


def _api(forge: Forge, host: str) -> str:
    if host == "github.com":
        return "https://api.github.com"
    return f"https://{host}/api/{ {'github': 'v3', 'gitlab': 'v4', 'gitea': 'v1'}[forge] }"


def status(at: Repository, token: str, commit: str, state: str, text: str, context: str, link: str) -> Call:
    """The request that sets the status of a commit.

    Args:
        state: of the run.
        text: one sentence about it.
        context: names this status among others of the commit.
        link: the page of the run; empty: none.
    """
    states = _STATES[at.forge]
    body = {
        "state": states.get(state, states.get("", "failure")),
        "description": text[:MAX_DESCRIPTION_CHARS],
        "context": context,
        **({"target_url": link} if link else {}),
    }
    return Call("POST", f"{_base(at)}/statuses/{commit}", body, _headers(at, token))


def pull_requests(at: Repository, token: str, commit: str) -> Call:
    """The request for the pull requests that a commit belongs to."""
    path = {
        "github": f"commits/{commit}/pulls",
        "gitlab": f"repository/commits/{commit}/merge_requests",
        "gitea": f"commits/{commit}/pull",
    }[at.forge]
    return Call("GET", f"{_base(at)}/{path}", None, _headers(at, token))


def numbers(at: Repository, answer: Any) -> list[int]:
    """The numbers of the open pull requests in an answer."""
    items = answer if isinstance(answer, list) else [answer]
    key = "iid" if at.forge == "gitlab" else "number"
    is_open = ("open", "opened", None)
    found = [item for item in items if isinstance(item, dict) and item.get("state") in is_open]
    return [item[key] for item in found if isinstance(item.get(key), int)]


def comment(at: Repository, token: str, number: int, text: str) -> Call:
    """The request that comments on a pull request."""
    path = f"merge_requests/{number}/notes" if at.forge == "gitlab" else f"issues/{number}/comments"
    return Call("POST", f"{_base(at)}/{path}", {"body": text}, _headers(at, token))


def _base(at: Repository) -> str:
    if at.forge == "gitlab":
        return f"{at.api}/projects/{quote(at.path, safe='')}"
    return f"{at.api}/repos/{quote(at.path)}"


def _headers(at: Repository, token: str) -> dict[str, str]:
    common = {"Content-Type": "application/json", "User-Agent": "nuwa"}
    if at.forge == "gitlab":
        return {**common, "Accept": "application/json", "PRIVATE-TOKEN": token}
    if at.forge == "gitea":
        return {**common, "Accept": "application/json", "Authorization": f"token {token}"}
    accept = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    return {**common, **accept, "Authorization": f"Bearer {token}"}
