"""Output of programs as it comes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from nuwa.process_async import started


def test_a_piece_that_is_no_line_comes_at_once(tmp_path: Path) -> None:
    """The program goes on only after it was seen; what it cut in two was one character."""
    seen = tmp_path / "seen"
    os.mkfifo(seen)
    script = r"printf '10 %%\r'; cat <$1; printf '\303'; sleep 0.2; printf '\251\377'"

    async def work() -> str:
        said = ""
        async with asyncio.timeout(60), started(["bash", "-c", script, "bash", str(seen)]) as running:
            async for piece in running.pieces():
                if not said:
                    assert piece == "10 %\r"
                    seen.write_text("")
                said += piece
            assert await running.wait() == 0
        return said

    assert asyncio.run(work()) == "10 %\ré\ufffd"
