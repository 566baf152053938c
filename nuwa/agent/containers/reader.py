"""What podman's service says of containers, asked through podman-py, in a child process.

A process of its own: podman-py costs 15 MB and most of a second to import, which is gone when nobody watches.
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
"""The version of the API that is spoken: that of the oldest podman that hosts have."""
TIMEOUT_S = 10
READ_AGAIN_S = 10.0
"""Seconds after which everything is listed again, in case an event was missed; also the sign of life."""
EVENTS = {"type": "container"}
"""podman-py makes a text of a list here, which matches no event."""
REST_S = 0.1
"""Seconds after a reading in which events are gathered: the first is read at once, and many cost little."""


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
            touched: ids that events named, which are inspected again with those that are new; None: all are.
        """
        listed = self._client.containers.list(all=True, filters={"label": LABEL_APP}, sparse=True)
        now = {}
        for found in listed:
            known = self._known.get(found.id)
            if known is None or touched is None or found.id in touched:
                known = self._inspect(found.id, known)
            if known:
                now[found.id] = known
        self._known = now  # at once: the other thread asks meanwhile which are known
        return list(now.values())

    def knows(self, identity: str) -> bool:
        """Whether it is one of them."""
        return identity in self._known

    def _inspect(self, identity: str, before: Container | None) -> Container | None:
        try:
            attributes = self._client.containers.get(identity).attrs
        except NotFound:
            return None  # it has gone meanwhile
        image = attributes.get("Image")  # there is none where a folder is the container's root
        found = state.parse(attributes, self._image(image) if image else None)
        return state.after(before, found) if found else None

    def _image(self, identity: str) -> Any:
        if identity not in self._images:
            try:
                found = self._client.images.get(identity).attrs
            except (APIError, NotFound):
                return None
            # Not its labels, which hold the scripts of a release: this lives as long as the agent.
            self._images[identity] = {key: found.get(key) for key in ("Created", "Size")}
        return self._images[identity]


def listen(client: Any, into: queue.Queue[str | None], is_known: Callable[[str], bool]) -> None:
    """Put the id of each container of nuwa's of which podman reports something; None at the end.

    podman's own filter of events takes no key without its value (seen with 4.3 and 5.4).
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
        into.put(None)  # whatever it was, the main thread has to end with it


def touched(events: queue.Queue[str | None]) -> Iterator[set[str] | None]:
    """What to read again, each time that it is time to; it ends with the events."""
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
    """All containers, each time that something happened, until podman's service ends."""
    url = f"unix://{socket}"
    events: queue.Queue[str | None] = queue.Queue()
    listening = PodmanClient(base_url=url, version=API, timeout=None)
    reader = Reader(PodmanClient(base_url=url, version=API, timeout=TIMEOUT_S))
    threading.Thread(target=listen, args=(listening, events, reader.knows), daemon=True).start()
    return (reader.read(chosen) for chosen in touched(events))
