"""What stays: a claim for each volume, and the Secret that the app's secrets are in."""

from __future__ import annotations

import base64

from nuwa.kubernetes.context import Context, Object
from nuwa.names import APP_ID

CLAIM_SIZE = "5Gi"
"""What a claim asks for where nuwa.toml names no size."""
PODMAN_OWNER = ("volume.podman.io/uid", "volume.podman.io/gid")
"""By these podman gives a volume to the app, which fsGroup does in a cluster."""


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
                "resources": {"requests": {"storage": str(volume.size or CLAIM_SIZE)}},
            },
        }
        for volume in context.app.volume
    ]


def secret(context: Context) -> list[Object]:
    """The Secret with all of its values; without any it is left out.

    `kubectl apply` removes what an earlier export gave and this one does not, so a Secret without values
    would delete those in the cluster. `judge.refuse` stops an export that has only some.
    """
    given = context.options.secrets
    data = {name: base64.b64encode(given[name]).decode() for name in context.secret_names if name in given}
    if not data:
        return []
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": context.metadata(context.name, "secret"),
            "type": "Opaque",
            "data": data,
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
