"""Prepares a host for the agent, reports what is missing, and removes everything again."""
