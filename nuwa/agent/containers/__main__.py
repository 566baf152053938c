"""`python -m nuwa.agent.containers SOCKET`: the containers as lines of JSON, a line for each change."""

from __future__ import annotations

import json
import sys

from nuwa.agent.containers.reader import follow

for found in follow(sys.argv[1]):
    print(json.dumps({"containers": [container.as_json() for container in found]}), flush=True)
