"""`nuwa app`: the command line that a host is given."""

from __future__ import annotations

import subprocess

from nuwa.cli.app import command
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
    assert "There are: logs status" in done.stderr
