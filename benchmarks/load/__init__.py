"""A load client that never retries: it counts every request that a server drops."""
