"""Output with lines that a program overwrites, such as the progress of a download."""

from __future__ import annotations

import re

_REWRITTEN = re.compile(r"[^\n]*\r(?=[^\r\n])")


def extended(output: str, text: str) -> str:
    """An output with more text appended; text after a carriage return replaces the line before it.

    Args:
        output: the output so far, as an earlier call returned it.
    """
    begin = output.rfind("\n") + 1
    return output[:begin] + _REWRITTEN.sub("", (output[begin:] + text).replace("\r\n", "\n"))
