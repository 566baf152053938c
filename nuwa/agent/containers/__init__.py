"""The containers of deployments, as podman sees them."""
