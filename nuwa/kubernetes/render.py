"""Turns an app and the choices of an export into Kubernetes objects: pure."""

from __future__ import annotations

from nuwa.kubernetes import judge, network, storage, workloads
from nuwa.kubernetes.context import Context, Object
from nuwa.kubernetes.options import Options, checked
from nuwa.manifest.model import App


def render(app: App, options: Options) -> tuple[list[Object], list[str]]:
    """The objects, in the order in which they are applied, and notes for the person who exports them.

    Raises:
        ExportError: something in the app cannot be exported, or an option is wrong.
    """
    context = Context(app, checked(options))
    judge.refuse(context)
    made = [
        *storage.secret(context),
        *storage.claims(context),
        *workloads.release(context),
        *workloads.server(context),
        *workloads.processes(context),
        *workloads.timed_jobs(context),
        *workloads.named_commands(context),
        *network.objects(context),
    ]
    return made, list(judge.notes(context))
