"""What the agent reads from the host: units, containers' counters, the journal, sockets, deployments."""
