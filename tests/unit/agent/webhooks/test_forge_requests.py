"""Requests to forges, as their documentation describes them."""

from __future__ import annotations

import pytest

from nuwa.agent.config.model import CommitStatus
from nuwa.agent.webhooks import forge_requests
from nuwa.agent.webhooks.forge_requests import NoRepository, Repository

SHA = "4be1d02a9c774be1d02a9c774be1d02a9c774be1"
SETTINGS = CommitStatus(token="secret-token")


@pytest.mark.parametrize(
    ("remote", "forge", "api", "path"),
    [
        ("git@github.com:ada/blog.git", "github", "https://api.github.com", "ada/blog"),
        ("https://x:pw@github.com/ada/blog", "github", "https://api.github.com", "ada/blog"),
        ("ssh://git@gitlab.com:22/a/b/c.git", "gitlab", "https://gitlab.com/api/v4", "a/b/c"),
        ("https://gitlab.example.org/a/b.git", "gitlab", "https://gitlab.example.org/api/v4", "a/b"),
        ("https://codeberg.org/ada/blog.git", "gitea", "https://codeberg.org/api/v1", "ada/blog"),
        ("gitea@gitea.example.org:ada/blog.git", "gitea", "https://gitea.example.org/api/v1", "ada/blog"),
    ],
)
def test_the_remote_says_which_repository_of_which_forge(
    remote: str, forge: str, api: str, path: str
) -> None:
    assert forge_requests.repository(SETTINGS, remote) == Repository(forge, api, path)  # type: ignore[arg-type]


def test_the_settings_have_the_last_word() -> None:
    given = CommitStatus(
        token="secret-token", forge="github", api="https://git.example.org/api/v3/", repository="o/r"
    )
    expected = Repository("github", "https://git.example.org/api/v3", "o/r")
    assert forge_requests.repository(given, "git@github.com:ada/blog.git") == expected
    assert forge_requests.repository(given, "/srv/git/blog.git") == expected


@pytest.mark.parametrize(
    ("settings", "remote", "said"),
    [
        (SETTINGS, "git@git.example.org:ada/blog.git", "status.forge"),
        (SETTINGS, "/srv/git/blog.git", "status.repository"),
        (CommitStatus(token="secret-token", forge="gitea", repository="a/b"), "/srv/git", "status.api"),
    ],
)
def test_what_nothing_says_has_to_be_set(settings: CommitStatus, remote: str, said: str) -> None:
    with pytest.raises(NoRepository, match=said):
        forge_requests.repository(settings, remote)


@pytest.mark.parametrize(
    ("forge", "url", "header", "states"),
    [
        (
            "github",
            f"https://f/repos/a/b/statuses/{SHA}",
            ("Authorization", "Bearer t"),
            ["pending", "success", "failure", "failure", "error"],
        ),
        (
            "gitlab",
            f"https://f/projects/a%2Fb/statuses/{SHA}",
            ("PRIVATE-TOKEN", "t"),
            ["running", "success", "failed", "failed", "canceled"],
        ),
        (
            "gitea",
            f"https://f/repos/a/b/statuses/{SHA}",
            ("Authorization", "token t"),
            ["pending", "success", "failure", "failure", "error"],
        ),
    ],
)
def test_a_status_is_what_the_forge_takes(
    forge: str, url: str, header: tuple[str, str], states: list[str]
) -> None:
    at = Repository(forge, "https://f", "a/b")  # type: ignore[arg-type]
    runs = ["running", "ok", "failed", "timeout", "cancelled"]
    calls = [
        forge_requests.status(at, "t", SHA, run, "x" * 500, "nuwa/web", "https://d/runs/1") for run in runs
    ]
    assert {(call.method, call.url) for call in calls} == {("POST", url)}
    bodies = [dict(call.body or {}) for call in calls]
    assert [body["state"] for body in bodies] == states
    assert bodies[0]["target_url"] == "https://d/runs/1"
    assert bodies[0]["context"] == "nuwa/web"
    assert len(bodies[0]["description"]) == 140
    assert calls[0].headers[header[0]] == header[1]
    assert "target_url" not in (forge_requests.status(at, "t", SHA, "ok", "", "c", "").body or {})


def test_open_pull_requests_are_found_and_commented_on() -> None:
    github, gitlab, gitea = (
        Repository(forge, "https://f", "a/b")  # type: ignore[arg-type]
        for forge in ("github", "gitlab", "gitea")
    )
    assert forge_requests.numbers(
        github, [{"number": 7, "state": "open"}, {"number": 8, "state": "closed"}]
    ) == [7]
    assert forge_requests.numbers(gitlab, [{"iid": 3, "id": 900, "state": "opened"}]) == [3]
    assert forge_requests.numbers(gitea, {"number": 5, "state": "open"}) == [5]
    for nothing in (None, [], {}, [1], {"message": "none"}):
        assert forge_requests.numbers(github, nothing) == []
    assert forge_requests.comment(github, "t", 7, "x").url == "https://f/repos/a/b/issues/7/comments"
    assert (
        forge_requests.comment(gitlab, "t", 3, "x").url == "https://f/projects/a%2Fb/merge_requests/3/notes"
    )
    assert forge_requests.pull_requests(github, "t", SHA).url == f"https://f/repos/a/b/commits/{SHA}/pulls"
    assert forge_requests.pull_requests(gitea, "t", SHA).url == f"https://f/repos/a/b/commits/{SHA}/pull"
