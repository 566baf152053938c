"""The choices of an export that are not in nuwa.toml, checked once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nuwa.manifest import checks

MAX_REPLICAS = 1000
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?")
_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._:/-]{0,250}@sha256:[0-9a-f]{64}")
_ID = re.compile(r"[0-9a-f]{64}")
_TAGGED = re.compile(r"(?P<name>.+/[^:@/]+|[^:@/]+)(?::[^@/]+)?(?P<digest>@.*)")


class ExportError(ValueError):
    """The image cannot be exported like this; the message states the reason and the remedy."""


@dataclass(frozen=True)
class Options:
    """Choices of one export.

    Args:
        image: the image by digest: NAME@sha256:…. For podman, its id, as digests differ between stores.
        domains: used instead of the manifest's.
        replicas: pods of the server; None: `scale.min` or `server.replicas`.
        ingress: export an Ingress instead of a Gateway with its HTTPRoutes.
        ingress_class: its class; empty: the cluster's default.
        gateway: an existing Gateway, NAME or NAMESPACE/NAME; empty: the app gets its own.
        gateway_class: the class of the app's own Gateway.
        gateway_namespace: that of the proxy's pods, which alone may connect to the server; empty: any pod.
        issuer: cert-manager's ClusterIssuer, if [tls] asks for ACME.
        storage_class: that of the claims; empty: the cluster's default.
        secrets: values by name; the others have to be set in the cluster.
        podman: only what `podman kube play` takes, for one machine.
    """

    image: str
    domains: tuple[str, ...] = ()
    replicas: int | None = None
    ingress: bool = False
    ingress_class: str = ""
    gateway: str = ""
    gateway_class: str = "default"
    gateway_namespace: str = ""
    issuer: str = "letsencrypt"
    storage_class: str = ""
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    podman: bool = False


def checked(options: Options) -> Options:
    """The same options in normalised form.

    Raises:
        ExportError: Kubernetes does not accept a value.
    """
    if options.replicas is not None and not 1 <= options.replicas <= MAX_REPLICAS:
        raise ExportError(f"--replicas {options.replicas}: use 1 to {MAX_REPLICAS}")
    if options.ingress and options.gateway:
        raise ExportError("--ingress and --gateway cannot be combined: use one of them")
    named = {
        "--ingress-class": options.ingress_class,
        "--gateway-class": options.gateway_class,
        "--gateway-namespace": options.gateway_namespace,
        "--issuer": options.issuer,
        "--storage-class": options.storage_class,
    }
    gateway = (("--gateway", part) for part in options.gateway.split("/", 1))
    for option, value in (*named.items(), *gateway):
        if value and not _NAME.fullmatch(value):
            raise ExportError(
                f"{option} {value!r}: a name in Kubernetes has lower-case letters, digits, - and ."
            )
    return replace(
        options, image=_image(options.image, podman=options.podman), domains=_domains(options.domains)
    )


def _image(image: str, *, podman: bool) -> str:
    """Remove a tag in front of the digest: it would be ignored, and so mislead readers."""
    if podman and _ID.fullmatch(image):
        return image
    found = _TAGGED.fullmatch(image)
    plain = found["name"] + found["digest"] if found else image
    if not _IMAGE.fullmatch(plain):
        raise ExportError(
            f"--image {image!r} does not name an image by its digest, REGISTRY/NAME@sha256:…. "
            "podman image inspect -f '{{index .RepoDigests 0}}' IMAGE prints it"
        )
    return plain


def _domains(domains: tuple[str, ...]) -> tuple[str, ...]:
    try:
        found = tuple(dict.fromkeys(checks.domain(name) for name in domains))
    except ValueError as error:
        raise ExportError(f"--domain: {error}") from None
    if found and found[0].startswith("*."):
        raise ExportError(
            f"--domain {found[0]}: the first is the site's own address and cannot be a wildcard"
        )
    return found
