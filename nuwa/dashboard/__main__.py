"""`python -m nuwa.dashboard`: the service nuwa-dashboard."""

from nuwa.agent.paths import host_paths
from nuwa.dashboard.server import serve

if __name__ == "__main__":
    serve(host_paths())
