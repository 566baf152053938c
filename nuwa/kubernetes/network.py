"""How requests reach the server, and what pods may connect to: Service, Gateway or Ingress, NetworkPolicy."""

from __future__ import annotations

import re
from typing import Any

from nuwa.kubernetes import path_moves
from nuwa.kubernetes.context import Context, Object
from nuwa.kubernetes.options import ExportError
from nuwa.manifest.model import App
from nuwa.manifest.site import Route
from nuwa.names import CLUSTER_API_PORTS, DATABASE_SECRET, PORT
from nuwa.render import locations

GATEWAY_API = "gateway.networking.k8s.io/v1"
HTTP, HTTPS = "http", "https"
SERVICE_PORT = 80
DATABASE_PORTS = {"postgresql": 5432, "mariadb": 3306}
MOST_RULES = 16
"""The limit of the Gateway API for one HTTPRoute."""
_PORT = re.compile("[0-9]{1,5}")
ROUTE_MARGIN_S = 5
"""Seconds that the proxy waits beyond the server's own limit, as nginx does on a host."""


def objects(context: Context) -> list[Object]:
    """All objects about requests; podman supports none of them."""
    if context.options.podman:
        return []
    entrance = _ingress(context) if context.options.ingress else [*_gateway(context), *_routes(context)]
    return [_service(context), *(entrance if context.domains else []), *_policies(context)]


def _service(context: Context) -> Object:
    port: Object = {"name": "http", "port": SERVICE_PORT, "targetPort": "http", "protocol": "TCP"}
    if context.app.server.websocket:
        port["appProtocol"] = "kubernetes.io/ws"
    spec = {"selector": context.selector("server"), "ports": [port]}
    return _object("v1", "Service", context.metadata(context.name, "server"), spec=spec)


# --- the Gateway API ----------------------------------------------------------------------------------------


def _gateway(context: Context) -> list[Object]:
    """A Gateway for the app, with a listener for each domain, unless an existing one is used."""
    if context.options.gateway:
        return []
    certificate = {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": context.tls_secret}]}
    same = {"namespaces": {"from": "Same"}}
    listeners: list[Object] = [{"name": HTTP, "protocol": "HTTP", "port": 80, "allowedRoutes": same}]
    for number, domain in enumerate(context.domains):
        listener = {"name": f"{HTTPS}-{number}", "hostname": domain, "protocol": "HTTPS", "port": 443}
        listeners.append({**listener, "tls": certificate, "allowedRoutes": same})
    metadata = {**context.metadata(context.name, "server"), **_annotations(context)}
    spec = {"gatewayClassName": context.options.gateway_class, "listeners": listeners}
    return [_object(GATEWAY_API, "Gateway", metadata, spec=spec)]


def _annotations(context: Context) -> Object:
    """cert-manager obtains the certificate if [tls] asks for ACME."""
    return (
        {"annotations": {"cert-manager.io/cluster-issuer": context.options.issuer}} if context.is_acme else {}
    )


def _routes(context: Context) -> list[Object]:
    """The site over HTTPS; HTTP and the other domains redirect to it."""
    made = [_route(context, "", context.served, _rules(context), HTTPS)]
    if context.redirected:
        moved = _redirect(hostname=context.domains[0], scheme="https")
        made.append(_route(context, "domains", context.redirected, [moved], HTTPS))
    for number, redirect in enumerate(context.moved):
        to_elsewhere = path_moves.rule(redirect)
        made.append(_route(context, f"moved-{number}", (redirect.domain,), [to_elsewhere], HTTPS))
    return [*made, _route(context, "http", context.domains, [_redirect(scheme="https")], HTTP)]


def _route(
    context: Context, part: str, domains: tuple[str, ...], rules: list[Object], listener: str
) -> Object:
    name = context.object_name(part) if part else context.name
    spec = {"parentRefs": _parents(context, domains, listener), "hostnames": list(domains), "rules": rules}
    return _object(GATEWAY_API, "HTTPRoute", context.metadata(name, "server"), spec=spec)


def _parents(context: Context, domains: tuple[str, ...], listener: str) -> list[Object]:
    """The listeners that a route belongs to. In an existing Gateway, they are named http and https."""
    given = context.options.gateway
    if given:
        namespace, _, name = given.rpartition("/")
        where = {"namespace": namespace} if namespace else {}
        return [{**where, "name": name, "sectionName": listener}]
    if listener == HTTP:
        return [{"name": context.name, "sectionName": HTTP}]
    numbers = [context.domains.index(domain) for domain in domains]
    return [{"name": context.name, "sectionName": f"{HTTPS}-{number}"} for number in numbers]


def _redirect(**where: str) -> Object:
    return {"filters": [{"type": "RequestRedirect", "requestRedirect": {**where, "statusCode": 301}}]}


def _rules(context: Context) -> list[Object]:
    app = context.app
    others = [rule for route in app.route for rule in _other(app, route)]
    served = [volume.url for volume in app.volume if volume.url]
    files = [*served, *([app.static.url] if app.static else [])]
    own = [rule for prefix in (*files, "/") for rule in _own(context, prefix)]
    moved = [path_moves.rule(redirect) for redirect in app.redirect if not redirect.domain]
    rules = [*moved, *others, *own]
    if len(rules) > MOST_RULES:
        raise ExportError(
            f"[[path]], [[route]] and [[redirect]] are {len(rules)} rules, and an HTTPRoute has at most "
            f"{MOST_RULES}: leave some to the app"
        )
    return rules


def _own(context: Context, prefix: str) -> list[Object]:
    """Rules for what the pod serves below a prefix; files need one only for settings of their own."""
    server = context.app.server
    timeout = 0 if server.websocket else server.timeout + ROUTE_MARGIN_S
    found = [place for place in locations.places(context.app, prefix) if place.words[0] != "="]
    wanted = [place for place in found if prefix == "/" or place.rest or place.settings.own_headers]
    return [_rule(place, prefix, context.name, timeout) for place in wanted]


def _rule(place: locations.Place, prefix: str, service: str, timeout: int) -> Object:
    """A rule that sends the requests of a location to a Service; a timeout of 0 means none."""
    seconds = timeout if place.settings.timeout is None else place.settings.timeout
    made: Object = {
        "matches": [{"path": {"type": "PathPrefix", "value": (prefix + place.rest).rstrip("/") or "/"}}],
        "timeouts": {"request": f"{seconds}s"},
        "backendRefs": [{"name": service, "port": SERVICE_PORT}],
    }
    filters = _header_filters(place.settings.headers)
    return {**made, "filters": filters} if filters else made


def _header_filters(headers: locations.Headers) -> list[Object]:
    if not headers:
        return []
    change: Object = {"set": [{"name": name, "value": value} for name, value in headers if value]}
    change["remove"] = [name for name, value in headers if not value]
    change = {key: value for key, value in change.items() if value}
    return [{"type": "ResponseHeaderModifier", "responseHeaderModifier": change}]


def _other(app: App, route: Route) -> list[Object]:
    return [
        _other_place(route, place) for place in locations.places(app, route.path) if place.words[0] != "="
    ]


def _other_place(route: Route, place: locations.Place) -> Object:
    made = _rule(place, route.path, other_app(route), 0 if route.websocket else route.timeout)
    if route.strip:
        path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": f"/{place.rest}".rstrip("/") or "/"}
        made["filters"] = [*made.get("filters", []), {"type": "URLRewrite", "urlRewrite": {"path": path}}]
    return made


def other_app(route: Route) -> str:
    """The Service of another app: the target of a route that does not depend on one host."""
    kind, _, name = route.to.partition(":")
    if kind != "app":
        raise ExportError(
            f"route {route.path}: {route.to} exists only on one host. Give that service an image and a "
            'Service of its own in the same namespace, and write to = "app:NAME"'
        )
    return name


# --- Ingress ------------------------------------------------------------------------------------------------


def _ingress(context: Context) -> list[Object]:
    paths = [_path(route.path, other_app(route)) for route in context.app.route]
    for route in context.app.route:
        if route.strip:
            raise ExportError(
                f"route {route.path}: an Ingress cannot take the prefix off a path. Omit --ingress, or "
                "have that app take the whole path and set strip = false"
            )
    http = {"paths": [*paths, _path("/", context.name)]}
    spec: Object = {
        **({"ingressClassName": context.options.ingress_class} if context.options.ingress_class else {}),
        "tls": [{"hosts": list(context.domains), "secretName": context.tls_secret}],
        "rules": [{"host": domain, "http": http} for domain in context.domains],
    }
    metadata = {**context.metadata(context.name, "server"), **_annotations(context)}
    return [_object("networking.k8s.io/v1", "Ingress", metadata, spec=spec)]


def _path(prefix: str, service: str) -> Object:
    backend = {"service": {"name": service, "port": {"number": SERVICE_PORT}}}
    return {"path": prefix.rstrip("/") or "/", "pathType": "Prefix", "backend": backend}


# --- the network of the pods --------------------------------------------------------------------------------


def _policies(context: Context) -> list[Object]:
    """In: to the server, from the proxy. Out: DNS, the database, and the API if pods wait for a hook."""
    name, namespace = context.name, context.options.gateway_namespace
    let_in: Object = {"ports": [{"protocol": "TCP", "port": PORT}]}
    if namespace:
        labels = {"kubernetes.io/metadata.name": namespace}
        let_in["from"] = [{"namespaceSelector": {"matchLabels": labels}}]
    everything = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": name}}}
    server = {"podSelector": {"matchLabels": context.selector("server")}}
    return [
        _policy(
            context, name, {**everything, "policyTypes": ["Ingress", "Egress"], "egress": _let_out(context)}
        ),
        _policy(
            context,
            context.object_name("server"),
            {**server, "policyTypes": ["Ingress"], "ingress": [let_in]},
        ),
    ]


def _let_out(context: Context) -> list[Object]:
    found = [{"ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]}]
    if ports := _database_ports(context):
        found.append({"ports": [{"protocol": "TCP", "port": port} for port in ports]})
    if context.app.hooks.release:
        found.append({"ports": [{"protocol": "TCP", "port": port} for port in CLUSTER_API_PORTS]})
    return found


def _database_ports(context: Context) -> list[int]:
    """The ports of the database server, taken from its address if that is known."""
    database = context.app.database
    if not database or database.engine not in DATABASE_PORTS:
        return []
    default = DATABASE_PORTS[database.engine]
    address = context.options.secrets.get(DATABASE_SECRET, b"").decode(errors="replace")
    # Of several servers, in libpq's syntax, each may have a port of its own.
    named = (host.rpartition(":")[2] for host in _netloc(address).rpartition("@")[2].split(","))
    return sorted({int(port) if _PORT.fullmatch(port) else default for port in named})


def _netloc(address: str) -> str:
    return re.split("[/?#]", address.partition("://")[2], maxsplit=1)[0]


def assumed_database_port(context: Context) -> int | None:
    """The default port of a database server whose address is unknown; None: known, or no server."""
    if context.options.podman or DATABASE_SECRET in context.options.secrets:
        return None
    return next(iter(_database_ports(context)), None)


def _policy(context: Context, name: str, spec: Object) -> Object:
    return _object("networking.k8s.io/v1", "NetworkPolicy", context.metadata(name, "server"), spec=spec)


def _object(version: str, kind: str, metadata: Object, **more: Any) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}
