"""What runs: the server, each process, each scheduled job, and the release hook that has to succeed first."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from nuwa.kubernetes import pods
from nuwa.kubernetes.context import Context, Object
from nuwa.manifest.commands import kubernetes_schedule
from nuwa.manifest.model import Cron, Process
from nuwa.names import Names

TOKEN_SECONDS = 3600
"""Lifetime of the token with which a pod asks for the release hook's state; kubelet renews it."""
HISTORY = 3
HOOK_DEADLINE_S = 3600
"""Maximum time for the release hook, and for a scheduled job to wait for it."""
PROGRESS_DEADLINE_S = 600
"""Time in which a new pod has to become ready before its Deployment fails: Kubernetes' own default."""
LATE_S = 300
"""Maximum delay for the start of a scheduled job."""


def server(context: Context) -> list[Object]:
    """The server's Deployment, with its autoscaler and disruption budget."""
    spec: Object = {
        "strategy": _strategy(context.recreates),
        "revisionHistoryLimit": context.app.deploy.keep,
        "progressDeadlineSeconds": _progress_deadline(context),
        "selector": {"matchLabels": context.selector("server")},
        "template": pods.pod(
            context,
            "server",
            pods.server(context),
            terminationGracePeriodSeconds=pods.stop_seconds(context),
            **_spread(context),
            **_after_release(context),
        ),
    }
    if not context.autoscales:
        spec = {"replicas": context.replicas, **spec}
    made = [_object("apps/v1", "Deployment", context.metadata(context.name, "server"), spec=spec)]
    return made if context.options.podman else [*made, *_disruption(context), *_autoscaler(context)]


def processes(context: Context) -> list[Object]:
    """A Deployment for each process, with a pod for each replica that runs only that command."""
    return [_process(context, process) for process in context.app.process]


def _process(context: Context, process: Process) -> Object:
    name = context.object_name("process", process.name)
    # Two processes may differ only in a character that names of objects cannot have.
    component = name[len(context.name) + 1 :]
    container = pods.container(context, "process", pods.command(Names.process_service(process.name)))
    template = pods.pod(
        context,
        component,
        container,
        terminationGracePeriodSeconds=process.stop_timeout,
        # podman starts pods one after the other: the server's pod has run the hook by then.
        **({} if context.options.podman else _after_release(context)),
    )
    spec = {
        "replicas": 1 if context.options.podman else process.replicas,
        "strategy": _strategy(context.recreates or process.handover == "exclusive"),
        "revisionHistoryLimit": context.app.deploy.keep,
        "progressDeadlineSeconds": PROGRESS_DEADLINE_S + _hook_seconds(context),
        "selector": {"matchLabels": context.selector(component)},
        "template": template,
    }
    return _object("apps/v1", "Deployment", context.metadata(name, component), spec=spec)


def timed_jobs(context: Context) -> list[Object]:
    """A CronJob for each job. The server's pods have no cron, so no job runs once per replica."""
    return [] if context.options.podman else [_timed_job(context, job) for job in context.app.cron]


def named_commands(context: Context) -> list[Object]:
    """A suspended CronJob for each named command: `kubectl create job --from` runs it."""
    if context.options.podman:
        return []
    return [_named_command(context, name, command.run) for name, command in context.app.command.items()]


def _named_command(context: Context, name: str, words: tuple[str, ...]) -> Object:
    made = _job(context, context.object_name("command", name), "@yearly", words)
    made["spec"]["suspend"] = True
    return made


def _timed_job(context: Context, job: Cron) -> Object:
    return _job(context, context.object_name("cron", job.name), job.schedule, job.command)


def _job(context: Context, name: str, schedule: str, words: tuple[str, ...]) -> Object:
    component = name[len(context.name) + 1 :]
    # The image's script waits for its slot and logs as cron does; here the command is run directly.
    container = pods.container(context, "job", [pods.APP_ENV, *_escaped(words)])
    template = pods.pod(
        context,
        component,
        container,
        restartPolicy="Never",
        terminationGracePeriodSeconds=30,
        # Runs never overlap, so one that waited forever would block all later ones.
        **_after_release(context, HOOK_DEADLINE_S),
    )
    spec = {
        "schedule": kubernetes_schedule(schedule),
        "timeZone": context.app.extras.timezone,
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": LATE_S,
        "successfulJobsHistoryLimit": HISTORY,
        "failedJobsHistoryLimit": HISTORY,
        "jobTemplate": {
            "metadata": {"labels": context.labels(component)},
            # A failed job is not retried before its next time, as on a host.
            "spec": {"backoffLimit": 0, "template": template},
        },
    }
    return _object("batch/v1", "CronJob", context.metadata(name, component), spec=spec)


def _escaped(words: tuple[str, ...]) -> list[str]:
    """Kubernetes expands $(NAME) in commands; `$$` stands for one dollar sign."""
    return [word.replace("$", "$$") for word in words]


def release(context: Context) -> list[Object]:
    """The release hook as a Job, and the permission for the app's pods to ask whether it has succeeded.

    The Job's name is derived from what it runs, so it runs once per release, and the next one has another.
    """
    if not context.app.hooks.release or context.options.podman:
        return []
    name = release_name(context)
    account = context.object_name("release")
    labels = context.labels("release")
    rule = {"apiGroups": ["batch"], "resources": ["jobs"], "resourceNames": [name], "verbs": ["get"]}
    bound = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subject = {"kind": "ServiceAccount", "name": account}
    return [
        _object(
            "v1",
            "ServiceAccount",
            {"name": account, "labels": labels},
            automountServiceAccountToken=False,
        ),
        _object("rbac.authorization.k8s.io/v1", "Role", {"name": name, "labels": labels}, rules=[rule]),
        _object(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            {"name": name, "labels": labels},
            roleRef=bound,
            subjects=[subject],
        ),
        _object("batch/v1", "Job", {"name": name, "labels": labels}, spec=_release_spec(context)),
    ]


def release_name(context: Context) -> str:
    text = json.dumps(_release_spec(context), sort_keys=True)
    return context.object_name("release", hashlib.sha256(text.encode()).hexdigest()[:10])


def _release_spec(context: Context) -> Object:
    container = pods.container(context, "release", pods.command("release"))
    template = pods.pod(
        context, "release", container, restartPolicy="Never", terminationGracePeriodSeconds=30
    )
    return {"backoffLimit": 0, "activeDeadlineSeconds": HOOK_DEADLINE_S, "template": template}


def _hook_seconds(context: Context) -> int:
    """How long new pods may wait for the release hook without counting as failed."""
    return HOOK_DEADLINE_S if context.app.hooks.release else 0


def _progress_deadline(context: Context) -> int:
    return max(PROGRESS_DEADLINE_S, context.app.health.start_period + 300) + _hook_seconds(context)


def _after_release(context: Context, limit_s: int | None = None) -> Object:
    """Keys of a pod that starts only once the release hook has succeeded.

    Args:
        limit_s: seconds after which a waiting pod fails; None: it keeps waiting.
    """
    if not context.app.hooks.release:
        return {}
    if context.options.podman:
        # Only one pod, on one machine: it runs the hook itself, before each start.
        return {"initContainers": [pods.container(context, "release", pods.command("release"))]}
    words = [*pods.RENDERER, "wait-for-release", release_name(context), pods.TOKEN_FOLDER]
    if limit_s is not None:
        words.append(str(limit_s))
    waiting = pods.container(context, "wait-for-release", words)
    token = {"name": "release-token", "mountPath": pods.TOKEN_FOLDER, "readOnly": True}
    waiting |= {"env": [], "volumeMounts": [*waiting["volumeMounts"][:2], token]}
    sources: list[Object] = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_SECONDS}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [
                    {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
                ]
            }
        },
    ]
    return {
        "serviceAccountName": context.object_name("release"),
        "initContainers": [waiting],
        "volumes": [{"name": "release-token", "projected": {"defaultMode": 0o440, "sources": sources}}],
    }


def _strategy(recreates: bool) -> Object:
    """No pod is removed before the next one is ready, unless two must not run at once."""
    if recreates:
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def _spread(context: Context) -> Object:
    if not context.spreads:
        return {}
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": context.selector("server")},
    }
    return {"topologySpreadConstraints": [spread]}


def _disruption(context: Context) -> list[Object]:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": context.selector("server")}}
    return [_object("policy/v1", "PodDisruptionBudget", context.metadata(context.name, "server"), spec=spec)]


def _autoscaler(context: Context) -> list[Object]:
    if not context.autoscales or context.app.scale is None:
        return []
    target = {"type": "Utilization", "averageUtilization": context.app.scale.cpu}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": context.name},
        "minReplicas": context.replicas,
        "maxReplicas": context.most,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    metadata = context.metadata(context.name, "server")
    return [_object("autoscaling/v2", "HorizontalPodAutoscaler", metadata, spec=spec)]


def _object(version: str, kind: str, metadata: Object, **more: Any) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}
