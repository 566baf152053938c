import socket
from collections.abc import Iterator

import pytest

from nuwa.errors import LabError
from nuwa.lab import ports


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_that_somebody_listens_on_is_not_free(listener: int) -> None:
    assert not ports.is_free(listener)


def test_the_next_port_is_chosen_when_the_preferred_one_is_taken(listener: int) -> None:
    assert listener < ports.choose({443: listener}, ())[443] < listener + ports.TRIES


def test_a_port_of_a_stopped_host_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: True)
    assert ports.choose(ports.PREFERRED, {8443, 8444, 8080}) == {443: 8445, 80: 8081}


def test_no_free_port_says_which_were_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: False)
    with pytest.raises(LabError, match="8443 to 8542"):
        ports.choose(ports.PREFERRED, ())
