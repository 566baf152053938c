"""Changes to the host: synchronous, one lock per service, the same for the command line and the agent."""
