"""`/etc/nuwa/config.json`: its model, how its text is read and checked, and what was applied before."""
