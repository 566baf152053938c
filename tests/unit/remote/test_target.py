"""Which hosts a command line means."""

from __future__ import annotations

import pytest

from nuwa.errors import UsageError
from nuwa.manifest.deploy import Deploy, Group
from nuwa.manifest.model import App, AppSection, Server
from nuwa.remote.target import Target, choose, parse

APP = App(
    AppSection("blog", domains=("www.example.com",)),
    Server("blog.wsgi:application"),
    deploy=Deploy(
        hosts=("root@www.example.com", "root@b.example.com:/srv/other"),
        group=(Group("staging", ("root@staging.example.com",), ("staging.example.com",)),),
    ),
)


@pytest.mark.parametrize(
    ("text", "destination", "directory"),
    [
        ("root@host", "root@host", "/srv/blog"),
        ("host:/srv/shop", "host", "/srv/shop"),
        ("me@10.0.0.1:/opt/a", "me@10.0.0.1", "/opt/a"),
        ("root@[fd00::1]:/srv/x", "root@fd00::1", "/srv/x"),
        ("[fd00::1]", "fd00::1", "/srv/blog"),
        ("host:/srv//b", "host", "/srv/b"),
        ("host://srv/b/", "host", "/srv/b"),
        ("host:/srv/./b/../c/", "host", "/srv/c"),
    ],
)
def test_a_target_is_what_ssh_is_given_and_a_folder(text, destination, directory):
    assert parse(text, "blog") == Target(destination, directory)


@pytest.mark.parametrize(
    "text", ["-oProxyCommand=x", "root@-h", "root@host:srv", "a b", "host:/srv/a'b", "root@", ""]
)
def test_what_is_no_host_is_refused_before_ssh_sees_it(text):
    with pytest.raises(UsageError, match="is not a host for ssh"):
        parse(text, "blog")


@pytest.mark.parametrize("text", ["root@[fd00::1]:/srv/x", "[fd00::1]:/srv/x", "root@host:/srv/x"])
def test_a_target_is_printed_as_it_can_be_given_again(text):
    target = parse(text, "blog")
    assert str(target) == text
    assert parse(f"{target.host}:/srv/x", "blog") == target


def test_one_folder_has_one_lock():
    assert parse("h:/srv//b/", "").lock == parse("h:/srv/b", "").lock


@pytest.mark.parametrize("text", ["root@host:/srv/..", "root@host:/."])
def test_the_root_of_a_host_is_no_folder_for_a_deployment(text):
    with pytest.raises(UsageError, match=r"root@host:/srv/blog"):
        parse(text, "blog")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("root@host:2222", "set the port in ~/.ssh/config (Host host, Port 2222) and write root@host"),
        ("host:2222/srv/b", "set the port in ~/.ssh/config (Host host, Port 2222) and write host:/srv/b"),
        ("ssh://root@host", "folder or without: root@www.example.com:/srv/blog; write root@host"),
        (
            "ssh://root@[fd00::1]:22/srv/b",
            "set the port in ~/.ssh/config (Host fd00::1, Port 22) and write root@[fd00::1]:/srv/b",
        ),
    ],
)
def test_a_port_belongs_into_the_configuration_of_ssh(text, remedy):
    with pytest.raises(UsageError) as caught:
        parse(text, "blog")
    assert str(caught.value).endswith(remedy)


def test_without_words_the_hosts_of_the_manifest_are_meant_in_their_order():
    assert [str(one) for one in choose(APP, [])] == [
        "root@www.example.com:/srv/blog",
        "root@b.example.com:/srv/other",
    ]


def test_a_group_brings_its_own_domains_and_the_command_line_goes_before_them():
    (staging,) = choose(APP, ["staging"])
    assert (str(staging), staging.domains) == ("root@staging.example.com:/srv/blog", ("staging.example.com",))
    (other,) = choose(APP, ["staging"], ("test.example.com",))
    assert other.domains == ("test.example.com",)


def test_an_unknown_group_is_an_error_that_lists_those_there_are():
    with pytest.raises(UsageError) as caught:
        choose(APP, ["production"])
    assert "Groups in nuwa.toml: staging" in str(caught.value)
    assert "production:/srv/blog" in str(caught.value)


def test_without_any_host_the_remedy_is_a_whole_command():
    with pytest.raises(UsageError, match=r"nuwa deploy root@www\.example\.com:/srv/shop"):
        choose(App(AppSection("shop"), Server("a:b")), [])


def test_where_it_is_deployed_to_is_no_part_of_the_image():
    bare = APP.for_image()
    assert (bare.deploy.hosts, bare.deploy.group, bare.deploy.registry) == ((), (), "")
    assert bare.deploy.drain == APP.deploy.drain
    assert bare == App(APP.app, APP.server).for_image()
