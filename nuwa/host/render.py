"""Host facts and an app become the files of a host: pure, no file is read or written here."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nuwa.host import container
from nuwa.host.facts import Facts, FactsError
from nuwa.manifest.model import App
from nuwa.templating import Sources
from nuwa.templating import render as render_template


@dataclass(frozen=True)
class HostFile:
    """One file of the host.

    Args:
        group: what checks it and what is reloaded when it changed: systemd, nginx, monit or cron.
        mode: its permissions.
        content: its text.
    """

    group: str
    mode: int
    content: str


Plan = dict[str, HostFile]
"""Files by absolute path."""


def render(what: str, app: App, facts: Facts, templates: Sources) -> Plan:
    """The host's files for `what`: `run` (the container) or `install` (the site).

    Raises:
        FactsError: a fact that `what` needs is missing.
        CannotQuote: a value has no safe spelling where it is to stand.
    """
    if what not in PLANS:
        raise FactsError(f"nothing is called {what!r} here: there are {', '.join(PLANS)}")
    return PLANS[what](app, facts, templates)


def _run(app: App, facts: Facts, templates: Sources) -> Plan:
    unit = app.names.unit_file(facts.slot)
    files = {unit: HostFile("systemd", 0o644, _write(templates, "systemd/app.service.j2", app, facts))}
    if facts.monit:
        path = f"{facts.distribution.monit_folder}/{app.names.site}"
        files[path] = HostFile("monit", 0o644, _write(templates, "monit/app.j2", app, facts))
    return files


def _install(app: App, facts: Facts, templates: Sources) -> Plan:
    if not facts.domains:
        raise FactsError("fact domains: a site needs at least one")
    if facts.tls is None:
        raise FactsError("fact tls: a site needs a certificate")
    site = f"{facts.distribution.nginx_folder}/{app.names.site}.conf"
    cron = f"{facts.distribution.cron_folder}/{app.names.site}"
    return {
        site: HostFile("nginx", 0o644, _write(templates, "nginx/site.conf.j2", app, facts)),
        cron: HostFile("cron", 0o644, _write(templates, "cron/site.j2", app, facts)),
    }


PLANS: Mapping[str, Callable[[App, Facts, Sources], Plan]] = {"run": _run, "install": _install}


def _write(templates: Sources, name: str, app: App, facts: Facts) -> str:
    return render_template(templates, name, app=app, facts=facts, view=View(app, facts))


@dataclass(frozen=True)
class View:
    """What the templates say beyond the manifest and the facts: derived once, here."""

    app: App
    facts: Facts

    @property
    def header(self) -> str:
        image = f"{self.facts.image_name} ({self.facts.image[:12]})"
        return f"Written by nuwa for {self.app.name} from image {image}."

    @property
    def container(self) -> str:
        return self.app.names.container(self.facts.slot)

    @property
    def unit(self) -> str:
        return self.app.names.unit(self.facts.slot)

    @property
    def podman_run(self) -> tuple[str, ...]:
        return container.podman_run(self.app, self.facts)

    @property
    def stop_timeout(self) -> int:
        return container.stop_timeout(self.app)

    @property
    def start_timeout(self) -> int:
        """Seconds: the manifest's start period and one last check."""
        return self.app.health.start_period + self.app.health.timeout + 5

    @property
    def wait(self) -> tuple[str, ...]:
        """Waits until the app answers. Through bash: SELinux keeps systemd from executing it in place."""
        script = f"{self.facts.directory}/bin/_wait"
        return ("/bin/bash", script, self.container, self.url, self.facts.host, str(self.start_timeout))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.facts.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}{self.app.health.path}"

    def systemctl(self, verb: str) -> str:
        return f"/usr/bin/systemctl {verb} {self.unit}"

    @property
    def static_folder(self) -> str:
        return f"{self.facts.directory}/volumes/static/current/"

    @property
    def challenge_folder(self) -> str:
        """What nginx serves below /.well-known/acme-challenge/."""
        return f"{self.facts.directory}/volumes/.nuwa/acme"

    @property
    def canonical(self) -> str:
        """The domain that others redirect to; empty where there are only wildcards."""
        exact = [domain for domain in self.facts.domains if not domain.startswith("*.")]
        return exact[0] if exact else ""

    @property
    def served_domains(self) -> tuple[str, ...]:
        """Where the app itself answers: the canonical domain and what a wildcard covers."""
        return tuple(domain for domain in self.facts.domains if domain == self.canonical or domain[0] == "*")

    @property
    def redirected_domains(self) -> tuple[str, ...]:
        return tuple(domain for domain in self.facts.domains if domain not in self.served_domains)

    @property
    def http2_directive(self) -> bool:
        """nginx 1.25.1 made HTTP/2 a directive of its own; before, it is a word of `listen`."""
        return self.has_http2 and self.facts.nginx >= (1, 25, 1)

    @property
    def listen_options(self) -> tuple[str, ...]:
        return ("ssl", "http2") if self.has_http2 and not self.http2_directive else ("ssl",)

    @property
    def has_http2(self) -> bool:
        return "http_v2_module" in self.facts.nginx_modules

    @property
    def keepalive_directive(self) -> bool:
        return self.facts.nginx >= (1, 15, 3)

    @property
    def gzip_static(self) -> bool:
        return "http_gzip_static_module" in self.facts.nginx_modules

    @property
    def keepalive(self) -> int:
        """Seconds that nginx keeps a connection to the app, being the first to close it; 0: none is kept."""
        return self.app.server.keepalive * 4 // 5

    @property
    def read_timeout(self) -> int:
        """Seconds that nginx waits for the app: beyond its own limit; long for websockets."""
        return 3600 if self.app.server.websocket else self.app.server.timeout + 5

    @property
    def minute(self) -> int:
        """The minute of the hour for timed checks: another for each app, always the same for one."""
        return zlib.crc32(self.app.name.encode()) % 60
