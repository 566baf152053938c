import pytest

from nuwa.errors import LabError
from nuwa.lab.model import Host, HostState, Lab


def test_hosts_of_two_labs_never_share_a_name() -> None:
    mine, other = Lab().host(1), Lab("e2e").host(1)
    assert (mine.container, mine.volume) == ("nuwa-lab-1", "nuwa-lab-1-containers")
    assert (other.container, other.volume) == ("nuwa-lab-e2e-1", "nuwa-lab-e2e-1-containers")
    assert mine.lab.network != other.lab.network


@pytest.mark.parametrize("name", ["1", "a-1", "A", "x" * 21, "a b", "ä", "a\n"])
def test_a_name_that_could_clash_with_a_host_or_mislead_podman_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="not a name for a lab"):
        Lab(name)


@pytest.mark.parametrize(("word", "number"), [("", 1), ("host1", 1), ("2", 2), ("host12", 12)])
def test_a_host_is_found_by_name_or_number(word: str, number: int) -> None:
    assert Lab().find(word) == Host(Lab(), number)


@pytest.mark.parametrize("word", ["0", "host0", "host", "nuwa-lab-1", "-1", "1; rm"])
def test_a_word_that_names_no_host_is_refused_with_the_names_that_there_are(word: str) -> None:
    with pytest.raises(LabError, match="host1, host2"):
        Lab().find(word)


def test_the_address_of_a_site_names_the_port_only_where_it_must() -> None:
    host = Lab().host(1)
    assert (
        HostState(host, "running", "i", {443: 8443}).url("demo.localhost") == "https://demo.localhost:8443/"
    )
    assert HostState(host, "running", "i", {443: 443}).url("demo.localhost") == "https://demo.localhost/"
