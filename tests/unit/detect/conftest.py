"""Projects written down in a test; none of their code ever runs."""

from __future__ import annotations

import textwrap

import pytest


@pytest.fixture
def project(tmp_path):
    def made(files, folder="shop"):
        root = tmp_path / folder
        root.mkdir()
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
        return root

    return made
