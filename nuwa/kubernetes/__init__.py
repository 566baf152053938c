"""An app and a few choices become the objects of Kubernetes. Runs in the image, on Python ≥ 3.9."""
