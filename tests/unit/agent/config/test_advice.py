"""What is valid in a configuration and is warned of."""

from __future__ import annotations

import json
from pathlib import Path

from nuwa.agent.config import advice, env_file
from nuwa.agent.config.load import validate


def test_a_token_that_can_be_guessed_is_warned_of() -> None:
    def warned(token: str) -> list[str]:
        text = json.dumps({"webhooks": {"site": {"token": token, "path": "/srv/site"}}})
        return list(advice.given(validate(text, "config.json")))

    assert warned("a" * 32) == []
    (warning,) = warned("short-one")
    assert "webhooks.site.token has only 9 characters" in warning


def test_a_file_of_variables_is_warned_of_by_line(tmp_path: Path) -> None:
    path = tmp_path / "web.env"
    document = {"processes": {"web": {"script": "/a", "env_file": str(path)}}}

    def warned() -> list[str]:
        return list(advice.given(validate(json.dumps(document), "config.json")))

    (missing,) = warned()
    assert "cannot be read, so the process will not start" in missing
    path.write_text("A=1\nexport B=2\n")
    path.chmod(0o644)
    everybody, export = warned()
    assert f"chmod 600 {path}" in everybody
    assert export == f"processes.web.env_file: {path}: line 2 {env_file.NOTES['name']}"
    path.chmod(0o600)
    path.write_text("A=1\n")
    assert warned() == []
