"""The manifest of the app that the runtime tests run, for each kind of server."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from nuwa.manifest.image import Image
from nuwa.manifest.model import App, AppSection, Cron, Env, Process, Server

Kind = Literal["gunicorn", "mod_wsgi", "uvicorn"]
Init = Literal["nuwa-init", "s6-overlay"]
INITS: tuple[Init, ...] = ("nuwa-init", "s6-overlay")

PROJECT = Path(__file__).parent / "runtime_app"
CLEAR = {
    "GREETING": "hello world",
    "EMPTY": "",
    "MULTI": "line 1\nline 2 ' \" $x `y` \n",
    "TRAILING": "abc  ",
    "UNICODE": "žš🌊",
}

SECRET = "s3cr3t of $HOME with `ticks`\nand a second line "
SLASHES = r"a\b \\c %d \%e \\%f"


def runtime_app(kind: Kind) -> App:
    return App(
        app=AppSection(name=f"nuwa-test-{kind.replace('_', '-')}", domains=("runtime.example.org",)),
        image=Image(family="debian", release="13"),
        server=Server(
            module="site_asgi:application" if kind == "uvicorn" else "site_wsgi:application",
            kind=kind,
            workers=2,
            graceful_timeout=3,
        ),
        process=(
            Process(name="worker", command=("python", "worker.py"), stop_timeout=2),
            Process(name="clock", command=("python", "clock.py"), stop_timeout=3, handover="exclusive"),
        ),
        cron=(
            # Debian's cron and cronie read backslashes and per cent signs differently.
            Cron(name="slashes", schedule="* * * * *", command=("printf", "%s\\n", SLASHES)),
            Cron(
                name="beat", schedule="* * * * *", command=("sh", "-c", 'echo "beat of $USER 100% in $PWD"')
            ),
        ),
        env=Env(clear=CLEAR, secrets=("TOKEN",)),
    )
