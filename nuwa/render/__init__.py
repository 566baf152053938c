"""The renderer, which runs inside the image (Python 3.9): a manifest and facts become a host's files."""
