"""`python -m nuwa.agent.webhooks`: sends the request in its environment, and prints the result."""

import json
import os

from nuwa.agent.webhooks import forge_call, forge_requests

if __name__ == "__main__":
    print(json.dumps(forge_call.perform(json.loads(os.environ.pop(forge_requests.VARIABLE)))))
