"""The control API on the unix socket, and how the agent's HTTP interfaces answer."""
