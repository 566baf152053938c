"""Lab hosts: systemd in a container, with what a real host has, to try things on."""
