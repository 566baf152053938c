"""`nuwa.toml`: its model, how it is read and checked, and its reference."""
