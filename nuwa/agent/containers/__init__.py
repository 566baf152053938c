"""The containers of deployments, as podman reports them."""
