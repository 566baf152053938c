"""Persistent data: a claim for each volume, and the Secret with the app's secrets."""

from __future__ import annotations

import base64

from nuwa.kubernetes.context import Context, Object
from nuwa.names import APP_ID

CLAIM_SIZE = "5Gi"
"""The size that a claim requests if nuwa.toml names none."""
PODMAN_OWNER = ("volume.podman.io/uid", "volume.podman.io/gid")
"""With these, podman gives the app ownership of a volume; in a cluster, fsGroup does that."""


def claims(context: Context) -> list[Object]:
    """A PersistentVolumeClaim for each volume; writable on several nodes if several pods share it."""
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
    """The Secret with all of its values; it is omitted if there are none.

    `kubectl apply` removes values that an earlier export had and this one has not, so a Secret without values
    would delete those in the cluster. `judge.refuse` stops an export that has only some of them.
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
    """The values in the Secrets of an earlier export."""
    return {
        name: base64.b64decode(value)
        for made in objects
        if made["kind"] == "Secret"
        for name, value in (made.get("data") or {}).items()
    }
