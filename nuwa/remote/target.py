"""Where a deployment is: a host as ssh knows it, a folder there, the domains of its site."""

from __future__ import annotations

import getpass
import hashlib
import posixpath
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nuwa.errors import UsageError
from nuwa.manifest import checks
from nuwa.manifest.model import App


@dataclass(frozen=True)
class Target:
    """One deployment on one host."""

    destination: str
    """The destination for ssh: `root@www.example.com`, or a host name of the user's ssh configuration."""
    directory: str
    domains: tuple[str, ...] = ()
    """The site's domains there, instead of those in the manifest."""
    group: str = field(default="", compare=False)
    """The name of the group through which it was chosen."""

    @property
    def lock(self) -> str:
        """The name of the deployment's lock on its host, and of the files that a deploy stores there."""
        return hashlib.sha256(self.directory.encode()).hexdigest()[:16]

    @property
    def stage(self) -> str:
        """The folder there that receives an image."""
        return f"/var/lib/nuwa-app/incoming/{self.lock}"

    @property
    def host(self) -> str:
        """The destination as nuwa's command line accepts it: an IPv6 address is in brackets."""
        user, at, address = self.destination.rpartition("@")
        return f"{user}{at}[{address}]" if ":" in address else self.destination

    def __str__(self) -> str:
        return f"{self.host}:{self.directory}"


def parse(text: str, app: str = "", domains: tuple[str, ...] = ()) -> Target:
    """The target for `[USER@]HOST[:/FOLDER]`.

    Args:
        text: as a user writes it.
        app: the app's name, for the default folder `/srv/<app>`.
        domains: the domains of the site there; empty: the manifest's.

    Raises:
        UsageError: the text is not a target, or it names no folder and there is no app.
    """
    try:
        checks.remote_host(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
    destination, slash, folder = text.partition(":/")
    if text.startswith("[") or "@[" in text:
        address, bracket, rest = text.partition("]")
        destination, slash, folder = address.replace("[", "") + bracket.replace("]", ""), rest[:2], rest[2:]
    if not slash and not app:
        raise UsageError(f"{text} names no folder", hint=f"Name the deployment's folder: {text}:/srv/NAME")
    # One folder has one spelling, because the name of the deployment's lock is derived from it.
    directory = posixpath.normpath(f"/{folder.strip('/')}" if slash else f"/srv/{app}")
    if directory == "/":
        raise UsageError(
            f"{text} names no folder for a deployment", hint=f"A folder of its own: {_own(text, app)}"
        )
    return Target(destination, directory, domains)


def _own(text: str, app: str) -> str:
    return f"{text.partition(':/')[0]}:/srv/{app or 'NAME'}"


def choose(app: App, words: Sequence[str], domains: tuple[str, ...] = ()) -> list[Target]:
    """The targets that a command line selects: hosts, names of groups, or without either `deploy.hosts`.

    Args:
        domains: those of the command line; they override those of a group.

    Raises:
        UsageError: there is no such group, or no host at all.
    """
    groups = {group.name: group for group in app.deploy.group}
    found: list[Target] = []
    if not words:
        found = [parse(host, app.name, domains) for host in app.deploy.hosts]
        if not found:
            raise UsageError("which host?", hint=_which(app))
    for word in words:
        if word in groups:
            group = groups[word]
            here = [parse(host, app.name, domains or group.domains) for host in group.hosts]
            found += [replace(target, group=word) for target in here]
        elif "@" in word or ":" in word or "." in word:
            found.append(parse(word, app.name, domains))
        else:
            raise UsageError(
                f"there is no group {word!r} in nuwa.toml",
                hint=f"{_which(app)} A host of your ssh configuration: {word}:/srv/{app.name}",
            )
    return list(dict.fromkeys(found))


def _which(app: App) -> str:
    groups = [group.name for group in app.deploy.group]
    listed = (
        f"Groups in nuwa.toml: {', '.join(groups)}." if groups else "nuwa.toml may list them: [deploy] hosts."
    )
    return f"nuwa deploy root@www.example.com:/srv/{app.name}. {listed}"


def me() -> str:
    """Who is deploying, as shown to others: user and machine."""
    return f"{getpass.getuser()} on {socket.gethostname()}"
