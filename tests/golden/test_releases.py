"""Units and sites of every golden manifest on hosts of every release: made of what systemd, podman and nginx
of there know, as tests/data/options.tsv says."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from golden_case import ALL, Case

from nuwa.render import facts as host_facts
from nuwa.render.render import PLANS, render
from nuwa.resources import TEMPLATES

DATA = Path(__file__).parents[1] / "data"
HOSTS: dict[str, dict[str, str]] = tomllib.loads((DATA / "hosts.toml").read_text())
NGINX_3 = ["http_v3_module"]
"""What nginx has from 1.25 on, as distributions build it."""
DATABASE = {"address": "10.88.0.1", "subnet": "10.88.0.0/16", "port": 17000, "server_port": 5432}

Version = tuple[int, ...]


def version(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))


def table() -> dict[tuple[str, str, str], Version]:
    """Since when a program, or the kind of file that it reads, has an option."""
    lines = (DATA / "options.tsv").read_text().splitlines()[1:]
    return {(row[0], row[1], row[2]): version(row[3]) for row in (line.split("\t") for line in lines)}


TABLE = table()


@dataclass(frozen=True)
class Word:
    """One option or directive, as the table names it."""

    program: str
    command: str
    option: str

    def fault(self, host: str) -> str:
        """Why this host does not have it; empty: it has."""
        since = TABLE.get((self.program, self.command, self.option))
        if since is None:
            return f"{self} is not in tests/data/options.tsv"
        there = version(HOSTS[host][PROGRAMS[self.program]])
        return "" if there >= since else f"{host} has {self.program} {there}, too old for {self}"


PROGRAMS = {"systemd": "systemctl", "nginx": "nginx", "podman": "podman"}
"""Whose version counts, by the table's names."""


def facts(case: Case, host: str) -> host_facts.Facts:
    """The case's deployment, moved to a host of this release."""
    row = HOSTS[host]
    values = json.loads(case.facts_text)
    name, release = re.fullmatch(r"([a-z]+)(\d+)", host).groups()  # type: ignore[union-attr]
    modules = [module for module in values["nginx_modules"] if module not in NGINX_3]
    modern = NGINX_3 if version(row["nginx"]) >= (1, 25) else []
    values.update(
        distribution=name,
        release=release,
        podman=row["podman"],
        nginx=row["nginx"],
        nginx_modules=[*modules, *modern],
        cgroup=int(row["cgroup"]),
        selinux=row["selinux"] == "true",
        monit=row["monit"] == "true",
        domains=values["domains"] or ["blog.example.com"],
        tls=values["tls"] or {"certificate": "/c.pem", "key": "/k.pem", "self_signed": False},
        database=values.get("database") or DATABASE,
    )
    return host_facts.read(json.dumps(values))


def in_unit(text: str) -> Iterator[Word]:
    """Directives of a unit by their sections, and the options of podman in its commands."""
    section = ""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield Word("systemd", section, name)
            if "/podman " in value:
                yield from in_podman(shlex.split(value.replace("$$", "$"))[1:])


def in_podman(words: list[str]) -> Iterator[Word]:
    command, *rest = words
    yield Word("podman", command, command)
    yield from (Word("podman", command, word.partition("=")[0]) for word in rest if word.startswith("--"))


def in_site(text: str) -> Iterator[Word]:
    """Directives of nginx, by the innermost block; and the words of `listen`."""
    blocks = ["http"]
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    # No brace or semicolon within quotes is the end of anything.
    text = re.sub(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"", lambda found: "_" * len(found[0]), text)
    for words, end in re.findall(r"([^;{}]*)([;{}])", text):
        name, *rest = words.split() or [""]
        if end == "}":
            blocks.pop()
        elif end == "{":
            yield Word("nginx", blocks[-1], name)
            blocks.append("map" if name in ("map", "geo") else name)
        elif blocks[-1] != "map":
            yield Word("nginx", blocks[-1], name)
            options = [word for word in rest[1:] if re.fullmatch(r"[a-z0-9_]+", word)]
            yield from (Word("nginx", "listen", word) for word in options if name == "listen")


READERS = {"systemd": in_unit, "nginx": in_site}


def words(case: Case, host: str) -> set[Word]:
    there = facts(case, host)
    files = [file for what in PLANS for file in render(what, case.app, there, str(TEMPLATES)).values()]
    return {word for file in files if file.group in READERS for word in READERS[file.group](file.content)}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("case", ALL, ids=lambda case: case.folder.name)
def test_a_host_has_what_its_files_ask_for(case: Case, host: str):
    assert sorted(filter(None, (word.fault(host) for word in words(case, host)))) == []


def test_a_word_of_a_later_version_is_found():
    assert "too old" in Word("nginx", "server", "http2").fault("rocky9")
    assert Word("nginx", "server", "http2").fault("rocky10") == ""
    assert "not in" in Word("nginx", "server", "http4").fault("rocky10")
