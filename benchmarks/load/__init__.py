"""A load client that never retries: what a server drops, it counts."""
