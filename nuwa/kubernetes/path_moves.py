"""`[[redirect]]` as a rule of an HTTPRoute."""

from __future__ import annotations

from typing import Any

from nuwa.manifest.site import Redirect

STATUS = {301: 301, 308: 301, 302: 302, 307: 302}
"""The status codes that every Gateway supports, for each one in the manifest."""


def rule(redirect: Redirect) -> dict[str, Any]:
    """Redirect a path or a whole domain; a query in the target is not kept (`notes` says so)."""
    prefix = redirect.path.endswith("/")
    match = {"type": "PathPrefix" if prefix else "Exact", "value": redirect.path.rstrip("/") or "/"}
    made: dict[str, Any] = {**_target(redirect, prefix), "statusCode": STATUS[redirect.status]}
    filters = [{"type": "RequestRedirect", "requestRedirect": made}]
    return {"matches": [{"path": match}], "filters": filters}


def _target(redirect: Redirect, prefix: bool) -> dict[str, Any]:
    scheme, _, rest = redirect.to.rpartition("://")
    host, slash, path = rest.partition("/") if scheme else ("", "/", redirect.to[1:])
    name, _, port = host.partition(":")
    where: dict[str, Any] = {"scheme": scheme or "https"}
    where.update({"hostname": name} if name else {})
    where.update({"port": int(port)} if port else {})
    path = slash + path.partition("?")[0]
    if prefix and path.endswith("/"):
        where["path"] = {"type": "ReplacePrefixMatch", "replacePrefixMatch": path.rstrip("/") or "/"}
    else:
        where["path"] = {"type": "ReplaceFullPath", "replaceFullPath": path or "/"}
    return where
