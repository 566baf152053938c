"""Parses command lines of deployment files: what they finally run, without wrappers that only start it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nuwa.detect.model import Started
from nuwa.detect.tree import Tree

_WRAPPERS = (
    ("poetry", "run"),
    ("uv", "run"),
    ("pipenv", "run"),
    ("pdm", "run"),
    ("hatch", "run"),
    ("newrelic-admin", "run-program"),
    ("opentelemetry-instrument",),
    ("ddtrace-run",),
    ("exec",),
    ("time",),
    ("nice",),
    ("honcho", "run"),
    ("su-exec", ""),
    ("gosu", ""),
    ("dumb-init", "--"),
    ("dumb-init",),
    ("tini", "--"),
    ("tini",),
)
"""Wrappers before a command that only start it; an empty string stands for any word."""


_UV_FLAGS = frozenset({"--no-dev", "--frozen", "--no-sync", "--locked"})


def parts(tree: Tree, started: Started, depth: int = 0) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The simple commands in a command line, and the variables before each; shell scripts are followed."""
    text = _without_shell(started.command)
    for piece in re.split(r"\s*(?:&&|\|\||;|\n)\s*", text):
        try:
            words = shlex.split(piece, comments=True)
        except ValueError:
            continue
        variables: dict[str, str] = {}
        while words and re.fullmatch(r"[A-Za-z_]\w*=.*", words[0], re.DOTALL):
            name, _, value = words.pop(0).partition("=")
            variables[name] = value
        words = _unwrapped(words)
        script = _script(tree, words, started.folder)
        if script and depth < 3:
            yield from parts(tree, replace(started, command=_commands_of(tree.text(script))), depth + 1)
            words = words[1:] if words[0] not in ("sh", "bash") else words[2:]
            if words:
                yield from parts(tree, replace(started, command=shlex.join(words)), depth + 1)
        elif words:
            yield words, variables


def _without_shell(command: str) -> str:
    found = re.fullmatch(r"(?:/bin/|/usr/bin/env )?(?:ba)?sh\s+-\w*c\s+(.*)", command.strip(), re.DOTALL)
    if not found:
        return command
    try:
        words = shlex.split(found[1])
    except ValueError:
        return found[1].strip("\"'")
    return words[0] if len(words) == 1 else found[1]


def _unwrapped(words: list[str]) -> list[str]:
    again = True
    while again and words:
        again = False
        words = [_without_folder(words[0]), *words[1:]]
        for wrapper in _WRAPPERS:
            if len(words) > len(wrapper) and all(
                not word or words[at] == word for at, word in enumerate(wrapper)
            ):
                words, again = words[len(wrapper) :], True
                while words and words[0] in _UV_FLAGS:
                    words = words[1:]
                break
    if len(words) > 1 and words[0] == "-m":
        words = ["python", *words]
    if len(words) > 2 and re.search(r"python[\d.]*$", words[0]) and words[1] == "-m":
        words = ["python", "manage.py", *words[3:]] if words[2] == "manage" else words[2:]
    return [_without_folder(words[0]), *words[1:]] if words else words


def _without_folder(program: str) -> str:
    """A program's name without the path of its `bin/`, such as that of a virtual environment."""
    return re.sub(r".*/bin/(?=[\w.-]+$)", "", program)


def _script(tree: Tree, words: list[str], folder: str) -> str:
    """The shell script of the project that a command runs, wherever its image has it; empty: none."""
    word = words[1] if len(words) > 1 and words[0] in ("sh", "bash") else words[0] if words else ""
    name = word.rpartition("/")[2]
    if not re.fullmatch(
        r"[\w.-]+\.sh|(?:docker-)?(?:entrypoint|start|boot|run)[\w-]*|/?start-[\w-]+|/start",
        word.rpartition("/")[2] or "",
    ):
        return ""
    for candidate in (word.lstrip("./"), f"{folder}/{name}".lstrip("/")):
        if candidate and tree.has(candidate):
            return candidate
    return next((path for path in tree.named(name) if b"\n" in tree.content(path)), "") if name else ""


def _commands_of(script: str) -> str:
    """The lines of a shell script that can be commands of interest."""
    text = re.sub(r"\\\n", " ", script)
    kept = [
        line.strip()
        for line in text.splitlines()
        if re.search(r"gunicorn|uvicorn|celery|manage\.py|flask |alembic|hypercorn|daphne|uwsgi|\brq\b", line)
        and not line.lstrip().startswith("#")
    ]
    return "\n".join(
        re.sub(r"^(?:then|do|else)\s+", "", line)
        for line in kept
        if not re.match(r"(?:if|while|echo|export)\b", line)
    )


def option(words: Sequence[str], *names: str) -> str | None:
    """The value of an option, as `--name value`, `--name=value` or `-kvalue`."""
    for at, word in enumerate(words):
        for name in names:
            if word == name and at + 1 < len(words):
                return words[at + 1]
            if word.startswith(f"{name}=") or (len(name) == 2 and word.startswith(name) and len(word) > 2):
                return word.removeprefix(name).removeprefix("=")
    return None
