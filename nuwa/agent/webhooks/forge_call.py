"""One request to a forge, in the process `python -m nuwa.agent.webhooks`.

A separate process, which can be stopped whatever the forge does: the timeout of a socket starts again with
each byte received. It also uses the agent's proxy settings.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

SOCKET_TIMEOUT_S = 15.0
MAX_ANSWER_BYTES = 1024 * 1024


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, which could send the token to another server."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def perform(call: dict[str, Any]) -> dict[str, Any]:
    """Send a request.

    Args:
        call: `method`, `url`, `headers` and `body`, which is a value or null.

    Returns:
        `value`: what was answered; or `error`, in words, and `again`: whether another try may succeed.
    """
    data = json.dumps(call["body"]).encode() if call["body"] is not None else None
    request = urllib.request.Request(call["url"], data, call["headers"], method=call["method"])  # noqa: S310 - the configuration allows http and https alone
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=SOCKET_TIMEOUT_S) as answer:
            raw = answer.read(MAX_ANSWER_BYTES)
    except urllib.error.HTTPError as error:
        hint = _HINTS.get(error.code, "")
        return {
            "error": f"got status {error.code}{hint}",
            "again": error.code == 429 or error.code >= 500,
        }
    except (OSError, HTTPException) as error:
        return {"error": f"failed: {error}", "again": True}
    try:
        return {"value": json.loads(raw) if raw else None}
    except ValueError:
        return {"value": None}


_HINTS = {
    401: ": check that the token is valid",
    403: ": check that the token may write statuses",
    404: ": check the repository, and that the token may read it",
}
