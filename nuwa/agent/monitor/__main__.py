"""`python -m nuwa.agent.monitor`: sends the message in its environment, and says why where it could not."""

import json
import os
import sys

from nuwa.agent.monitor import send

if __name__ == "__main__":
    reason = send.deliver(json.loads(os.environ.pop(send.VARIABLE)))
    if reason:
        print(reason)
        sys.exit(1)
