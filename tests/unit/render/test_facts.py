"""What a host says about itself is taken key by key, or refused with the key's name."""

from __future__ import annotations

import json

import pytest

from nuwa.render import facts
from nuwa.render.distributions import DISTRIBUTIONS, find
from nuwa.render.facts import FactsError
from unit.render.sample import FACTS, host


@pytest.mark.parametrize("name", FACTS)
def test_a_missing_key_is_named(name: str):
    rest = {key: value for key, value in FACTS.items() if key != name}
    with pytest.raises(FactsError, match=f"fact {name} is missing"):
        facts.read(json.dumps(rest))


@pytest.mark.parametrize("name", ["certificate", "key", "self_signed"])
def test_a_missing_key_of_the_certificate_is_named(name: str):
    rest = {key: value for key, value in FACTS["tls"].items() if key != name}
    with pytest.raises(FactsError, match=rf"fact tls\.{name} is missing"):
        host(tls=rest)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schema", 2),
        ("distribution", "arch"),
        ("distribution", 13),
        ("release", 7),
        ("directory", "relative"),
        ("directory", "/srv/a:b"),
        ("directory", "/srv/$HOME"),
        ("directory", '/srv/"'),
        ("directory", "/srv/a\nb"),
        ("image", "latest"),
        ("slot", "red"),
        ("port", 0),
        ("port", "18000"),
        ("port", True),
        ("domains", "blog.example.com"),
        ("domains", ["a b"]),
        ("domains", ["*.example.com"]),
        ("domains", ["a;b"]),
        ("podman", "unknown"),
        ("nginx_modules", [1]),
        ("monit", "yes"),
        ("cgroup", 3),
        ("memory", 0),
    ],
)
def test_a_wrong_value_is_named(name: str, value: object):
    with pytest.raises(FactsError, match=f"fact {name}: "):
        host(**{name: value})


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_what_is_no_object_is_refused(text: str):
    with pytest.raises(FactsError, match="the facts are not"):
        facts.read(text)


def test_a_newer_host_may_know_more():
    assert host(weather="fine").port == 18000


def test_values_are_taken_as_what_they_are():
    found = host(
        image="sha256:" + "0" * 64, podman="5.4.2-dev", nginx="", domains=["Bücher.example", "b.example"]
    )
    assert found.image == "0" * 64
    assert found.podman == (5, 4, 2)
    assert found.nginx == ()
    assert found.domains == ("xn--bcher-kva.example", "b.example")
    assert found.host == "xn--bcher-kva.example"


def test_each_replica_of_a_slot_has_a_place_and_a_port():
    found = host(replica_ports=[18001, 18007]).of_replicas(3)
    assert [(own.slot, own.port, own.replica) for own in found] == [
        ("blue", 18000, 1),
        ("blue_2", 18001, 2),
        ("blue_3", 18007, 3),
    ]
    with pytest.raises(FactsError, match="fact replica_ports: 2 ports are needed, for 3 replicas"):
        host(replica_ports=[18001]).of_replicas(3)


def test_before_a_site_exists_the_host_is_localhost():
    assert host(domains=[]).host == "localhost"


@pytest.mark.parametrize(
    ("distribution", "release", "key"),
    [("debian", "12", "debian12"), ("rocky", "9.6", "rocky9"), ("almalinux", "8.10", "rocky8")],
)
def test_distributions_are_found_by_what_os_release_says(distribution: str, release: str, key: str):
    assert find(distribution, release) is DISTRIBUTIONS[key]


def test_an_unknown_distribution_is_refused_with_those_that_are_known():
    with pytest.raises(KeyError, match=r"Debian 12, Debian 13, Rocky Linux 8"):
        find("debian", "11")


@pytest.mark.parametrize(
    ("text", "reason"), [('["a b"]', "a b"), ("[1]", "not a string"), ("{}", "not a list")]
)
def test_domains_that_are_none_are_refused(text: str, reason: str):
    with pytest.raises(FactsError, match=reason):
        facts.domains(text)
