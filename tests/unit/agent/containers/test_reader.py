"""The child process: what it asks podman-py, and what it makes of events."""

from __future__ import annotations

import queue
import weakref
from types import SimpleNamespace
from typing import Any

import pytest
from podman import api
from podman.errors import NotFound

from nuwa.agent.containers import reader
from nuwa.agent.containers.reader import Reader
from unit.agent.containers.test_state import inspected


class Podman:
    """podman-py's client, as far as it is used: it lists, inspects and tells events."""

    def __init__(self, *ids: str) -> None:
        self.ids = list(ids)
        self.gone: set[str] = set()
        self.asked: list[str] = []
        self.containers = SimpleNamespace(list=self._list, get=self._get)
        self.images = SimpleNamespace(get=lambda _: SimpleNamespace(attrs={"Size": 5}))
        self.filters: Any = None

    def _list(self, *, all: bool, filters: Any, sparse: bool) -> list[Any]:
        assert all
        assert sparse
        self.filters = filters
        return [SimpleNamespace(id=identity) for identity in self.ids]

    def _get(self, identity: str) -> Any:
        self.asked.append(identity)
        if identity in self.gone:
            raise NotFound("gone")
        return SimpleNamespace(attrs={**inspected(), "Id": identity, "Name": f"nuwa-{identity}"})


def test_only_containers_with_nuwas_label_are_asked_for():
    podman = Podman("a")
    (found,) = Reader(podman).read(None)
    assert podman.filters == {"label": "io.nuwa.app"}
    assert (found.name, found.image_size) == ("nuwa-a", 5)


def test_labels_of_images_are_not_kept():
    class Attributes(dict[str, Any]):
        pass

    podman = Podman("a")
    made: list[weakref.ref[Attributes]] = []

    def get(_: str) -> Any:
        attributes = Attributes(Size=5, Labels={"Setup": "x" * 60_000})
        made.append(weakref.ref(attributes))
        return SimpleNamespace(attrs=attributes)

    podman.images = SimpleNamespace(get=get)
    containers = Reader(podman)
    for _ in range(2):
        (found,) = containers.read(None)
        assert found.image_size == 5
    assert [reference() for reference in made] == [None]


def test_of_many_only_those_that_something_happened_to_are_inspected_again():
    podman = Podman(*(f"c{number}" for number in range(500)))
    containers = Reader(podman)
    assert len(containers.read(None)) == 500
    podman.asked.clear()
    podman.ids.append("new")
    assert len(containers.read({"c7", "unknown"})) == 501
    assert podman.asked == ["c7", "new"]


def test_what_goes_between_list_and_inspect_is_left_out():
    podman = Podman("a", "b")
    podman.gone = {"a"}
    assert [found.id for found in Reader(podman).read(None)] == ["b"]


def test_events_name_containers_of_nuwa_and_end_with_the_service():
    def events(*, decode: bool, filters: Any) -> Any:
        assert api.prepare_filters(filters) == '{"type": ["container"]}', "what podman's service is sent"
        yield {"Action": "died", "Actor": {"ID": "a", "Attributes": {"io.nuwa.app": "shop"}}}
        yield {"Action": "died", "Actor": {"ID": "of-others", "Attributes": {"io.nuwa": "1"}}}
        yield {"Action": "new kind", "Actor": {"ID": "known"}}
        yield {"Action": "new kind"}
        yield ["unknown"]
        yield {"Actor": {"ID": 5, "Attributes": {"io.nuwa.app": "shop"}}}
        raise ConnectionError("gone")

    found: queue.Queue[str | None] = queue.Queue()
    with pytest.raises(ConnectionError):
        reader.listen(SimpleNamespace(events=events), found, lambda identity: identity == "known")
    assert [found.get() for _ in range(found.qsize())] == ["a", "known", None]


def test_events_at_the_same_time_are_one_and_the_end_is_the_end():
    events: queue.Queue[str | None] = queue.Queue()
    for identity in ("a", "b", "a", None):
        events.put(identity)
    assert list(reader.touched(events)) == [None, {"a", "b"}]


def test_what_happens_during_a_reading_is_read_together_afterwards():
    events: queue.Queue[str | None] = queue.Queue()
    chosen = reader.touched(events)
    assert next(chosen) is None
    events.put("a")
    assert next(chosen) == {"a"}
    for identity in ("b", "c"):
        events.put(identity)
    assert next(chosen) == {"b", "c"}


def test_without_events_everything_is_listed_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reader, "READ_AGAIN_S", 0.01)
    chosen = reader.touched(queue.Queue())
    assert [next(chosen), next(chosen)] == [None, None]
