"""Parses webhooks: the push in the bodies of GitHub, GitLab and Gitea. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

_EVENTS = ("x-gitea-event", "x-forgejo-event", "x-gogs-event", "x-github-event", "x-gitlab-event")
_PUSHES = ("push", "Push Hook")


class BadPayload(ValueError):
    """The body does not match its sender's documentation."""


@dataclass(frozen=True)
class Push:
    """A branch that has a new commit.

    Args:
        commit: empty when the branch was deleted, or the sender does not say.
    """

    branch: str
    commit: str
    deleted: bool = False


def read(headers: Mapping[str, str], body: bytes) -> Push | str:
    """The push that a webhook reports, or the reason why it is ignored.

    Args:
        headers: by lower-case name.

    Raises:
        BadPayload: a push whose body cannot be understood.
    """
    event = next((headers[name] for name in _EVENTS if name in headers), "")
    if event and event not in _PUSHES:
        return f"{event[:60]} is not a push"
    payload = _document(headers, body)
    reference = payload.get("ref")
    if not isinstance(reference, str):
        raise BadPayload("the body has no ref")
    if re.search("[\ud800-\udfff]", reference):
        raise BadPayload("the body's ref is not valid text: it holds half of a surrogate pair")
    if not reference.startswith("refs/heads/"):
        return f"{reference[:100]} is not a branch"
    after = payload.get("after") or payload.get("checkout_sha") or ""
    if not isinstance(after, str) or not re.fullmatch(r"(?:[0-9a-f]{40}|[0-9a-f]{64})?", after):
        raise BadPayload("the body's commit is not a commit id")
    deleted = bool(payload.get("deleted")) or (bool(after) and not after.strip("0"))
    return Push(reference.removeprefix("refs/heads/"), "" if deleted else after, deleted)


def _document(headers: Mapping[str, str], body: bytes) -> dict[str, object]:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        text = body.decode()
        # curl labels any body as a form.
        if kind == "application/x-www-form-urlencoded" and not text.lstrip().startswith("{"):
            text = parse_qs(text, max_num_fields=20, strict_parsing=True)["payload"][0]
        document = json.loads(text)
    except (ValueError, KeyError, RecursionError):
        raise BadPayload("the body is not JSON") from None
    if not isinstance(document, dict):
        raise BadPayload("the body is not a JSON object")
    return document
