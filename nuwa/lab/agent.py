"""The host agent on a lab host: this nuwa, installed there as the guide describes, and the host prepared."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nuwa import installation, process
from nuwa.console import Progress
from nuwa.engine import Engine
from nuwa.lab import hosts
from nuwa.lab.model import DEMO, Host

PLACE = installation.PLACE
COMMAND = str(installation.COMMAND)
CONFIG = "/etc/nuwa/config.json"
DASHBOARD = "dashboard.localhost"
"""Its host name: browsers resolve names below localhost to this machine."""
_ABOUT = """import json, platform, sys
print(json.dumps([f"{sys.version_info[0]}.{sys.version_info[1]}", platform.machine()]))"""
_UNPACK = f"""set -eu
[ -x {PLACE}/bin/python3 ] || python3 -m venv --without-pip {PLACE}
site=$({PLACE}/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
find "$site" -mindepth 1 -delete
tar -x --no-same-owner -C "$site"
chmod -R u+rwX,go+rX,go-w "$site"
install -m 755 "$site/bin/uv" {PLACE}/bin/uv
printf '%s\\n' '#!{PLACE}/bin/python3' 'import sys' 'from nuwa.cli.main import main' 'sys.exit(main())' \\
  >{PLACE}/bin/nuwa
chmod 755 {PLACE}/bin/nuwa
ln -sfn {PLACE}/bin/nuwa {COMMAND}"""


def install(engine: Engine, progress: Progress, host: Host) -> None:
    """Install nuwa with its agent on a host, and prepare the host; safe to repeat.

    The packages are downloaded with this machine's settings, so the host needs no network.
    """
    hosts.require(hosts.states(engine, host.lab), host)
    with tempfile.TemporaryDirectory(prefix="nuwa-lab-") as folder:
        with progress.step(f"{host.name}: nuwa and the packages that it needs"):
            _gather(engine, host, Path(folder))
        with progress.step(f"{host.name}: install them in {PLACE}"):
            _send(engine, host, Path(folder))
    with progress.step(f"{host.name}: nuwa host init"):
        engine.exec(host.container, COMMAND, "host", "init", timeout=300)
        # Services that were running would otherwise keep the old code.
        engine.exec(host.container, "sh", "-c", "systemctl try-restart nuwa-ci nuwa-dashboard 2>/dev/null; :")
        _configure(engine, host)


def _gather(engine: Engine, host: Host, folder: Path) -> None:
    """nuwa and all its requirements for the host's Python, laid out as in site-packages."""
    version, machine = json.loads(engine.exec(host.container, "python3", "-c", _ABOUT).stdout)
    target = ["--target", str(folder), "--python", sys.executable]
    target += ["--python-version", version, "--python-platform", f"{machine}-manylinux_2_28"]
    with tempfile.TemporaryDirectory(prefix="nuwa-wheel-") as wheels:
        installation.install_into(target, installation.write_wheel(Path(wheels)))


def _send(engine: Engine, host: Host, folder: Path) -> None:
    out_of, into = os.pipe()
    with ThreadPoolExecutor(1) as pool:
        packing = pool.submit(_pack, folder, into)
        with os.fdopen(out_of, "rb") as source:
            engine.exec(host.container, "sh", "-c", _UNPACK, options=["--interactive"], stdin=source)
        packing.result()


def _pack(folder: Path, into: int) -> None:
    with os.fdopen(into, "wb") as target:
        process.run(["tar", "-c", "-C", str(folder), "."], stdout=target)


def _configure(engine: Engine, host: Host) -> None:
    """Serve the dashboard under its own name, with the demo in it, unless a configuration exists."""
    config = json.loads(engine.exec(host.container, "cat", CONFIG).stdout)
    if any(config.values()):
        return
    if engine.exec(host.container, "test", "-d", f"{DEMO}/bin", check=False).ok:
        config["processes"] = {"demo": {"deployment": DEMO}}
    config["routes"] = {f"{DASHBOARD}/": "dashboard", "*/ci": "ci"}
    write, text = f"umask 077; cat >{CONFIG}", json.dumps(config, indent=2) + "\n"
    engine.exec(host.container, "sh", "-c", write, options=["--interactive"], input=text)
    engine.exec(host.container, COMMAND, "config", "apply", timeout=120)
