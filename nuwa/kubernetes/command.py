"""`/usr/lib/nuwa/kubernetes` in an image: objects on standard output, notes on standard error."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from nuwa.kubernetes import secret_values
from nuwa.kubernetes.options import ExportError, Options
from nuwa.kubernetes.render import render
from nuwa.kubernetes.yaml_text import write
from nuwa.manifest.model import App

HELP = {
    "image": "The image by its digest: REGISTRY/NAME@sha256:…",
    "domain": "A domain of the site instead of the manifest's, the canonical one first; may be repeated.",
    "replicas": "Number of pods of the server, instead of scale.min or server.replicas.",
    "ingress": "Use an Ingress instead of a Gateway with HTTPRoutes.",
    "ingress_class": "The class of the Ingress.",
    "gateway": "An existing Gateway, NAME or NAMESPACE/NAME, with listeners http and https.",
    "gateway_class": "The class of the app's own Gateway.",
    "gateway_namespace": "The namespace of the gateway's pods; only they may connect.",
    "issuer": "cert-manager's ClusterIssuer, if [tls] uses ACME.",
    "storage_class": "The storage class of the claims.",
    "secrets_from": "Values of secrets: a file of NAME=VALUE lines, or a folder with a file for each.",
    "podman": "Only objects that podman kube play supports, for one machine.",
}
"""The help text of each option, the same for `nuwa export kubernetes`."""


def main(app: App, arguments: Sequence[str] | None = None) -> None:
    """Exit codes: 0 done, 1 the app cannot be exported like this (one line says why), 2 wrong usage."""
    given = _parser().parse_args(arguments)
    try:
        values = secret_values.read(Path(given.secrets_from)) if given.secrets_from else {}
        objects, notes = render(app, _options(given, values))
    except (ExportError, OSError) as error:
        sys.exit(f"kubernetes: {error}")
    for note in notes:
        sys.stderr.write(f"note: {note}\n")
    sys.stdout.write(write(objects))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubernetes", description="Prints the Kubernetes objects of this image.", allow_abbrev=False
    )
    parser.add_argument("--image", default="", help=HELP["image"])
    parser.add_argument("--domain", action="append", default=[], help=HELP["domain"])
    parser.add_argument("--replicas", type=int, help=HELP["replicas"])
    for name in ("ingress", "podman"):
        parser.add_argument(f"--{name}", action="store_true", help=HELP[name])
    for name in ("ingress_class", "gateway", "gateway_namespace", "storage_class", "secrets_from"):
        parser.add_argument(f"--{name.replace('_', '-')}", default="", help=HELP[name])
    for name in ("gateway_class", "issuer"):
        default = str(getattr(Options, name))
        parser.add_argument(f"--{name.replace('_', '-')}", default=default, help=HELP[name])
    return parser


def _options(given: argparse.Namespace, values: dict[str, bytes]) -> Options:
    return Options(
        image=given.image,
        domains=tuple(given.domain),
        replicas=given.replicas,
        ingress=given.ingress,
        ingress_class=given.ingress_class,
        gateway=given.gateway,
        gateway_class=given.gateway_class,
        gateway_namespace=given.gateway_namespace,
        issuer=given.issuer,
        storage_class=given.storage_class,
        secrets=values,
        podman=given.podman,
    )
