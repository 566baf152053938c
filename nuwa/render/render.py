"""Turns host facts and an app into the files of a host: pure, no file is read or written here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nuwa.manifest.data import HostPort
from nuwa.manifest.model import App
from nuwa.names import HTTP3_SITE, NGINX_DROP_IN, WayUnits
from nuwa.render.checks_view import ChecksView
from nuwa.render.facts import Facts, FactsError
from nuwa.render.site_view import SiteView
from nuwa.render.unit_view import UnitView
from nuwa.render.view import View
from nuwa.templating import Sources
from nuwa.templating import render as render_template


@dataclass(frozen=True)
class HostFile:
    """One file of the host.

    Args:
        group: determines how it is checked and what is reloaded if it changed: systemd, nginx, monit or cron.
        mode: permissions.
        content: its text.
    """

    group: str
    mode: int
    content: str


_UNITS = "/etc/systemd/system"

Plan = dict[str, HostFile]
"""Files by absolute path."""


def render(what: str, app: App, facts: Facts, templates: Sources) -> Plan:
    """The host's files for `what`: `run` (the container), `install` (the site), `database` (the proxy to the
    host's own server), `services` (the app's own servers on the host, and the proxies to others)
    or `disks` (the file systems of volumes).

    Raises:
        FactsError: a fact that `what` needs is missing.
        CannotQuote: a target language cannot represent a value.
    """
    if what not in PLANS:
        raise FactsError(f"{what!r} cannot be rendered, only {', '.join(PLANS)}")
    return PLANS[what](app, facts, templates)


def _run(app: App, facts: Facts, templates: Sources) -> Plan:
    files: Plan = {}
    for own in facts.of_replicas(app.server.replicas):
        files |= _container(app, own, templates)
    if facts.monit:
        path = f"{facts.distribution.monit_folder}/{app.names.site}"
        files[path] = HostFile("monit", 0o644, _write(templates, "monit/app.j2", app, facts))
    if app.backup:
        path = f"{facts.distribution.cron_folder}/{app.names.backup}"
        files[path] = HostFile("cron", 0o644, _write(templates, "cron/backup.j2", app, facts))
    return files


def _container(app: App, facts: Facts, templates: Sources) -> Plan:
    """The units of one container."""
    unit = app.names.unit_file(facts.slot)
    files = {unit: HostFile("systemd", 0o644, _write(templates, "systemd/app.service.j2", app, facts))}
    for kind in ("socket", "service") if UnitView(app, facts).proxy else ():
        path = app.names.proxy_file(facts.slot, kind)
        files[path] = HostFile("systemd", 0o644, _write(templates, f"systemd/proxy.{kind}.j2", app, facts))
    return files


def _install(app: App, facts: Facts, templates: Sources) -> Plan:
    if not facts.domains:
        raise FactsError("fact domains: a site needs at least one")
    if facts.tls is None:
        raise FactsError("fact tls: a site needs a certificate")
    row, name = facts.distribution, app.names.site
    files = {
        f"{row.nginx_folder}/{name}.conf": ("nginx", "nginx/site.conf.j2"),
        f"{row.cron_folder}/{name}": ("cron", "cron/site.j2"),
        f"/etc/systemd/system/nginx.service.d/{NGINX_DROP_IN}": ("systemd", "systemd/nginx.j2"),
    }
    if SiteView(app, facts).http3:
        files[f"{row.nginx_folder}/{HTTP3_SITE}"] = ("nginx", "nginx/http3.conf.j2")
    if facts.monit:
        files[f"{row.monit_folder}/{name}.certificate"] = ("monit", "monit/certificate.j2")
    return {
        path: HostFile(group, 0o644, _write(templates, template, app, facts))
        for path, (group, template) in files.items()
    }


def _database(app: App, facts: Facts, templates: Sources) -> Plan:
    if facts.database is None:
        raise FactsError("fact database is missing: the address of the host's server")
    server = UnitView(app, facts).database_service
    units = WayUnits(server, app.names.database_unit("socket"), app.names.database_unit("service"))
    values = {"names": units, "way": facts.database, "what": "database server"}
    return _way(app, facts, templates, values)


def _services(app: App, facts: Facts, templates: Sources) -> Plan:
    files: Plan = {}
    for service in app.service:
        if service.name not in facts.services:
            raise FactsError(f"fact services.{service.name} is missing: the address of the service")
        way, units = facts.services[service.name], app.names.service_units(service.name)
        values = {"names": units, "way": way, "what": service.name, "service": service}
        values["server"] = facts.valkey_server
        text = _write(templates, "systemd/valkey.service.j2", app, facts, **values)
        files[f"{_UNITS}/{units.server}"] = HostFile("systemd", 0o644, text)
        files |= _way(app, facts, templates, values)
    for host_port in app.host_port:
        files |= _host_port(host_port, app, facts, templates)
    return files


def _host_port(host_port: HostPort, app: App, facts: Facts, templates: Sources) -> Plan:
    if host_port.way not in facts.services:
        raise FactsError(f"fact services.{host_port.way} is missing: the address of the server")
    way = dataclasses.replace(facts.services[host_port.way], server_port=host_port.port)
    units = dataclasses.replace(app.names.service_units(host_port.way), server="")
    return _way(app, facts, templates, {"names": units, "way": way, "what": host_port.name})


def _disks(app: App, facts: Facts, templates: Sources) -> Plan:
    """A unit for each volume with a file system of its own."""
    files: Plan = {}
    for volume in UnitView(app, facts).sized:
        text = _write(templates, "systemd/volume.service.j2", app, facts, volume=volume)
        files[f"{_UNITS}/{app.names.volume_unit(volume.name)}"] = HostFile("systemd", 0o644, text)
    return files


def _way(app: App, facts: Facts, templates: Sources, values: dict[str, Any]) -> Plan:
    """A proxy from the app's network to a server that listens on 127.0.0.1."""
    units = values["names"]
    return {
        f"{_UNITS}/{unit}": HostFile(
            "systemd", 0o644, _write(templates, f"systemd/way.{kind}.j2", app, facts, **values)
        )
        for kind, unit in (("socket", units.socket), ("service", units.service))
    }


VIEWS: Mapping[str, type[View]] = {
    "systemd": UnitView,
    "nginx": SiteView,
    "monit": ChecksView,
    "cron": ChecksView,
}
"""The view class for the templates of each folder."""

PLANS: Mapping[str, Callable[[App, Facts, Sources], Plan]] = {
    "run": _run,
    "install": _install,
    "database": _database,
    "services": _services,
    "disks": _disks,
}


def _write(templates: Sources, name: str, app: App, facts: Facts, **more: Any) -> str:
    view = VIEWS[name.partition("/")[0]](app, facts)
    return render_template(templates, name, app=app, facts=facts, view=view, **more)
