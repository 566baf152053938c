"""nuwa-init drops the container's variables before the services start, whatever their names are."""

from __future__ import annotations

import subprocess
from pathlib import Path

from nuwa.resources import IMAGES

ROOT = IMAGES / "base/rootfs-nuwa-init"


def test_variables_with_the_names_of_the_init_s_own_are_saved_and_dropped(tmp_path: Path) -> None:
    text = (ROOT / "init").read_text().replace("/run/s6/container_environment", str(tmp_path))
    body, found, _ = text.partition('\nmain "$@"')
    assert found
    names = ("services", "bundle", "plan", "wanted", "name", "UID", "LC_ALL")
    script = f"{body}\nsave_environment\n. {ROOT}/usr/lib/nuwa-init/layout\ndrop_environment\nexport -p\n"
    done = subprocess.run(
        ["sh", "-c", script], env=dict.fromkeys(names, "app"), capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 0, done.stderr
    assert {file.name for file in tmp_path.iterdir()} == set(names)
    assert [line for line in done.stdout.splitlines() if "app" in line] == []
