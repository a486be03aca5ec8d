"""How an agent ends: at once, or with grace."""

from __future__ import annotations

import asyncio

from .connection.agent_connection import AgentConnection
from .messaging.activity_reporter import ActivityReporter
from .messaging.messaging import Messaging
from .tasks import Tasks, first_of


class Lifecycle:
    """`drain_timeout` is how long handlers may go on, in seconds."""

    def __init__(
        self, connection: AgentConnection, messaging: Messaging, activity: ActivityReporter, drain_timeout: float
    ) -> None:
        self._connection = connection
        self._messaging = messaging
        self._activity = activity
        self._drain_timeout = drain_timeout
        self._draining: asyncio.Task[None] | None = None
        self._signalled = False
        self._tasks = Tasks()

    async def stop(self) -> None:
        """Leaves running handlers to themselves, but has the answer of one that has called `drain()` sent first."""
        if self._messaging.is_leaving:
            return
        self._messaging.close()
        await self._connection.stop("stop")

    async def drain(self) -> None:
        """Returns when that is done; in a handler, when all others have finished, or wait here too."""
        draining = self.begin_drain()
        others = self._messaging.others_end()
        if others is None:
            await asyncio.shield(draining)
        else:
            await asyncio.wait({others, draining}, return_when=asyncio.FIRST_COMPLETED)

    async def drained(self) -> None:
        """Returns when a drain that has begun is done."""
        if self._draining:
            await self._draining

    def begin_drain(self, *, superseded: bool = False) -> asyncio.Task[None]:
        """Once. `superseded`: a newer process has the agent, so that heartbeats have nothing to say."""
        if self._draining is None:
            self._messaging.close()
            self._activity.draining = True
            if self._connection.manager and not superseded:
                self._activity.send()
                self._connection.manager.drain()
            self._draining = asyncio.ensure_future(self._finish())
        return self._draining

    def on_signal(self) -> None:
        # A drain may have begun without a signal: whoever sends a second one finds that it takes too long.
        if self._signalled:
            self._tasks.keep(self.stop())
        else:
            self._signalled = True
            self.begin_drain()

    async def _finish(self) -> None:
        ended = self._connection.ended
        if self._connection.manager and not ended.is_set():
            await first_of(ended.wait(), self._messaging.idle(), timeout=self._drain_timeout)
        await self._connection.stop("drained")
