"""Channels: each sends independently, so that one that does not answer does not delay the others."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from nuwa.agent import regular_files
from nuwa.agent.config import processes
from nuwa.agent.config.model import Channel
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.database import Database
from nuwa.agent.monitor import channel_messages, child, send
from nuwa.agent.monitor.outbox import Outbox, Waiting
from nuwa.agent.monitor.results import Finding
from nuwa.agent.schemas import ChannelState
from nuwa.errors import NuwaError, UsageError

log = logging.getLogger(__name__)

SEND_TIMEOUT_S = 30.0
"""Seconds that one message may take; then its process is stopped, and it counts as not sent."""
ROUND_S = 5.0
"""Seconds between two checks for messages that are due."""
MAX_PARALLEL = 2
"""Messages sent in parallel: each takes a process of 45 MB."""
MAX_URL_BYTES = 4096


class NotSent(NuwaError):
    """A message could not be sent."""


class Host(Protocol):
    """What channels need of the agent."""

    database: Database
    loaded: Loaded


class Channels:
    """Sends people the findings of the monitor, and the results of deploys."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._outbox = Outbox(host.database)
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._faults: dict[str, str] = {}
        self._places = asyncio.Semaphore(MAX_PARALLEL)

    @property
    def _channels(self) -> dict[str, Channel]:
        return dict(self._host.loaded.config.monitor.channels)

    async def run(self) -> None:
        """Send forever."""
        try:
            while True:
                try:
                    self._round()
                except NuwaError as error:
                    log.warning("alerts wait: %s", error)
                except Exception:
                    log.exception("alerts wait")
                await asyncio.sleep(ROUND_S)
        finally:
            for task in self._sending.values():
                task.cancel()

    def _round(self) -> None:
        now, channels = time.time(), self._channels
        self._outbox.collect(channels, now)
        for name, channel in channels.items():
            if name in self._sending:
                continue
            if items := self._outbox.due(name, now):
                task = asyncio.create_task(self._deliver(name, channel, items))
                self._sending[name] = task

    async def _deliver(self, name: str, channel: Channel, items: Sequence[Waiting]) -> None:
        """Send one message with all alerts that wait for a channel."""
        alerts = [item.alert for item in items]
        try:
            dropped = self._outbox.dropped[name]
            message = channel_messages.compose(alerts, socket.gethostname(), channel.time_zone, dropped)
            await self._send(channel, *message)
            self._outbox.sent(name, items, dropped)
            self._faults.pop(name, None)
        except NotSent as error:
            self._faults[name] = error.message
            log.warning("alerts could not be sent to channel %s: %s", name, error.message)
            self._failed(name, channel, items)
        except NuwaError as error:
            log.warning("channel %s: %s", name, error)
        except Exception:
            log.exception("channel %s", name)
            self._failed(name, channel, items)
        finally:
            self._sending.pop(name, None)

    def _failed(self, name: str, channel: Channel, items: Sequence[Waiting]) -> None:
        try:
            self._outbox.failed(name, channel, items, time.time())
        except NuwaError as error:
            log.warning("channel %s: %s", name, error)

    async def test(self, name: str) -> None:
        """Send a test message now, and wait for the result.

        Raises:
            UsageError: there is no such channel.
            NotSent: it could not be sent.
        """
        channels = self._channels
        if name not in channels:
            known = ", ".join(channels) or "none"
            raise UsageError(f"there is no channel {name!r}", hint=f"Known: {known} (monitor.channels)")
        host = socket.gethostname()
        try:
            await self._send(channels[name], f"{host}: test", f"Alerts of {host} are sent here.", "info")
        except NotSent as error:
            self._faults[name] = error.message
            raise
        self._faults.pop(name, None)

    def states(self) -> list[ChannelState]:
        """Every channel: how many alerts wait for it, and why the last message could not be sent."""
        waiting = self._outbox.waiting()
        return [
            {"name": name, "waiting": waiting.get(name, 0), "fault": self._faults.get(name, "")}
            for name in self._channels
        ]

    def findings(self) -> list[Finding]:
        """A check for each channel, so that the others report one that does not work."""
        return [
            Finding(
                f"channel {state['name']}",
                "channel",
                "",
                "failed" if state["fault"] else "ok",
                state["fault"] or "the last message was sent, or none was due yet",
            )
            for state in self.states()
        ]

    async def _send(self, channel: Channel, title: str, body: str, kind: str) -> None:
        """Send a message in a separate process.

        Raises:
            NotSent: it could not be sent, or took too long.
        """
        url = self._url(channel)
        message = {"url": url, "title": title, "body": body, "kind": kind}
        try:
            async with self._places:
                code, said = await child.run(message, SEND_TIMEOUT_S)
        except TimeoutError:
            raise NotSent(f"it did not answer within {SEND_TIMEOUT_S:g} s") from None
        if code != 0:
            reason = said or f"its process failed with exit code {code}"
            raise NotSent(send.without_secrets(reason, url), hint="nuwa log ci")

    def _url(self, channel: Channel) -> str:
        if not channel.url_file:
            return channel.url
        path = Path(processes.absolute(channel.url_file, self._host.loaded.base))
        try:
            return regular_files.read(path.resolve(), MAX_URL_BYTES).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
            hint = f"Write the channel's address to {path}, readable only by root."
            raise NotSent(f"{path} cannot be read: {reason}", hint=hint) from None
