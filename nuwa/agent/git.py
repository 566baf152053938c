"""git's command lines: fetch a branch, stand on it, and say what is different."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path

ENVIRONMENT: Mapping[str, str] = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=20",
    "LC_ALL": "C.UTF-8",
}
"""git never asks: nobody is there to answer."""

# Hooks in the repository would run what was pushed; the commands of the webhook are what is meant to run.
_GIT = ("git", "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")
Argv = tuple[str, ...]


def fetch(remote: str, branch: str) -> Argv:
    """Fetch one branch, also where its history was rewritten."""
    return (*_GIT, "fetch", "--no-tags", "--", remote, f"+refs/heads/{branch}:refs/remotes/{remote}/{branch}")


def stand_on(remote: str, branch: str) -> Argv:
    """Make the work tree what the fetched branch is; changes made by hand to its files go."""
    return (*_GIT, "reset", "--hard", f"refs/remotes/{remote}/{branch}")


def commit() -> Argv:
    """Print the commit of the work tree."""
    return (*_GIT, "rev-parse", "--verify", "--quiet", "HEAD")


def known(commit: str) -> Argv:
    """Print a commit again when the repository holds it."""
    return (*_GIT, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")


def branch() -> Argv:
    """Print the branch that is checked out."""
    return (*_GIT, "symbolic-ref", "--short", "--quiet", "HEAD")


def difference(old: str, new: str) -> Argv:
    """Print the names of the files that differ between two commits, each with a NUL behind."""
    return (*_GIT, "diff", "--name-only", "--no-renames", "-z", old, new, "--")


def files(repository: str, output: str) -> set[str]:
    """Absolute paths out of what `difference` printed."""
    return {posixpath.join(repository, name) for name in output.split("\0") if name}


def checked_out(repository: Path) -> str:
    """The branch that is checked out, as git notes it; empty where there is none."""
    try:
        text = (repository / ".git/HEAD").read_text()
    except (OSError, UnicodeDecodeError):
        return ""
    name, _, reference = text.strip().partition(": ")
    return reference.removeprefix("refs/heads/") if name == "ref" else ""
