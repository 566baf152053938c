"""`python -m nuwa.agent`: the service nuwa-ci."""

from nuwa.agent.paths import host_paths
from nuwa.agent.server import serve

if __name__ == "__main__":
    serve(host_paths())
