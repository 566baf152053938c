"""Lab hosts: containers that run systemd and have what a real host has, for trying things out."""
