"""An app and the choices of an export become the objects of Kubernetes: pure."""

from __future__ import annotations

from nuwa.kubernetes import judge, network, storage, workloads
from nuwa.kubernetes.context import Context, Object
from nuwa.kubernetes.options import Options, checked
from nuwa.manifest.model import App


def render(app: App, options: Options) -> tuple[list[Object], list[str]]:
    """The objects in the order in which they are applied, and what to tell the person who asked for them.

    Raises:
        ExportError: something of the app has no place on Kubernetes, or an option is wrong.
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
