"""Checks of processes, sites, certificates, disks and backups; alerts; and restarts of what hangs."""
