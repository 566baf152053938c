"""Whether a work tree matches its commit, including submodules and files of Git LFS. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nuwa.agent.webhooks.git import GIT, Argv

SUBMODULE_PROTOCOLS = "https:ssh"
"""For GIT_ALLOW_PROTOCOL: the addresses of submodules come from the push, so they are not trusted."""
_LFS = tuple(
    word
    for key, value in {
        "clean": "git-lfs clean -- %f",
        "smudge": "git-lfs smudge -- %f",
        "process": "git-lfs filter-process",
        "required": "true",
    }.items()
    for word in ("-c", f"filter.lfs.{key}={value}")
)
"""What `git lfs install` writes; the user of the repository may not have run it."""
_NAMED = 5
"""Files that a message names."""


def entries() -> Argv:
    """Print what is tracked, each with its mode and a NUL behind."""
    return (*GIT, "ls-files", "--stage", "-z")


def submodules(output: str) -> list[str]:
    """The submodules in what `entries` printed."""
    return [entry.partition("\t")[2] for entry in output.split("\0") if entry.startswith("160000 ")]


def sync_submodules() -> Argv:
    """Take over the addresses that the commit names."""
    return (*GIT, "submodule", "--quiet", "sync", "--recursive")


def update_submodules() -> Argv:
    """Fetch all submodules and check out the commits that are recorded; changes by hand to their files go."""
    return (*GIT, "submodule", "update", "--init", "--recursive", "--force", "--checkout")


def submodule_status() -> Argv:
    """Print every submodule with a mark that says whether its commit is the recorded one."""
    return (*GIT, "submodule", "status", "--recursive")


def submodule_paths(output: str) -> list[str]:
    """All submodules in what `submodule_status` printed."""
    return [path for _, _, path in _submodule_lines(output)]


def lfs_files(folder: str) -> Argv:
    """Print the files of a repository that are to be kept in Git LFS, each with a NUL behind.

    Args:
        folder: a submodule; `.` for the repository itself.
    """
    return (*GIT, "-C", folder, "ls-files", "-z", "--", ":(attr:filter=lfs)")


def lfs_version() -> Argv:
    """Print git-lfs's version, where it is installed."""
    return (*GIT, "lfs", "version")


def lfs_pull(folder: str) -> Argv:
    """Fetch the files of Git LFS, and put them where their pointers are."""
    return (*GIT, *_LFS, "-C", folder, "lfs", "pull")


def lfs_status(folder: str) -> Argv:
    """Print the files of Git LFS with a mark that says whether the content is there."""
    return (*GIT, *_LFS, "-C", folder, "lfs", "ls-files")


def lfs_missing(output: str) -> list[str]:
    """The files whose content is missing, in what `lfs_status` printed."""
    return re.findall(r"^[0-9a-f]+ - (.+)$", output, re.MULTILINE)


def status(*, has_lfs: bool) -> Argv:
    """Print the tracked files that differ from the commit, each with a NUL behind.

    What was built into a submodule is as welcome as what was built into the repository.
    """
    options = ("--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=untracked", "--no-renames")
    return (*GIT, *(_LFS if has_lfs else ()), "status", *options)


def real_difference(*, has_lfs: bool) -> Argv:
    """Print how tracked files differ from the commit, but for the ends of lines.

    Where a repository contradicts its own .gitattributes, git shows files as changed that it has just
    written; that says nothing about the work tree.
    """
    options = ("--ignore-cr-at-eol", "--ignore-submodules=untracked", "--no-ext-diff", "--stat", "HEAD")
    return (*GIT, *(_LFS if has_lfs else ()), "diff", *options)


def faults(changed: str, submodule_lines: str, pointers: Sequence[str]) -> Iterator[str]:
    """What is wrong with a work tree, a sentence each.

    Args:
        changed: what `status` printed.
        submodule_lines: what `submodule_status` printed.
        pointers: files that hold a pointer of Git LFS in place of their content.
    """
    for mark, commit, path in _submodule_lines(submodule_lines):
        if mark == "-":
            yield f"submodule {path} is not checked out"
        elif mark == "+":
            yield f"submodule {path} is at {commit[:12]}, which is not the recorded commit"
        elif mark == "U":
            yield f"submodule {path} has a merge conflict"
    names = [entry[3:] for entry in changed.split("\0") if entry]
    if names:
        yield f"{_listed(names)} differ from the commit"
    if pointers:
        yield f"the content of {_listed(pointers)} is in Git LFS and was not fetched"


def lfs_is_missing(files: Sequence[str]) -> str:
    """What is said when files are in Git LFS and git-lfs is not installed."""
    return (
        f"{_listed(files)} are in Git LFS, and git-lfs is not installed on this host.\n"
        "Install it with apt-get install git-lfs (Rocky Linux: dnf install git-lfs), and run the hook again."
    )


PROTOCOL_HINT = (
    "Submodules are fetched only over https and ssh, since their addresses come from the push. "
    'To allow more, set "env": {"GIT_ALLOW_PROTOCOL": "https:ssh:file"} in the webhook.\n'
)


def _submodule_lines(output: str) -> Iterator[tuple[str, str, str]]:
    """Mark, commit and path of each submodule."""
    for line in output.splitlines():
        found = re.fullmatch(r"([ +U-])([0-9a-f]+) (.+?)(?: \([^()]*\))?", line)
        if found:
            yield found[1], found[2], found[3]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
