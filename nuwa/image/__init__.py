"""Builds an app's image: layers, their inputs, the build itself, and the inspection of a finished image."""
