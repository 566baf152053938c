"""What the agent reads of the host: units, containers' counters, the journal, sockets, deployments."""
