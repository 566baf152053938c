"""`nuwa app`: the command line that a host is given."""

from __future__ import annotations

import io
import json
import subprocess
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from nuwa.cli import main, shared
from nuwa.cli.app import command
from nuwa.errors import RemoteError
from nuwa.process import Result
from nuwa.remote import ssh
from nuwa.remote.target import Target


def run(folder, script, *arguments):
    line = command(Target("root@h", str(folder)), script, arguments)
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)


def test_a_script_gets_its_arguments_as_they_are_and_gives_its_exit_code(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/say").write_text('#!/bin/sh\nprintf "%s|" "$PWD" "$@"\nexit 3\n')
    (tmp_path / "bin/say").chmod(0o755)
    done = run(tmp_path, "say", "-f", "it's", "--", "$HOME")
    assert (done.returncode, done.stdout) == (3, f"{tmp_path}|-f|it's|--|$HOME|")


def test_a_script_that_is_not_there_is_answered_with_those_that_are(tmp_path):
    (tmp_path / "bin/lib").mkdir(parents=True)
    for name in ("logs", "status"):
        (tmp_path / "bin" / name).touch()
    done = run(tmp_path, "nothing")
    assert done.returncode == 2
    assert "Available: logs status" in done.stderr


@pytest.fixture
def hosts(tmp_path, monkeypatch):
    """The hosts a, b (which cannot be reached) and c; gives the command lines that they were given."""
    (tmp_path / "nuwa.toml").write_text(
        'app.name = "blog"\nserver.module = "blog:app"\ndeploy.hosts = ["root@a", "root@b", "root@c"]\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr(shared, "settings", shared.Settings())
    lines: list[str] = []

    @contextmanager
    def connect(target):
        if target.destination == "root@b":
            raise RemoteError("root@b cannot be reached by ssh", hint="ssh root@b has to work first.")

        def interactive(line):
            lines.append(line)
            return 0

        def capture(line, _):
            lines.append(line)
            return Result([], 0, '{"state": "up"}', "")

        yield SimpleNamespace(interactive=interactive, capture=capture)

    monkeypatch.setattr(ssh, "connect", connect)
    return lines


def test_json_is_the_users_own_word_unless_the_script_has_it(hosts):
    main.run(["app", "shell", "python", "manage.py", "report", "--json"])
    assert len(hosts) == 2
    assert all("exec bin/shell python manage.py report --json;" in line for line in hosts)


@pytest.mark.parametrize("words", [["app", "status", "--json"], ["app", "--json", "status"]])
def test_a_host_that_cannot_be_reached_is_one_answer_among_those_of_all(hosts, capsys, words):
    assert main.run(words) == 255
    assert all("exec bin/status --json;" in line for line in hosts)
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert [(name, answer["code"]) for name, answer in told["hosts"].items()] == [
        ("root@a:/srv/blog", 0),
        ("root@b:/srv/blog", 255),
        ("root@c:/srv/blog", 0),
    ]
    assert told["hosts"]["root@c:/srv/blog"]["output"] == {"state": "up"}
    assert "cannot be reached" in told["hosts"]["root@b:/srv/blog"]["messages"]


def test_after_a_host_that_cannot_be_reached_the_next_one_has_its_turn(hosts, capsys):
    assert main.run(["app", "logs"]) == 255
    assert len(hosts) == 2
    said = capsys.readouterr()
    assert said.out.splitlines() == ["root@a:/srv/blog:", "root@b:/srv/blog:", "root@c:/srv/blog:"]
    assert "Error: root@b cannot be reached by ssh\n" in said.err


def test_the_only_host_that_cannot_be_reached_is_the_error(hosts, capsys):
    assert main.run(["app", "--on", "root@b", "logs"]) == 8
    assert "ssh root@b has to work first." in capsys.readouterr().err


def test_secrets_are_read_here_and_reach_hosts_on_standard_input_alone(hosts, monkeypatch, tmp_path):
    from nuwa.remote import secret_sources

    manifest = tmp_path / "nuwa.toml"
    text = manifest.read_text().replace(', "root@b"', "")
    source = '[env]\nsecrets = ["TOKEN"]\n[[deploy.secrets]]\nkind = "sops"\nsource = "x.yaml"\n'
    manifest.write_text(text + source)
    monkeypatch.setattr(secret_sources, "read", lambda *_: {"TOKEN": "hidden", "OTHER": "x"})
    fed = []

    @contextmanager
    def connect(_):
        yield SimpleNamespace(
            capture=lambda line, data: fed.append((line, data)) or Result([], 0, "stored", "")
        )

    monkeypatch.setattr(ssh, "connect", connect)
    main.run(["app", "secret", "import", "--dry-run"])
    assert [data for _, data in fed] == [b'{"TOKEN": "hidden"}'] * 2
    assert all("exec bin/secret import --dry-run;" in line and "hidden" not in line for line, _ in fed)
