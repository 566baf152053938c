"""Reads containers from podman's service through podman-py, in a child process.

A separate process, because importing podman-py takes 15 MB and most of a second; it ends when nobody watches.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from podman import PodmanClient
from podman.errors import APIError, NotFound

from nuwa.agent.containers import state
from nuwa.agent.containers.state import Container
from nuwa.names import LABEL_APP

API = "4.3.0"
"""The API version to use: that of the oldest supported podman."""
TIMEOUT_S = 10
READ_AGAIN_S = 10.0
"""Seconds after which everything is listed again, in case an event was missed; also the heartbeat."""
EVENTS = {"type": "container"}
"""Not a list: podman-py would turn it into a string, which matches no event."""
REST_S = 0.1
"""Seconds after a read in which events are collected: the first is read at once, later ones together."""


class Reader:
    """Lists and inspects the containers with nuwa's label, and nothing else.

    Args:
        client: podman-py's.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._known: dict[str, Container] = {}
        self._images: dict[str, Any] = {}

    def read(self, touched: set[str] | None) -> list[Container]:
        """All containers.

        Args:
            touched: ids in events, which are inspected again together with new ones; None: inspect all.
        """
        listed = self._client.containers.list(all=True, filters={"label": LABEL_APP}, sparse=True)
        now = {}
        for found in listed:
            known = self._known.get(found.id)
            if known is None or touched is None or found.id in touched:
                known = self._inspect(found.id, known)
            if known:
                now[found.id] = known
        self._known = now  # at once, since the other thread checks meanwhile which are known
        return list(now.values())

    def knows(self, identity: str) -> bool:
        """Whether an id belongs to one of them."""
        return identity in self._known

    def _inspect(self, identity: str, before: Container | None) -> Container | None:
        try:
            attributes = self._client.containers.get(identity).attrs
        except NotFound:
            return None  # it was removed meanwhile
        image = attributes.get("Image")  # missing if the container's root is a folder
        found = state.parse(attributes, self._image(image) if image else None)
        return state.after(before, found) if found else None

    def _image(self, identity: str) -> Any:
        if identity not in self._images:
            try:
                found = self._client.images.get(identity).attrs
            except (APIError, NotFound):
                return None
            # Without labels, which hold the scripts of a release: this is kept as long as the agent runs.
            self._images[identity] = {key: found.get(key) for key in ("Created", "Size")}
        return self._images[identity]


def listen(client: Any, into: queue.Queue[str | None], is_known: Callable[[str], bool]) -> None:
    """Queue the id of each container of nuwa's in an event; None at the end.

    podman's own filter of events does not accept a key without a value (seen with 4.3 and 5.4).
    """
    try:
        for event in client.events(decode=True, filters=EVENTS):
            actor = event.get("Actor") if isinstance(event, dict) else None
            actor = actor if isinstance(actor, dict) else {}
            identity, labels = actor.get("ID"), actor.get("Attributes")
            is_ours = isinstance(labels, dict) and LABEL_APP in labels
            if isinstance(identity, str) and (is_ours or is_known(identity)):
                into.put(identity)
    finally:
        into.put(None)  # after any error, so that the main thread ends too


def touched(events: queue.Queue[str | None]) -> Iterator[set[str] | None]:
    """The ids to read again, whenever a read is due; ends with the events."""
    yield None
    while True:
        try:
            first = events.get(timeout=READ_AGAIN_S)
        except queue.Empty:
            yield None
            continue
        found = [first]
        while not events.empty():
            found.append(events.get())
        yield {identity for identity in found if identity}
        if None in found:
            return
        time.sleep(REST_S)


def follow(socket: str) -> Iterator[list[Container]]:
    """All containers, after each event, until podman's service ends."""
    url = f"unix://{socket}"
    events: queue.Queue[str | None] = queue.Queue()
    listening = PodmanClient(base_url=url, version=API, timeout=None)
    reader = Reader(PodmanClient(base_url=url, version=API, timeout=TIMEOUT_S))
    threading.Thread(target=listen, args=(listening, events, reader.knows), daemon=True).start()
    return (reader.read(chosen) for chosen in touched(events))
