"""The label `Setup`: how an image carries the scripts that install it, written and read."""
