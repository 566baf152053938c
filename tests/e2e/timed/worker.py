"""Runs, unless its release is called after a failure: then it takes a few seconds to die."""

import sys
import time
from pathlib import Path

RELEASE = (Path(__file__).parent / "release.txt").read_text().strip()
if "failing" in RELEASE:
    time.sleep(5)
    sys.exit("cannot reach the broker")
while True:
    time.sleep(1)
