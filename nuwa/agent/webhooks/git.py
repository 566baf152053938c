"""git's command lines: fetch a branch, check it out, and list what differs."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path

from nuwa.agent import regular_files

ENVIRONMENT: Mapping[str, str] = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=20",
    "LC_ALL": "C.UTF-8",
}
"""git never asks: nobody is there to answer."""

# Hooks in the repository would run what was pushed; the commands of the webhook are what is meant to run.
GIT = ("git", "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")
MAX_HEAD_BYTES = 4096
Argv = tuple[str, ...]


def fetch(remote: str, branch: str) -> Argv:
    """Fetch one branch, also where its history was rewritten."""
    target = f"+refs/heads/{branch}:refs/remotes/{remote}/{branch}"
    return (*GIT, "fetch", "--no-tags", "--no-recurse-submodules", "--", remote, target)


def checkout(remote: str, branch: str) -> Argv:
    """Make the work tree what the fetched branch is; changes made by hand to its files go."""
    return (*GIT, "reset", "--hard", "--no-recurse-submodules", f"refs/remotes/{remote}/{branch}")


def commit() -> Argv:
    """Print the commit of the work tree."""
    return (*GIT, "rev-parse", "--verify", "--quiet", "HEAD")


def known(commit: str) -> Argv:
    """Print a commit again when the repository holds it."""
    return (*GIT, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")


def remote_url(remote: str) -> Argv:
    """Print the address of a remote."""
    return (*GIT, "remote", "get-url", "--", remote)


def branch() -> Argv:
    """Print the branch that is checked out."""
    return (*GIT, "symbolic-ref", "--short", "--quiet", "HEAD")


def difference(old: str, new: str) -> Argv:
    """Print the files that differ between two commits with their modes, NULs between."""
    return (*GIT, "diff", "--raw", "--no-renames", "--ignore-submodules=none", "-z", old, new, "--")


def files(repository: str, output: str) -> set[str]:
    """Absolute paths out of what `difference` printed; that of a submodule ends with a slash."""
    parts = output.split("\0")
    return {
        posixpath.join(repository, name) + ("/" if "160000" in about.split(" ", 2)[:2] else "")
        for about, name in zip(parts[::2], parts[1::2], strict=False)
        for about in (about.lstrip(":"),)
    }


def checked_out(repository: Path) -> str:
    """The branch that is checked out, as git notes it; empty where there is none."""
    try:
        text = regular_files.read(repository / ".git/HEAD", MAX_HEAD_BYTES).decode()
    except (OSError, UnicodeDecodeError):
        return ""
    name, _, reference = text.strip().partition(": ")
    return reference.removeprefix("refs/heads/") if name == "ref" else ""
