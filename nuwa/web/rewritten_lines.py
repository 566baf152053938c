"""Output with lines that a program overwrites, such as the progress of a download."""

from __future__ import annotations

import re

_REWRITTEN = re.compile(r"[^\n]*\r(?=[^\r\n])")


def extended(output: str, text: str) -> str:
    """An output with more text: what follows a carriage return takes the place of its line.

    Args:
        output: what was there, from an earlier call.
    """
    begin = output.rfind("\n") + 1
    return output[:begin] + _REWRITTEN.sub("", (output[begin:] + text).replace("\r\n", "\n"))
