"""Turns a configuration and facts into the host's files. Pure."""
