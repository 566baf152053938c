"""Prepares a host for the agent, says what is missing, and takes everything away again."""
