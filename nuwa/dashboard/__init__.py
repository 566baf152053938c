"""The dashboard: pages for people, made of what the agent's control API tells."""
