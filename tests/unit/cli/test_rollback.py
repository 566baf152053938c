"""`nuwa rollback` on several hosts: what is said of those that went back, and of the others."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from nuwa.cli import main
from nuwa.errors import BusyError, ConnectionLost, RemoteError
from nuwa.remote import deploy, ssh

MANIFEST = """app.name = "blog"
server.module = "blog:app"
deploy.hosts = ["root@a", "root@b", "root@c"]
"""
SEEN = "machine\tx86_64\nID\tdebian\nVERSION_ID\t13\napp\t{app}\nrelease\tabc\n"


@pytest.fixture
def hosts(tmp_path, monkeypatch):
    """Three hosts; a rollback raises what `errors` has for one, and `seen` is in their folders."""
    (tmp_path / "nuwa.toml").write_text(MANIFEST)
    monkeypatch.chdir(tmp_path)
    told = SimpleNamespace(errors={}, seen={}, back=[])

    @contextmanager
    def connect(target):
        seen = told.seen.get(target.destination, SEEN.format(app="blog"))
        yield SimpleNamespace(target=target, run=lambda *_: SimpleNamespace(stdout=seen))

    def rollback(connection, _):
        if error := told.errors.get(connection.target.destination):
            raise error
        told.back.append(connection.target.destination)

    monkeypatch.setattr(ssh, "connect", connect)
    monkeypatch.setattr(deploy, "rollback", rollback)
    return told


def test_all_hosts_go_back_in_their_order(hosts, capsys):
    assert main.run(["rollback"]) == 0
    assert hosts.back == ["root@a", "root@b", "root@c"]
    assert "root@a:/srv/blog, root@b:/srv/blog, root@c:/srv/blog" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (RemoteError("rollback failed on root@b"), "Once the cause is fixed: "),
        (BusyError("root@b is being deployed to", hint="Wait for it."), "Wait for it. Then: "),
    ],
)
def test_after_a_failure_the_remedy_leaves_out_the_hosts_that_went_back(hosts, capsys, error, remedy):
    hosts.errors["root@b"] = error
    assert main.run(["rollback"]) == error.exit_code
    said = capsys.readouterr().err
    assert "\nRolled back: root@a:/srv/blog.\nNot rolled back: root@b:/srv/blog, root@c:/srv/blog.\n" in said
    assert f"→ {remedy}nuwa rollback root@b:/srv/blog root@c:/srv/blog\n" in said


def test_of_a_host_whose_connection_was_cut_nothing_is_taken_for_granted(hosts, capsys):
    hosts.errors["root@b"] = ConnectionLost("the connection to root@b was cut", hint="…")
    assert main.run(["rollback"]) == 8
    said = capsys.readouterr().err
    assert "Perhaps rolled back: root@b:/srv/blog.\nNot rolled back: root@c:/srv/blog." in said
    assert "nuwa app --on root@b:/srv/blog status\n" in said
    assert said.endswith("nuwa rollback root@c:/srv/blog\n")


def test_an_interruption_says_where_it_came_to(hosts, capsys):
    hosts.errors["root@b"] = KeyboardInterrupt()
    assert main.run(["rollback"]) == 130
    said = capsys.readouterr().err
    assert "Rolled back: root@a:/srv/blog." in said
    assert "nuwa app --on root@b:/srv/blog status" in said


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (SEEN.format(app="shop"), "the deployment of shop, not of blog"),
        (SEEN.format(app="?"), "no deployment of nuwa's"),
        (SEEN.partition("app")[0], "nothing is deployed in /srv/blog on root@c"),
    ],
)
def test_a_folder_without_a_deployment_of_the_app_is_refused_before_any_host_goes_back(
    hosts, capsys, seen, words
):
    hosts.seen["root@c"] = seen
    assert main.run(["rollback"]) == 8
    assert words in capsys.readouterr().err
    assert hosts.back == []
