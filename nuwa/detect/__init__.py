"""What `nuwa init` recognises in a project, by reading it; nothing of it is ever imported or run."""
