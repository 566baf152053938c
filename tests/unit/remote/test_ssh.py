"""The login: a stand-in for ssh that runs here what it is to run there, or fails as ssh does."""

from __future__ import annotations

import io
import os

import pytest

from nuwa.errors import BusyError, RemoteError
from nuwa.remote import lock, ssh
from nuwa.remote.target import Target

TARGET = Target("root@h", "/srv/blog")
RUNS = """#!/bin/sh
# options come in pairs, then --, the destination and a command
while [ "$1" != -- ]; do
  [ "$1" != -O ] || exit 0
  shift
done
shift 2
exec sh -c "$1"
"""


@pytest.fixture
def fake_ssh(tmp_path, monkeypatch):
    """Puts a script in ssh's place; gives a function that does so."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def put(text: str, name: str = "ssh") -> None:
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)

    put("#!/bin/sh\necho 0\n", "id")
    return put


def test_scripts_run_there_with_their_arguments_as_they_are(fake_ssh, tmp_path, monkeypatch):
    (tmp_path / "echo").write_text('printf "%s|" "$0" "$@"; cat')
    monkeypatch.setattr(ssh, "SCRIPTS", tmp_path)
    fake_ssh(RUNS)
    with ssh.connect(TARGET) as connection:
        result = connection.run("echo", "it's", 'a "b" $c', "", input=b"value")
    assert result.stdout == 'nuwa-echo|it\'s|a "b" $c||value'


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ("Host key verification failed.", "has a key that this machine does not know"),
        ("root@h: Permission denied (publickey).", "refuses the login"),
        ("ssh: Could not resolve hostname h", "cannot be reached by ssh"),
    ],
)
def test_a_login_that_fails_says_why_in_our_words_and_in_those_of_ssh(fake_ssh, messages, words):
    fake_ssh(f"#!/bin/sh\necho '{messages}' >&2\nexit 255\n")
    with pytest.raises(RemoteError) as caught, ssh.connect(TARGET):
        pass
    assert f"root@h {words}" in str(caught.value)
    assert messages in str(caught.value)


def test_no_option_of_ours_weakens_the_check_of_the_host(fake_ssh, tmp_path):
    fake_ssh(f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\necho root\n')
    with ssh.connect(TARGET):
        pass
    calls = (tmp_path / "calls").read_text()
    assert "BatchMode=yes" in calls
    assert "HostKey" not in calls
    assert "KnownHosts" not in calls


def test_a_connection_that_is_cut_says_where_to_look_first(fake_ssh, tmp_path, monkeypatch):
    (tmp_path / "cut").write_text("exit 255")
    monkeypatch.setattr(ssh, "SCRIPTS", tmp_path)
    fake_ssh(RUNS)
    with ssh.connect(TARGET) as connection, pytest.raises(RemoteError, match="was cut") as caught:
        connection.run("cut")
    assert "nuwa app --on root@h:/srv/blog status" in str(caught.value)


def test_sudo_that_wants_a_password_is_no_way_without_a_terminal(fake_ssh):
    fake_ssh(RUNS)
    fake_ssh("#!/bin/sh\necho 1000\n", "id")
    fake_ssh("#!/bin/sh\nexit 1\n", "sudo")
    with pytest.raises(RemoteError, match="sudo wants a password"), ssh.connect(TARGET):
        pass


def test_with_sudo_scripts_run_through_it(fake_ssh, tmp_path, monkeypatch):
    (tmp_path / "who").write_text('echo "$AS"')
    monkeypatch.setattr(ssh, "SCRIPTS", tmp_path)
    fake_ssh(RUNS)
    fake_ssh("#!/bin/sh\necho 1000\n", "id")
    fake_ssh('#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; done\nAS=root exec "$@"\n', "sudo")
    with ssh.connect(TARGET) as connection:
        assert connection.run("who").stdout == "root\n"


REMEMBERS = """#!/bin/sh
# A sudo that remembers a password, and reads none while it does, unless it is told -k.
case $1$2 in
  -k-n) exit 1 ;;
  -k*) IFS= read -r password && [ "$password" = hunter2 ] || exit 1 ;;
esac
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def with_password(fake_ssh, monkeypatch):
    """A host whose sudo wants the password hunter2, from a terminal."""
    fake_ssh(RUNS)
    fake_ssh("#!/bin/sh\necho 1000\n", "id")
    fake_ssh(REMEMBERS, "sudo")
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda _: "hunter2")


def test_the_password_of_sudo_is_no_input_of_a_script(with_password, tmp_path, monkeypatch):
    (tmp_path / "cat").write_text("cat")
    monkeypatch.setattr(ssh, "SCRIPTS", tmp_path)
    with ssh.connect(TARGET) as connection:
        assert connection.run("cat", input=b"value").stdout == "value"
        assert connection.capture("cat", b"value").stdout == "value"


def test_where_only_the_output_goes_elsewhere_sudo_gets_the_password_unasked(with_password, capfd):
    with ssh.connect(TARGET) as connection:
        assert connection.interactive("cat; echo from there; exit 3") == 3
    assert capfd.readouterr().out == "from there\n"


def test_the_login_is_held_open_while_nothing_is_asked_of_the_host(fake_ssh, tmp_path):
    """By a session that ends with this process: it reads from a pipe of it."""
    held = tmp_path / "held"
    fake_ssh(
        RUNS.replace(
            "shift 2",
            f'shift 2\ncase $1 in *cat*) echo begun >{held}; sh -c "$1"; echo over >{held}; exit;; esac',
        )
    )
    with ssh.connect(TARGET):
        while not held.exists() or not held.read_text():
            pass
        assert held.read_text() == "begun\n"
    assert held.read_text() == "over\n"


HOLD = """file=$NUWA_TEST_LOCK
exec 9>>"$file"
flock -n 9 || { echo "held $(cat "$file")"; exit 6; }
echo "$2, since noon" >"$file"
echo a word of ssh; echo mine
while read -r _; do :; done
"""


def test_the_second_is_told_who_is_there_and_since_when(fake_ssh, tmp_path, monkeypatch):
    (tmp_path / "hold").write_text(HOLD)
    monkeypatch.setattr(ssh, "SCRIPTS", tmp_path)
    monkeypatch.setenv("NUWA_TEST_LOCK", str(tmp_path / "lock"))
    monkeypatch.setattr(lock, "me", lambda: "ann on laptop")
    fake_ssh(RUNS)
    with ssh.connect(TARGET) as connection:
        said = "by ann on laptop, since noon"
        with lock.held(connection), pytest.raises(BusyError, match=said), lock.held(connection):
            pass
        with lock.held(connection):
            pass


def test_secrets_of_several_lines_arrive_whole():
    assert ssh.environment({"A": "1\n2", "B": ""}) == b"A=1\n2\0B=\0"
