"""What `nuwa init` recognises in a project, by reading its files; its code is never imported or run."""
