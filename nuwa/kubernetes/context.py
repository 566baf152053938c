"""What all objects of one export share: names, labels, and values from both the app and the options."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nuwa.kubernetes.options import Options
from nuwa.manifest.model import App
from nuwa.manifest.site import Redirect

Object = dict[str, Any]
"""A Kubernetes object, or a part of one."""

MAX_NAME = 52
"""Of a CronJob, whose jobs' names are eleven characters longer; no other kind needs a shorter one."""
_LABEL_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Context:
    """An app and the choices of its export."""

    app: App
    options: Options

    @property
    def name(self) -> str:
        return self.app.name

    @property
    def domains(self) -> tuple[str, ...]:
        return self.options.domains or self.app.app.domains

    @property
    def host(self) -> str:
        """The Host header of requests to the app: its canonical domain."""
        return next(iter(self.domains), "localhost")

    @property
    def wildcards(self) -> tuple[str, ...]:
        return tuple(domain for domain in self.domains if domain.startswith("*."))

    @property
    def served(self) -> tuple[str, ...]:
        """The domains that the app itself serves; the others redirect to the first."""
        return (*self.domains[:1], *self.wildcards)

    @property
    def redirected(self) -> tuple[str, ...]:
        elsewhere = (*self.served, *(redirect.domain for redirect in self.moved))
        return tuple(domain for domain in self.domains if domain not in elsewhere)

    @property
    def moved(self) -> tuple[Redirect, ...]:
        """The domains that are redirected elsewhere as a whole."""
        found = (redirect for redirect in self.app.redirect if redirect.domain not in self.served)
        return tuple(redirect for redirect in found if redirect.domain in self.domains)

    @property
    def tls_secret(self) -> str:
        return f"{self.name}-tls"

    @property
    def is_acme(self) -> bool:
        return self.app.tls.challenge in ("http-01", "dns-01")

    @cached_property
    def secret_names(self) -> tuple[str, ...]:
        """All keys that the Secret must have before a pod starts."""
        return tuple(sorted({*self.app.supplied_secrets, *self.app.env.generated}))

    @cached_property
    def missing_secrets(self) -> tuple[str, ...]:
        """The keys for which this export has no value."""
        return tuple(name for name in self.secret_names if name not in self.options.secrets)

    @property
    def replicas(self) -> int:
        if self.options.podman:
            return 1
        given = self.options.replicas
        if given is not None:
            return given
        return self.app.scale.min if self.app.scale else self.app.server.replicas

    @property
    def most(self) -> int:
        """The maximum number of server pods."""
        if self.options.podman:
            return 1
        return max(self.replicas, self.app.scale.max if self.app.scale else 1)

    @property
    def autoscales(self) -> bool:
        return self.app.scale is not None and self.most > self.replicas

    @property
    def recreates(self) -> bool:
        """Whether the old pod has to be gone before the new one may start."""
        return any(volume.policy == "exclusive" for volume in self.app.volume)

    @property
    def spreads(self) -> bool:
        """Whether pods on several nodes may write to the same volumes."""
        return self.most > 1

    def object_name(self, *parts: str) -> str:
        """A name for an object: `blog-cron-tidy`. If it has to be altered, part of its digest is appended."""
        plain = "-".join((self.name, *parts))
        made = plain.replace("_", "-")
        if made == plain and len(made) <= MAX_NAME:
            return made
        digest = hashlib.sha256(plain.encode()).hexdigest()[:6]
        return f"{made[: MAX_NAME - 7].rstrip('-')}-{digest}"

    def claim(self, volume: str) -> str:
        return self.object_name("volume", volume)

    def selector(self, component: str) -> dict[str, str]:
        return {"app.kubernetes.io/name": self.name, "app.kubernetes.io/component": component}

    def labels(self, component: str) -> dict[str, str]:
        version = self.app.app.version
        known = {"app.kubernetes.io/version": version} if _LABEL_VALUE.fullmatch(version) else {}
        return {**self.selector(component), "app.kubernetes.io/managed-by": "nuwa", **known}

    def metadata(self, name: str, component: str, **more: Any) -> Object:
        return {"name": name, "labels": self.labels(component), **more}
