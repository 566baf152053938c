"""The page of bin/maintenance, and who does not get it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nuwa.render import maintenance
from nuwa.render.facts import FactsError


def answer(path: Path, message: str = "", *allow: str) -> dict[str, object]:
    text = json.dumps({"message": message, "allow": allow})
    found: dict[str, object] = json.loads(maintenance.answer(text, path))
    return found


def test_a_message_is_plain_text(tmp_path: Path):
    page = answer(tmp_path / "none", "Back at 5 <script>&")["page"]
    assert "<p>Back at 5 &lt;script&gt;&amp;</p>" in str(page)
    assert maintenance.DEFAULT in str(answer(tmp_path / "none")["page"])


def test_the_projects_page_says_the_message_where_it_is_marked(tmp_path: Path):
    own = tmp_path / "maintenance.html"
    own.write_text("<h1>Ours</h1><!-- message -->")
    assert answer(own, "a & b")["page"] == "<h1>Ours</h1>a &amp; b"
    assert answer(own)["page"] == "<h1>Ours</h1>"
    own.write_bytes(b"x" * (maintenance.MAX_PAGE_BYTES + 1))
    with pytest.raises(FactsError, match="larger than 1 MiB"):
        answer(own)


def test_addresses_are_spelled_as_nginx_spells_them(tmp_path: Path):
    found = answer(tmp_path / "none", "", "203.0.113.7", "2001:DB8:0:0::01")["allow"]
    assert found == ["203.0.113.7", "2001:db8::1"]
    for wrong in ("10.0.0.0/8", "../on", "", "localhost"):
        with pytest.raises(FactsError, match="is not an address"):
            answer(tmp_path / "none", "", wrong)
