"""A host and an app for the tests of this folder."""

from __future__ import annotations

import json
from typing import Any

from nuwa.manifest.data import Volume
from nuwa.manifest.model import App, AppSection, Server
from nuwa.render import facts
from nuwa.render.facts import Facts

FACTS: dict[str, Any] = {
    "schema": 1,
    "distribution": "debian",
    "release": "13",
    "directory": "/srv/blog",
    "image": "ab" * 32,
    "image_name": "localhost/app/blog:latest",
    "slot": "blue",
    "port": 18000,
    "domains": ["blog.example.com"],
    "tls": {"certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem", "self_signed": True},
    "podman": "5.4.2",
    "nginx": "1.26.3",
    "nginx_modules": ["http_v2_module", "http_gzip_static_module"],
    "monit": True,
    "cgroup": 2,
    "io_weight": True,
    "selinux": False,
    "ipv6": True,
    "cpus": 2,
    "memory": 2**32,
}


def host(**changes: Any) -> Facts:
    return facts.read(json.dumps({**FACTS, **changes}))


def app(**sections: Any) -> App:
    return App(
        **{"app": AppSection(name="blog"), "server": Server(module="blog.wsgi:application"), **sections}
    )


MEDIA = Volume(name="media", path="/srv/media")
