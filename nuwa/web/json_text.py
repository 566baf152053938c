"""JSON as the agent and the dashboard send it."""

from __future__ import annotations

import json
from typing import Any


def to_json(data: Any) -> bytes:
    """A value as JSON; bytes are JSON already.

    An unpaired surrogate, as in text from outside, becomes its JSON escape.
    """
    if isinstance(data, bytes):
        return data
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")
