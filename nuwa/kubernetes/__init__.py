"""Turns an app and a few choices into Kubernetes objects. Runs in the image, on Python ≥ 3.9."""
