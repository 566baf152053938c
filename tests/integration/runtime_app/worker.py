"""A background process that says who it is, and fails or clings to life where the test wants that."""

import os
import signal
import sys
import time
from pathlib import Path

if os.environ.get("WORKER_IGNORES_TERM"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.environ.get("WORKER_FAILS"):
    time.sleep(float(os.environ.get("WORKER_LASTS", "0")))
    sys.exit(9)
print(f"worker of {os.environ['USER']} in {Path.cwd()}")
while True:
    time.sleep(1)
