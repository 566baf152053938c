"""The pod of an app: the host's container without its init, under the strictest Pod Security profile."""

from __future__ import annotations

import math
from typing import Any

from nuwa.kubernetes.context import Context, Object
from nuwa.manifest.data import Volume
from nuwa.names import APP_ID, DATABASE_SECRET, LIB, PORT, SECRETS, Names

APP_ENV = f"{LIB}/app-env"
RENDERER = (f"{LIB}/python", f"{LIB}/render.pyz")
DRAIN_S = 5
"""Seconds for which a pod still answers after it was asked to stop, until every proxy knows about it."""
STOP_MARGIN_S = 5
CONTENT_FOLDER = "/run/nuwa-volumes"
"""Where the claims are mounted while they are filled with the image's content."""
TOKEN_FOLDER = "/run/nuwa-release"  # noqa: S105 - a folder


def command(name: str) -> list[str]:
    """The command line that runs one of the manifest's commands with the app's environment."""
    return [APP_ENV, Names.command(name)]


def pod(context: Context, component: str, container: Object, **more: Any) -> Object:
    """The template of a pod with one container.

    Args:
        component: the part of the app that it runs.
        more: more keys of the pod's spec.
    """
    spec: Object = {
        # The pause container is PID 1: it reaps orphans, and SIGTERM stops processes without a handler.
        "shareProcessNamespace": True,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsUser": APP_ID,
            "runAsGroup": APP_ID,
            "runAsNonRoot": True,
            "fsGroup": APP_ID,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **more,
        "containers": [container],
        "volumes": [*_volumes(context), *more.get("volumes", [])],
    }
    before = [*_first_content(context), *more.get("initContainers", [])]
    if before:
        spec["initContainers"] = before
    if affinity := _affinity(context):
        spec["affinity"] = affinity
    return {"metadata": {"labels": context.labels(component)}, "spec": spec}


def container(context: Context, name: str, words: list[str], **more: Any) -> Object:
    """One container of the app's image."""
    return {
        "name": name,
        "image": context.options.image,
        "imagePullPolicy": "IfNotPresent",
        "command": words,
        "env": _environment(context),
        **resources(context),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [*_own_mounts(context), *(_mount(context, volume) for volume in context.app.volume)],
        **more,
    }


def server(context: Context) -> Object:
    """The container that answers HTTP. What nginx does on a host, the server does here itself: NUWA_FRONT."""
    on_host = {"hostPort": PORT, "hostIP": "127.0.0.1"} if context.options.podman else {}
    made = container(
        context,
        "server",
        command("server"),
        ports=[{"name": "http", "containerPort": PORT, "protocol": "TCP", **on_host}],
        lifecycle={"preStop": {"exec": {"command": [f"{LIB}/drain", str(DRAIN_S)]}}},
        **probes(context),
    )
    made["env"] = [
        *made["env"],
        {"name": "NUWA_FRONT", "value": "1"},
        # The NetworkPolicy decides who may connect; nuwa_front trusts only the last proxy.
        {"name": "FORWARDED_ALLOW_IPS", "value": "*"},
    ]
    return made


def probes(context: Context) -> Object:
    """The probes for started, ready and alive, from [health] of the manifest."""
    health = context.app.health
    check: Object = {"httpGet": _request(context), "timeoutSeconds": health.timeout}
    if context.options.podman:
        # podman would use curl, which an image need not have, and would not send the site's name.
        check = {
            "exec": {"command": ["/bin/bash", f"{LIB}/healthcheck"]},
            "timeoutSeconds": health.timeout + 5,
        }
    every: Object = {**check, "periodSeconds": health.interval}
    found = {"livenessProbe": {**every, "failureThreshold": health.retries}}
    if context.options.podman:
        found["livenessProbe"]["initialDelaySeconds"] = health.start_period
        return found
    started = min(health.interval, 5)
    return {
        "startupProbe": {
            **check,
            "periodSeconds": started,
            "failureThreshold": max(1, math.ceil(health.start_period / started)),
        },
        "readinessProbe": {**every, "failureThreshold": health.retries},
        **found,
    }


def _request(context: Context) -> Object:
    headers = {
        "Host": context.host,
        # The public scheme: an app that insists on HTTPS would otherwise only redirect.
        "X-Forwarded-Proto": "https",
        # These two let the log omit successful checks.
        "X-Forwarded-For": "127.0.0.1",
        "User-Agent": "nuwa-healthcheck",
    }
    named = [{"name": name, "value": value} for name, value in headers.items()]
    return {"path": context.app.health.path, "port": "http", "httpHeaders": named}


def resources(context: Context) -> Object:
    """The manifest's limits; requests equal the limits, but that of memory may be lower."""
    limits, found = context.app.limits, Object()
    most, least = Object(), Object()
    if limits.cpu is not None:
        most["cpu"] = least["cpu"] = f"{max(1, round(limits.cpu * 1000))}m"
    if limits.memory_max is not None:
        most["memory"] = str(limits.memory_max)
    asked = limits.memory_low if limits.memory_low is not None else limits.memory_max
    if asked is not None:
        least["memory"] = str(asked)
    if most:
        found["limits"] = most
    if least:
        found["requests"] = least
    return {"resources": found} if found else {}


def _environment(context: Context) -> list[Object]:
    """Environment variables of the container; the manifest's clear variables are in the image."""
    values = {"NUWA_HOST": context.host, "NUWA_DOMAINS": " ".join(context.domains)}
    if context.app.sqlite_file:
        values[DATABASE_SECRET] = f"sqlite:///{context.app.sqlite_file}"
    return [{"name": name, "value": value} for name, value in values.items()]


def _own_mounts(context: Context) -> list[Object]:
    mounts: list[Object] = [{"name": "run", "mountPath": "/run"}, {"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - mounts inside the pod
    if context.secret_names:
        mounts.append({"name": "secrets", "mountPath": SECRETS, "readOnly": True})
    return mounts


def _mount(context: Context, volume: Volume) -> Object:
    access = {"readOnly": True} if volume.policy == "read-only" else {}
    return {"name": context.claim(volume.name), "mountPath": volume.path, **access}


def _volumes(context: Context) -> list[Object]:
    size = str(context.app.limits.tmp_bytes)
    found: list[Object] = [
        {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": size}} for name in ("run", "tmp")
    ]
    if context.secret_names:
        # A pod waits until all keys exist, and reports the missing one.
        items = [{"key": name, "path": name} for name in context.secret_names]
        # podman does not support fsGroup: there, the parent folder's permissions protect the file.
        mode = 0o444 if context.options.podman else 0o440
        source = {"secretName": context.name, "defaultMode": mode, "items": items}
        found.append({"name": "secrets", "secret": source})
    claims = (context.claim(volume.name) for volume in context.app.volume)
    return [*found, *({"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims)]


def _first_content(context: Context) -> list[Object]:
    """Fills empty claims with what the image has at their paths, as the app's user."""
    volumes = context.app.volume
    if not volumes:
        return []
    targets = [(volume, f"{CONTENT_FOLDER}/{volume.name}") for volume in volumes]
    words = [*RENDERER, "first-content", *(f"{volume.path}={target}" for volume, target in targets)]
    made = container(context, "first-content", words)
    claims = [{"name": context.claim(volume.name), "mountPath": target} for volume, target in targets]
    return [{**made, "env": [], "volumeMounts": [*_own_mounts(context)[:2], *claims]}]


def _affinity(context: Context) -> Object:
    """For claims that only one node may write: all pods with them run on the node of the first."""
    if not context.app.volume or context.spreads or context.options.podman:
        return {}
    term = {
        "labelSelector": {"matchLabels": {"app.kubernetes.io/name": context.name}},
        "topologyKey": "kubernetes.io/hostname",
    }
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def stop_seconds(context: Context) -> int:
    """From the request to stop to the kill: what proxies need, what requests get, and a margin."""
    return DRAIN_S + context.app.server.graceful_timeout + STOP_MARGIN_S
