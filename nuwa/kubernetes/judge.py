"""What Kubernetes does not support: refused with a remedy, or noted with an alternative."""

from __future__ import annotations

from collections.abc import Iterator

from nuwa.kubernetes import network
from nuwa.kubernetes.context import Context
from nuwa.kubernetes.options import ExportError


def refuse(context: Context) -> None:
    """Stop if the manifest has something that cannot be exported.

    Raises:
        ExportError: the first such setting.
    """
    app = context.app
    if app.database and app.database.where == "host" and app.database.engine != "sqlite":
        raise ExportError(
            f"the {app.database.engine} database is the host's own, which a cluster does not have. Use a "
            'server that the cluster reaches, write where = "url" in [database], build, and give its address '
            "as the secret DATABASE_URL"
        )
    _refuse_some_secrets(context)
    for service in app.service:
        raise ExportError(
            f"the service {service.name} runs on the host, which a cluster does not have. Run Valkey in the "
            "cluster, name its variables in env.secrets in place of [[service]], and let pods reach its port "
            "by a patch of the NetworkPolicy, as overlays/production shows"
        )
    for host_port in app.host_port:
        raise ExportError(
            f"{host_port.name} is a server on the host's 127.0.0.1, which a cluster does not have. Give the "
            f"address of one that pods reach as {' and '.join(host_port.variables)} in env.clear, in place "
            "of [[host_port]], and let pods reach its port by a patch of the NetworkPolicy, as "
            "overlays/production shows"
        )
    for job in app.cron:
        if job.schedule == "@reboot":
            raise ExportError(
                f"cron {job.name}: @reboot is not a time for a CronJob. Run it in hooks.release, or as "
                "a [[process]]"
            )
    for route in app.route:
        network.other_app(route)
    if context.most > 1:
        _refuse_several(context)
    if context.autoscales and app.limits.cpu is None:
        raise ExportError("[scale]: autoscaling measures the share of limits.cpu that is used: set it")


def _refuse_some_secrets(context: Context) -> None:
    """Refuse to give values to only some secrets: `kubectl apply` would remove those of an earlier export."""
    missing = ", ".join(context.missing_secrets)
    if missing and context.missing_secrets != context.secret_names:
        raise ExportError(
            f"the Secret {context.name} would have no value for {missing}, and applying it would remove one "
            "that is there: give values to all (--secrets-from), or to none and set them in the cluster"
        )


def _refuse_several(context: Context) -> None:
    for volume in context.app.volume:
        if volume.policy == "exclusive":
            raise ExportError(
                f"the volume {volume.name} is exclusive, so there is one pod of the server: omit --replicas"
            )
    if context.app.sqlite_file:
        raise ExportError(
            "the file of a sqlite database is for one pod of the server: use --replicas 1, or a database "
            "server"
        )


def notes(context: Context) -> Iterator[str]:
    """What the manifest asks for and Kubernetes has no equivalent of, each with an alternative."""
    limits, app = context.app.limits, context.app
    if limits.memory_high is not None:
        yield "limits.memory_high has no equivalent: the pod is killed at limits.memory_max"
    if limits.io_weight is not None:
        yield "limits.io_weight has no equivalent: give the volumes a storage class that is fast enough"
    if limits.open_files is not None:
        yield "limits.open_files has no equivalent: the container runtime of the node sets it"
    if limits.network is not None:
        yield (
            "limits.network has no equivalent, since it would also limit responses to visitors: annotate "
            "pods with kubernetes.io/egress-bandwidth if your network plugin knows it, with room for them"
        )
    if limits.memory_max is None:
        yield "limits.memory_max is not set: without it a pod is the first to be evicted"
    if app.backup is not None:
        yield (
            "[backup] has no equivalent: use volume snapshots or Velero, and your database server's own "
            "backups"
        )
    if app.tls.challenge in ("files", "self-signed"):
        command = f"kubectl create secret tls {context.tls_secret} --cert=FILE --key=FILE"
        yield f"[tls] {app.tls.challenge}: put the certificate into the cluster with: {command}"
    elif app.tls.server or app.tls.email:
        yield f"tls.server and tls.email belong to cert-manager's ClusterIssuer {context.options.issuer}"
    if (port := network.assumed_database_port(context)) is not None:
        yield (
            f"pods may reach a database at port {port} alone, as DATABASE_URL is not given (--secrets-from): "
            "for another port patch the NetworkPolicy, as overlays/production shows"
        )
    yield from _about_requests(context)
    yield from _about_storage(context)
    yield from _about_choices(context)


def _about_requests(context: Context) -> Iterator[str]:
    app = context.app
    if app.site.trusted_proxies:
        yield "site.trusted_proxies has no equivalent: set the trusted addresses or hops of your gateway"
    if app.site.include:
        yield "site.include has no equivalent: a Gateway takes no nginx directives"
    if app.site.rate or any(rule.rate for rule in app.path):
        yield "rate has no equivalent: use the rate limits of your gateway, such as its own policy objects"
    if app.protect:
        paths = ", ".join(one.path for one in app.protect)
        yield (
            f"[[protect]] has no equivalent, so {paths} can be opened by anyone: "
            "use your gateway's own policies"
        )
    if context.options.ingress and (app.site.headers or app.path or app.redirect):
        yield (
            "an Ingress has no fields for [site] headers, [[path]] and [[redirect]]: omit --ingress, "
            "or use your controller's annotations"
        )
    elif any("?" in redirect.to for redirect in app.redirect):
        yield "a redirect of a Gateway cannot set a query: the part after ? is left out"


def _about_storage(context: Context) -> Iterator[str]:
    if context.app.volume and context.spreads:
        names = ", ".join(context.claim(volume.name) for volume in context.app.volume)
        yield f"several pods share volumes: {names} need a storage class with ReadWriteMany (--storage-class)"
    if context.missing_secrets and context.options.podman:
        yield f"pods do not start without values of {', '.join(context.missing_secrets)}: use --secrets-from"
    elif context.missing_secrets:
        values = " ".join(f"--from-literal={name}=VALUE" for name in context.missing_secrets)
        command = f"kubectl create secret generic {context.name} {values}"
        yield (
            f"the Secret {context.name} is not in this export (--secrets-from), and pods wait for all of its "
            f"keys. Set them in the cluster with: {command}"
        )


def _about_choices(context: Context) -> Iterator[str]:
    options = context.options
    if options.podman:
        yield "for podman: without objects that it does not support; the release hook runs before each start"
        if any(process.replicas > 1 for process in context.app.process):
            yield "for podman: one of each process, since podman kube play has no replicas"
        if context.app.server.replicas > 1:
            yield "for podman: one container of the server, since podman kube play has no replicas"
        return
    if not context.domains:
        yield "no domain is given (--domain), so nothing routes to the Service"
    if not options.gateway_namespace:
        yield "any pod may connect to the server: --gateway-namespace limits this to those of the gateway"
    if options.image.startswith("localhost/"):
        yield f"{options.image} is only on this machine: push it to a registry, and name that with --image"
