"""Who may do what on a host: tokens with names and rights, and their file."""
