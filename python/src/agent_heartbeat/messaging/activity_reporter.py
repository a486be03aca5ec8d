"""Reports what an agent's handlers are at to its connection, for the heartbeats to say."""

from __future__ import annotations

import asyncio
import time

from ..connection.client_connection import ClientConnection
from ..connection.manager_port import AgentManagerPort
from ..event_loop import EventLoop
from .work import Work

_PROGRESS = 0.25
"""How long progress may wait to be sent, in seconds."""


class ActivityReporter:
    def __init__(self, work: Work, connection: ClientConnection[AgentManagerPort], loop: EventLoop) -> None:
        self._work = work
        self._connection = connection
        self._loop = loop
        self._is_due = False
        self._sent_at = 0.0
        self.draining = False

    def changed(self) -> None:
        """A handler was started, has advanced, or has ended. May be called from every thread."""
        if self._connection.manager:
            self._loop.call(self._refresh)

    async def activity_sent(self) -> None:
        """Until heartbeats say what has begun: its code may never give the event loop back."""
        if self._is_due:
            await asyncio.sleep(0)
        if self._connection.manager:
            await self._connection.manager.activity_sent()

    def send(self) -> None:
        self._sent_at = time.monotonic()
        if self._connection.manager:
            self._connection.manager.set_activity(self._work.activity(self.draining))

    def _refresh(self) -> None:
        """Once a turn, however many handlers begin and end in it."""
        # Work that never lets go of the event loop would have its progress wait for its own end.
        if self._is_due and time.monotonic() - self._sent_at >= _PROGRESS:
            self.send()
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._send_due)

    def _send_due(self) -> None:
        self._is_due = False
        self.send()
