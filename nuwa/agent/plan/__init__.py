"""A configuration and facts become the host's files. Pure."""
