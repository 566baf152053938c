"""All commands and their common options, with the line of help for each. It imports nothing."""

COMMANDS = {
    "init": "Write nuwa.toml for a project: Django, Flask and FastAPI are recognised.",
    "check": "Validate nuwa.toml and report every error.",
    "build": "Build a project's image and the layers below it.",
    "deploy": "Build an image, send it to hosts over ssh, and deploy it there.",
    "rollback": "Return hosts to the previous release.",
    "app": "Run a script of bin/ on the hosts: status, logs, shell, secret, …",
    "push": "Push the image to a registry, for hosts that pull from there.",
    "inspect": "Show what an image contains: layers, services, labels, what Setup would write.",
    "setup": "Verify an image and write its bin/ to a folder, as its Setup label does.",
    "export": "Print an image as Kubernetes objects, or write them as a kustomize base.",
    "ls": "Show the services of this host.",
    "start": "Start services.",
    "stop": "Stop services.",
    "restart": "Restart services, without downtime where possible.",
    "log": "Show the logs of services.",
    "hooks": "Show webhooks and their runs, step by step.",
    "monitor": "Show the checks of this host and the latest alerts.",
    "top": "Show the current usage of services, every two seconds.",
    "stats": "Show the usage and requests of a service over hours, days or months.",
    "alert": "Channels that alerts are sent to: list them, test one.",
    "token": "Tokens for the dashboard and its API: names, rights.",
    "audit": "Show who did what on this host, and how.",
    "config": "The configuration of this host.",
    "host": "Prepare this machine as a host, check it, or remove nuwa from it.",
    "lab": "Disposable hosts for trying things out.",
    "schema": "Print the JSON Schema of nuwa.toml.",
}
"""Every command with its line of help; each is in the module of the same name in `nuwa.cli`."""

OPTIONS = {
    "--json": "Print one JSON object on stdout, errors included.",
    "--quiet": "Print only results and errors.",
    "--debug": "Show every command, its whole output, and tracebacks.",
    "--version": "Show the version and exit.",
    "--install-completion": "Install completion for the current shell.",
    "--show-completion": "Show completion for the current shell.",
    "--help": "Show this message and exit.",
}
"""The options before a command; the first three may also follow it."""
