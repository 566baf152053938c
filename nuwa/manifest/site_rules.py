"""Consistency rules for the site's sections."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from nuwa.manifest.finding import Finding, Given, twice
from nuwa.manifest.model import App
from nuwa.manifest.positions import Path, dotted
from nuwa.manifest.site import Redirect
from nuwa.manifest.volume_rules import nested
from nuwa.names import PROJECT, STORAGE_KEYS

CHALLENGES = "/.well-known/acme-challenge"
_OURS = {CHALLENGES: "is used to obtain certificates", "/.nuwa-maintenance": "is the page of bin/maintenance"}
"""Paths of the site that nginx itself answers."""


def _domains(app: App, _: Given) -> Iterator[Finding]:
    """Domains: each appears once; the first is not a wildcard, and a wildcard needs the challenge `dns-01`,
    `files` or `self-signed`."""
    paths: list[tuple[Path, str]] = [(("app", "domains", i), name) for i, name in enumerate(app.app.domains)]
    yield from twice(paths)
    for path, name in paths:
        if name.startswith("*.") and app.tls.challenge == "http-01":
            yield Finding(
                (path, ("tls", "challenge")),
                f"no certificate for {name} can be obtained over HTTP",
                'set challenge = "dns-01" and dns_plugin in [tls], or name the domains one by one',
            )
    if paths and paths[0][1].startswith("*."):
        yield Finding(
            (paths[0][0],),
            "the first domain is the site's own address and cannot be a wildcard",
            "put another first",
        )


def _static(app: App, _: Given) -> Iterator[Finding]:
    """Static files come from the image: no volume covers `static.directory`."""
    if app.static is None:
        return
    directory = posixpath.join(PROJECT, app.static.directory)
    for index, volume in enumerate(app.volume):
        if nested(directory, volume.path):
            yield Finding(
                (("static", "directory"), ("volume", index, "path")),
                f"static files come from the image, and the volume at {volume.path} would hide them",
                "choose another folder for one of the two",
            )


def _routes(app: App, _: Given) -> Iterator[Finding]:
    """Routes and volumes with a `url`: each has a path of its own, which is not that of static files or of
    ACME, and no route points to the app itself."""
    paths: list[tuple[Path, str]] = [
        (("route", index, "path"), item.path) for index, item in enumerate(app.route)
    ]
    taken: list[tuple[Path, str]] = [(("static", "url"), app.static.url)] if app.static else []
    files: list[tuple[Path, str]] = [
        (("volume", index, "url"), item.url) for index, item in enumerate(app.volume) if item.url
    ]
    yield from twice([*taken, *files, *paths])
    for path, prefix in (*files, *paths):
        if prefix.rstrip("/") == CHALLENGES:
            yield Finding((path,), f"{prefix} {_OURS[CHALLENGES]}", "choose another path")
    for (path, _prefix), route in zip(paths, app.route, strict=True):
        if route.to == f"app:{app.name}":
            yield Finding(((*path[:-1], "to"),), "the route points to the app itself", "remove it")


def _tls(app: App, _: Given) -> Iterator[Finding]:
    """TLS: each challenge has the keys it needs, and none that only another challenge uses."""
    tls, challenge = app.tls, ("tls", "challenge")
    needs = {"dns-01": ("dns_plugin",), "files": ("certificate", "key")}
    for key in needs.get(tls.challenge, ()):
        if not getattr(tls, key):
            yield Finding((challenge, ("tls", key)), f'"{tls.challenge}" needs {key}', f"add {key} to [tls]")
    acme = ("http-01", "dns-01")
    takes: dict[str, tuple[str, ...]] = {"server": acme, "email": acme}
    takes |= dict.fromkeys(("dns_plugin", "dns_credentials", "dns_wait"), ("dns-01",))
    takes |= {"certificate": ("files",), "key": ("files",)}
    for key, challenges in takes.items():
        if getattr(tls, key) and tls.challenge not in challenges:
            fitting = " or ".join(f'"{name}"' for name in challenges)
            yield Finding(
                (("tls", key), challenge),
                f'{key} has no effect with challenge = "{tls.challenge}"',
                f"remove it, or set challenge = {fitting}",
            )


def _site(app: App, _: Given) -> Iterator[Finding]:
    """Site: `client_address_header` needs `trusted_proxies`; no header is named twice."""
    if app.site.client_address_header and not app.site.trusted_proxies:
        yield Finding(
            (("site", "client_address_header"),),
            "without trusted_proxies no proxy is trusted",
            'name the proxies too, such as trusted_proxies = ["10.0.0.0/8"]',
        )
    tables: list[tuple[Path, dict[str, str]]] = [(("site", "headers"), app.site.headers)]
    tables += [(("path", index, "headers"), rule.headers) for index, rule in enumerate(app.path)]
    for path, headers in tables:
        seen: dict[str, str] = {}
        for name in headers:
            if name.lower() in seen:
                yield Finding(
                    ((*path, name),), f"{name} is the same header as {seen[name.lower()]}", "remove one"
                )
            seen[name.lower()] = name


def _paths(app: App, _: Given) -> Iterator[Finding]:
    """Paths: each is listed once, and none is one that nuwa uses itself."""
    seen: dict[str, Path] = {}
    for index, rule in enumerate(app.path):
        path: Path = ("path", index, "path")
        yield from _ours(rule.path, path)
        if rule.path in seen:
            yield Finding(
                (path, seen[rule.path]), f"{rule.path} is already listed: {dotted(seen[rule.path])}"
            )
        seen.setdefault(rule.path, path)


def _rates(app: App, _: Given) -> Iterator[Finding]:
    """Rates: `burst` needs a `rate` in the same table."""
    tables: list[tuple[Path, str, int | None]] = [(("site",), app.site.rate, app.site.burst)]
    tables += [(("path", index), rule.rate, rule.burst) for index, rule in enumerate(app.path)]
    for path, rate, burst in tables:
        if burst is not None and not rate:
            yield Finding(((*path, "burst"), (*path, "rate")), "burst has no effect without rate", "add rate")


def _protected(app: App, _: Given) -> Iterator[Finding]:
    """Protected paths: each is listed once, and names users, addresses, or both; the secret with users is not
    in `[env]`, where the app could read it."""
    seen: dict[str, Path] = {}
    taken = {
        *app.env.clear,
        *app.env.secrets,
        *app.env.generated,
        *STORAGE_KEYS,
        app.backup.passphrase if app.backup else "",
    }
    for index, one in enumerate(app.protect):
        path: Path = ("protect", index, "path")
        yield from _ours(one.path, path)
        if one.path in seen:
            yield Finding(
                (path, seen[one.path]),
                f"{one.path} is already listed: {dotted(seen[one.path])}",
                "remove one",
            )
        seen.setdefault(one.path, path)
        if not one.users_secret and not one.allow:
            text = "neither users nor addresses are named, so nobody could get in"
            yield Finding((("protect", index),), text, "add users_secret or allow")
        if one.users_secret and one.users_secret in taken:
            yield Finding(
                (("protect", index, "users_secret"),),
                f"{one.users_secret} is already used for something else",
                "choose a name of its own, which [env] does not list: bin/ keeps it on the host",
            )


def _redirects(app: App, _: Given) -> Iterator[Finding]:
    """Redirects: the source is one of the app's domains except the first, or a path that nothing else
    answers and that is not redirected to itself."""
    seen = _answered(app)
    for index, redirect in enumerate(app.redirect):
        path: Path = ("redirect", index, "source")
        if redirect.domain:
            yield from _moved_domain(app, redirect, index)
            continue
        if redirect.path == "/":
            yield Finding((path,), "the whole site cannot be redirected", "name a path below it, or a domain")
            continue
        key = redirect.path.rstrip("/")
        yield from _ours(key, path)
        if key in seen:
            yield Finding(
                (path, seen[key]), f"{redirect.path} is already listed: {dotted(seen[key])}", "remove one"
            )
        seen.setdefault(key, path)
        if _leads_back(app, redirect):
            yield Finding(
                (("redirect", index, "to"), path),
                f"{redirect.to} is {redirect.path} or below it: a redirect loop",
                "name another target, or a path without a slash last",
            )


def _ours(value: str, path: Path) -> Iterator[Finding]:
    for taken, use in _OURS.items():
        if f"{value}/".startswith(f"{taken}/"):
            yield Finding((path,), f"{taken} {use}", "choose another path")


def _around(app: App, _: Given) -> Iterator[Finding]:
    """Redirects: none is part of a loop."""
    for index, redirect in enumerate(app.redirect):
        passed = [redirect]
        while (found := _next(app, passed[-1])) and found not in passed:
            passed.append(found)
        # Each loop is reported once; a redirect to itself has a finding of its own.
        if found is redirect and len(passed) > 1 and index == min(map(app.redirect.index, passed)):
            places = tuple(("redirect", app.redirect.index(one), "to") for one in passed)
            text = " → ".join(one.source for one in (*passed, redirect))
            yield Finding(places, f"{text}: a redirect loop", "name another target")


def _next(app: App, redirect: Redirect) -> Redirect | None:
    """The redirect that applies to the target of another; None: there is none."""
    scheme, _, rest = redirect.to.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/") if rest else ("", "", scheme)
    moved = next((one for one in app.redirect if one.domain and one.domain == host.lower()), None)
    if moved or (host and host.lower() not in app.app.domains):
        return moved
    target = slash + path or "/"
    fits = [one for one in app.redirect if not one.domain and _takes(one.path, target)]
    return max(fits, key=lambda one: len(one.path), default=None)


def _takes(source: str, path: str) -> bool:
    return path == source or (source.endswith("/") and path.startswith(source))


def _answered(app: App) -> dict[str, Path]:
    """The paths of static files, volumes, routes and `[[path]]` tables, without a trailing slash."""
    found: list[tuple[str, Path]] = [(rule.path, ("path", i, "path")) for i, rule in enumerate(app.path)]
    found += [(route.path, ("route", i, "path")) for i, route in enumerate(app.route)]
    found += [(volume.url, ("volume", i, "url")) for i, volume in enumerate(app.volume) if volume.url]
    found += [(app.static.url, ("static", "url"))] if app.static else []
    return {path.rstrip("/"): place for path, place in found}


def _leads_back(app: App, redirect: Redirect) -> bool:
    target = redirect.to.partition("?")[0]
    scheme, _, rest = target.partition("://")
    if scheme in ("http", "https") and rest:
        host, slash, path = rest.partition("/")
        if host not in app.app.domains:
            return False
        target = slash + path or "/"
    if redirect.path.endswith("/"):
        return f"{target}/".startswith(redirect.path)
    return target == redirect.path


def _moved_domain(app: App, redirect: Redirect, index: int) -> Iterator[Finding]:
    path: Path = ("redirect", index, "source")
    if app.app.domains and redirect.domain == app.app.domains[0]:
        yield Finding(
            (path, ("app", "domains")), "the site's own address cannot be redirected", "name another first"
        )
    elif app.app.domains and redirect.domain not in app.app.domains:
        text = f"{redirect.domain} is not among the app's domains, so it would have no certificate"
        yield Finding((path, ("app", "domains")), text, "add it to domains in [app]")
    if redirect.to.partition("://")[2].partition("/")[0].partition(":")[0] in ("", redirect.domain):
        text = f"{redirect.to} is at {redirect.domain} itself: a redirect loop"
        yield Finding((("redirect", index, "to"), path), text, "write the address of another domain")
    if any(other.domain == redirect.domain for other in app.redirect[:index]):
        yield Finding((path,), f"{redirect.domain} is already listed", "remove one")


RULES = (_domains, _tls, _static, _routes, _site, _paths, _rates, _protected, _redirects, _around)
"""All rules for the site; their first lines are part of the reference."""
