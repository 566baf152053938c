"""What is known of a host, and which hosts are refused before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from nuwa.errors import RemoteError
from nuwa.manifest.model import App, AppSection, Server
from nuwa.remote import host
from nuwa.remote.target import Target

APP = App(AppSection("blog"), Server("blog:app"))
TARGET = Target("root@h", "/srv/blog")
FRESH = "machine\tx86_64\nID\tdebian\nVERSION_ID\t13\n"


class Answering:
    """A host that answers `look` with a text."""

    target = TARGET

    def __init__(self, text: str) -> None:
        self.text = text

    def run(self, script: str, *words: str):
        assert (script, words[0]) == ("look", "/srv/blog")
        return SimpleNamespace(stdout=self.text)


def seen(text: str = FRESH) -> host.HostState:
    return host.look(Answering(text), APP)  # type: ignore[arg-type]


def test_a_fresh_host_is_taken():
    state = seen()
    host.check(state, APP, "amd64")
    assert (state.is_new, state.app, state.architecture) == (True, "", "amd64")


def test_a_deployment_is_recognised_with_all_that_it_has():
    state = seen(
        FRESH + "app\tblog\nscripts\tabc\nrelease\tabc\nactive\tyes\nsite\tyes\n"
        "domain\ta.example.com\ndomain\tb.example.com\nsecret\tSECRET_KEY\n"
    )
    assert state.serves("abc")
    assert not state.serves("def")
    assert state.domains == ("a.example.com", "b.example.com")
    assert host.missing_secrets(("SECRET_KEY", "OTHER"), state) == ["OTHER"]


@pytest.mark.parametrize("change", [{"active": False}, {"unfinished": True}, {"scripts": "old"}])
def test_what_is_not_settled_is_not_left_alone(change):
    state = seen(FRESH + "scripts\tabc\nrelease\tabc\nactive\tyes\n")
    assert state.serves("abc")
    assert not replace(state, **change).serves("abc")


def test_the_folder_of_another_app_is_refused():
    with pytest.raises(RemoteError, match="the deployment of shop, not of blog"):
        host.check(seen(FRESH + "app\tshop\n"), APP, "")
    with pytest.raises(RemoteError, match="not empty, and no deployment"):
        host.check(seen(FRESH + "app\t?\n"), APP, "")


def test_an_image_for_another_processor_is_refused_with_a_remedy():
    arm = seen(FRESH.replace("x86_64", "aarch64"))
    with pytest.raises(RemoteError) as caught:
        host.check(arm, APP, "amd64")
    assert "nuwa deploy --build-on root@h root@h:/srv/blog" in str(caught.value)
    assert "nuwa deploy --platform linux/arm64 root@h:/srv/blog" in str(caught.value)
    other = seen(FRESH.replace("x86_64", "s390x"))
    with pytest.raises(RemoteError) as caught:
        host.check(other, APP, "amd64")
    assert "--platform" not in str(caught.value)


def test_what_is_missing_is_listed_with_the_command_of_the_distribution():
    debian = seen(FRESH + "lacks\tpodman\nlacks\tss\nlacks\tcrond\n")
    assert debian.lacks == ("podman", "ss")  # crond is Rocky's
    with pytest.raises(RemoteError) as caught:
        host.check(debian, APP, "")
    assert "apt-get install --no-install-recommends iproute2 podman" in str(caught.value)
    assert "nuwa deploy --prepare root@h:/srv/blog" in str(caught.value)


def test_packages_from_elsewhere_bring_their_repository_along():
    rocky = seen("machine\tx86_64\nID\trocky\nVERSION_ID\t9.4\nlacks\tmonit\n")
    assert rocky.remedy == "dnf install -y epel-release && crb enable && dnf install monit"


def test_an_unknown_distribution_is_named():
    with pytest.raises(RemoteError, match="root@h: arch  is not supported as a host"):
        seen("ID\tarch\n")
