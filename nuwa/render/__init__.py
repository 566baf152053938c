"""The renderer, which runs in the image (Python 3.9): turns a manifest and facts into a host's files."""
