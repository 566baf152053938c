"""A kustomize base with one file per kind of object, and an overlay to start from."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from nuwa.kubernetes.context import Object
from nuwa.kubernetes.yaml_text import write

BASE, OVERLAY = "base", "overlays/production"
KUSTOMIZATION = "kustomization.yaml"
_VERSION = "kustomize.config.k8s.io/v1beta1"


def base(objects: Iterable[Object]) -> dict[str, str]:
    """The files of the base by name."""
    ordered = sorted(objects, key=lambda made: (str(made["kind"]), str(made["metadata"]["name"])))
    files = {
        f"{kind.lower()}.yaml": write(group)
        for kind, group in groupby(ordered, key=lambda made: str(made["kind"]))
    }
    listed = {"apiVersion": _VERSION, "kind": "Kustomization", "resources": list(files)}
    return {KUSTOMIZATION: _one(listed), **files}


def overlay(app: str, claims: Iterable[str]) -> str:
    """The overlay's kustomization: the base unchanged, with common adjustments as comments.

    Args:
        app: the app's name.
        claims: the names of its claims.
    """
    begin = {"apiVersion": _VERSION, "kind": "Kustomization", "resources": [f"../../{BASE}"]}
    return (
        "# Edit this file: nuwa writes it only once. kubectl apply -k overlays/production\n"
        + _one(begin)
        + "\n# Where everything goes:\n"
        + _commented({"namespace": app})
        + "\n# Changes to the base; each item is an example:\n"
        + _commented({"patches": list(_patches(app, claims))})
    )


def _patches(app: str, claims: Iterable[str]) -> Iterable[Object]:
    env = {"name": "LOG_LEVEL", "value": "info"}
    yield _patch("Deployment", app, "/spec/template/spec/containers/0/env/-", env)
    pull_secrets = [{"name": "registry"}]
    for kind, above in (("Deployment", ""), ("Job", ""), ("CronJob", "/spec/jobTemplate")):
        # For all objects of that kind: each pulls the image.
        yield _patch(kind, "", f"{above}/spec/template/spec/imagePullSecrets", pull_secrets)
    for claim in claims:
        yield _patch("PersistentVolumeClaim", claim, "/spec/resources/requests/storage", "50Gi")
    mail = {"ports": [{"protocol": "TCP", "port": 587}]}
    yield _patch("NetworkPolicy", app, "/spec/egress/-", mail)


def _patch(kind: str, name: str, path: str, value: object) -> Object:
    """A patch of one object, or, if the name is empty, of all objects of that kind."""
    operation = write([{"op": "add", "path": path, "value": value}]).partition("\n")[2]
    item = "".join(
        f"{'- ' if number == 0 else '  '}{line}\n" for number, line in enumerate(operation.splitlines())
    )
    return {"target": {"kind": kind, **({"name": name} if name else {})}, "patch": item}


def _one(made: Object) -> str:
    return write([made]).partition("\n")[2]


def _commented(made: Object) -> str:
    return "".join(f"# {line}\n" for line in _one(made).splitlines())
