"""`python -m tests.standin.rocky [RELEASE…]`: makes the stand-ins and says how to build on them."""

from __future__ import annotations

import sys
from pathlib import Path

from nuwa.console import Plain
from nuwa.engine import Engine
from nuwa.errors import NuwaError
from nuwa.resources import cache_folder
from tests.standin.rocky import downloads, image


def main() -> None:
    engine, progress = Engine.detect(), Plain()
    folder = cache_folder() / "stand-in"
    folder.mkdir(parents=True, exist_ok=True)
    for release in sys.argv[1:] or image.RELEASES:
        made = image.ensure(engine, release, progress)
        words = {"NUWA_BASE_IMAGE": made, **downloads.make(engine, made, Path(folder))}
        setting = " ".join(f"{name}={value}" for name, value in words.items())
        print(f"{setting} nuwa build --family rockylinux --release {release}")


if __name__ == "__main__":
    try:
        main()
    except NuwaError as error:
        sys.exit(f"stand-in: {error.message}\n{error.details or ''}")
