"""nuwa: container images of Python web apps that install themselves."""

__version__ = "0.1.0"
