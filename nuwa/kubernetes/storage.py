"""What stays: a claim for each volume, and the Secret that the app's secrets are in."""

from __future__ import annotations

import base64

from nuwa.kubernetes.context import Context, Object
from nuwa.names import APP_ID

CLAIM_SIZE = "5Gi"
"""What each claim asks for: nuwa.toml knows no size, an overlay does."""
PODMAN_OWNER = ("volume.podman.io/uid", "volume.podman.io/gid")
"""By these podman gives a volume to the app, which fsGroup does in a cluster."""
KEYS_ANNOTATION = "nuwa.io/keys"


def claims(context: Context) -> list[Object]:
    """A PersistentVolumeClaim for each volume; writable on several nodes where several pods share it."""
    shared = "ReadWriteMany" if context.spreads else "ReadWriteOnce"
    class_name = context.options.storage_class
    owner = {"annotations": dict.fromkeys(PODMAN_OWNER, str(APP_ID))} if context.options.podman else {}
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {**context.metadata(context.claim(volume.name), "volume"), **owner},
            "spec": {
                "accessModes": [shared],
                **({"storageClassName": class_name} if class_name else {}),
                "resources": {"requests": {"storage": CLAIM_SIZE}},
            },
        }
        for volume in context.app.volume
    ]


def secret(context: Context) -> list[Object]:
    """The Secret, with the values that were given.

    A name without a value is in its annotation alone. As an empty value, each `kubectl apply` would put it in
    the place of the one that was set in the cluster.
    """
    names = context.secret_names
    if not names:
        return []
    given = context.options.secrets
    data = {name: base64.b64encode(given[name]).decode() for name in names if name in given}
    annotations = {"annotations": {KEYS_ANNOTATION: " ".join(names)}}
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {**context.metadata(context.name, "secret"), **annotations},
            "type": "Opaque",
            **({"data": data} if data else {}),
        }
    ]


def values_of(objects: list[Object]) -> dict[str, bytes]:
    """The values that the Secrets of an earlier export hold."""
    return {
        name: base64.b64decode(value)
        for made in objects
        if made["kind"] == "Secret"
        for name, value in (made.get("data") or {}).items()
    }
