"""Where a build gets Debian's packages: from the mirrors that this machine itself uses.

The suite is replaced by that of the image. NUWA_APT_MIRROR overrides all of this: the address of a mirror,
or whole `deb` lines separated by line breaks. The settings are mounted into the build and stay in no layer.
"""

from __future__ import annotations

import os
import re
import shutil

from nuwa.process import run

KINDS = ("", "-updates", "-security")
"""The parts of a release's archive: what it was released with, later fixes, security fixes."""
_SUITES = r"(?:bullseye|bookworm|trixie|forky|sid|unstable|stable|oldstable|testing)"
_FORMAT = "$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)\t$(ORIGIN)"
_KEPT_OPTIONS = r"Acquire::(https?::|Check-|Retries|ForceIPv|By-Hash)"


def sources(codename: str) -> list[str]:
    """`deb` lines for a release of Debian; none where this machine has no Debian mirror configured."""
    chosen = os.environ.get("NUWA_APT_MIRROR", "").strip()
    if chosen:
        return _chosen(chosen, codename)
    if not shutil.which("apt-get"):
        return []
    listed = run(["apt-get", "indextargets", "--format", _FORMAT], check=False, timeout=60).stdout
    return from_targets(listed, codename)


def _chosen(value: str, codename: str) -> list[str]:
    if re.match(r"deb\s", value):
        return value.splitlines()
    main = value.rstrip("/")
    places = {"": main, "-updates": main, "-security": f"{main}-security"}
    return [f"deb {places[kind]} {codename}{kind} main" for kind in KINDS]


def from_targets(listed: str, codename: str) -> list[str]:
    """`deb` lines derived from what `apt-get indextargets` printed with `_FORMAT`.

    Other archives also call a suite `bookworm`; Debian's own, mirrored or not, states its origin once it has
    been fetched. Before the first `apt-get update` no origin is known, and the suites' names have to do.
    """
    rows = [line.split("\t") for line in listed.splitlines() if line.count("\t") == 3]
    debian = [row for row in rows if row[3] == "Debian"] or [row for row in rows if not row[3]]
    found: dict[str, str] = {}
    for address, suite, component, _ in debian:
        match = re.fullmatch(rf"{_SUITES}(-updates|-security|/updates)?", suite)
        if match and component == "main":
            kind = (match.group(1) or "").replace("/updates", "-security")
            found.setdefault(kind, address.rstrip("/"))
    if "" not in found:
        return []
    return [f"deb {found[kind]} {codename}{kind} main" for kind in KINDS if kind in found]


def options() -> str:
    """This machine's settings for fetching (proxies, time-outs), as text of apt.conf(5)."""
    if not shutil.which("apt-config"):
        return ""
    lines = run(["apt-config", "dump"], check=False, timeout=60).stdout.splitlines()
    return "".join(
        f"{line}\n"
        for line in lines
        if re.match(_KEPT_OPTIONS, line) and not re.search(r'::(CAInfo|CAPath) | "";$', line)
    )
