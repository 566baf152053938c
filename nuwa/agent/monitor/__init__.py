"""Checks of processes, sites, certificates, disks and backups; alerts; restarts of unresponsive services."""
