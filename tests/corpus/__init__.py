"""What `nuwa init` makes of public projects, compared with what a careful person would write."""
