"""Resource use and requests of services and the host, over days and years."""
