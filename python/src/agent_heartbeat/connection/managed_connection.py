"""One connection on its way from first handshake to close, with its heartbeat, subscriptions and times."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..protocol import Message
from ..wire import decode, encode
from .heartbeat import Heartbeat
from .runtime import Socket
from .subscriptions import Subscriptions

_MAX_BUFFERED = 128 * 1024
"""A heartbeat is left out while more than this waits in the socket: it would be stale on arrival."""


class ManagedConnection:
    """All times are by the monotonic clock, in seconds."""

    def __init__(
        self,
        on_opened: Callable[[ManagedConnection], None],
        on_message: Callable[[ManagedConnection, Message], None],
        on_ended: Callable[[ManagedConnection, Any], None],
        started_at: float,
        rotate_at: float,
        random: Callable[[], float],
        answer_timeout: float,
    ) -> None:
        self._on_opened = on_opened
        self._on_message = on_message
        self._on_ended = on_ended
        self.started_at = started_at
        self.rotate_at = rotate_at
        self.subscriptions = Subscriptions(self._send_quietly, random, answer_timeout)
        self.heartbeat: Heartbeat | None = None
        self.opened_at: float | None = None
        self.phase = "opening"
        """`opening`, `open`, `closing` or `ended`: nothing comes on it any more."""
        self.socket: Socket | None = None

    # Events of the socket.

    def opened(self) -> None:
        if self.phase == "opening":
            self.phase = "open"
            self._on_opened(self)

    def received(self, text: str | None) -> None:
        message = decode(text)
        if message is not None and self.phase != "ended":
            self._on_message(self, message)

    def ended(self, end: Any) -> None:
        if self.phase != "ended":
            self.terminate()
            self._on_ended(self, end)

    # What the manager does.

    def _send_quietly(self, message: Message) -> None:
        self.send(message)

    @property
    def is_open(self) -> bool:
        return self.phase == "open"

    @property
    def has_ended(self) -> bool:
        return self.phase == "ended"

    def send(self, message: Message) -> bool:
        """Returns whether the connection was open to take it."""
        if self.phase != "open" or self.socket is None:
            return False
        self.socket.send(encode(message))
        return True

    def close(self, code: int, reason: str) -> None:
        """Starts the closing handshake; messages still come until `ended`."""
        if self.phase != "open" or self.socket is None:
            self.terminate()
            return
        self.phase = "closing"
        self.socket.close(code, reason)

    def terminate(self) -> None:
        """Ends the connection at once and without a word, whatever its phase."""
        if self.phase == "ended":
            return
        self.phase = "ended"
        if self.socket is not None:
            self.socket.terminate()
            self.socket = None

    @property
    def awaited(self) -> str | None:
        """What it still waits for before it can be moved to; None if nothing."""
        if self.opened_at is None:
            return "private key" if self.socket is None else "handshake"
        if self.heartbeat is None or not self.heartbeat.acked:
            return "ack"
        return None if self.subscriptions.complete else "answer to its subscriptions"

    @property
    def is_ready(self) -> bool:
        """Whether it brings the messages that are wanted."""
        return self.is_open and self.subscriptions.complete

    def awaited_until(self, timeout: float) -> float:
        """When that has taken too long."""
        return (self.started_at if self.opened_at is None else self.opened_at) + timeout

    def stable_at(self, after: float) -> float:
        """From when on it counts as stable: open for long enough, and acknowledged."""
        if self.opened_at is None or (self.heartbeat and not self.heartbeat.acked):
            return math.inf
        return self.opened_at + after

    def subscribe(self, now: float) -> None:
        """Sends what is due of subscriptions."""
        if self.is_open:
            self.subscriptions.work(now)

    def send_heartbeat(self, now: float, activity: Callable[[], Message]) -> None:
        """Sends a heartbeat if one is due."""
        heartbeat = self.heartbeat
        if heartbeat is None or not self.is_open or heartbeat.next_at > now or not self.socket:
            return
        if self.socket.buffered > _MAX_BUFFERED:
            heartbeat.skipped(now)
            return
        ask = heartbeat.sent(now)
        self.send({"type": "heartbeat" if ask else "heartbeat_quiet", "activity": activity()})
