"""An agent's way from its start to its end: at once, or with grace."""

from __future__ import annotations

import asyncio
import time

from .connection.client_connection import ClientConnection
from .connection.ends import error_of, not_connected
from .connection.keys import KeyLoader
from .connection.manager_port import AgentManagerPort
from .connection.state import AgentState, StateChange, is_final
from .errors import AgentHeartbeatError
from .event_loop import EventLoop
from .messaging.activity_reporter import ActivityReporter
from .messaging.messaging import Messaging
from .tasks import Tasks, first_of


class Lifecycle:
    """`drain_timeout` is how long a drain waits for handlers, in seconds."""

    def __init__(
        self,
        agent_id: str,
        *,
        loop: EventLoop,
        keys: KeyLoader,
        connection: ClientConnection[AgentManagerPort],
        messaging: Messaging,
        activity: ActivityReporter,
        drain_timeout: float,
    ) -> None:
        self._agent_id = agent_id
        self._loop = loop
        self._keys = keys
        self._connection = connection
        self._messaging = messaging
        self._activity = activity
        self._drain_timeout = drain_timeout
        self._stop_cause: str | None = None
        self._draining: asyncio.Task[None] | None = None
        self._signalled = False
        self._tasks = Tasks()
        self.state: AgentState = "idle"
        self.is_ready = False
        """Connected, with all subscriptions in place."""
        self.end: StateChange | None = None
        """The last change of state."""
        self.ended = asyncio.Event()

    async def begin(self) -> None:
        """Connects, however often it is called. What was stopped before ends at once.

        Raises KeyError if the private key is unusable.
        """
        if not self._loop.enter() and not is_final(self.state):
            raise AgentHeartbeatError(f"{self._agent_id}: expected one event loop, got a second one")
        if self._connection.manager:
            return
        # A key that can't be used is reported at once, before anything is tried.
        await self._keys.check()
        if self._connection.manager:
            return
        if self._stop_cause:
            self.state = "stopped"
            self.end = StateChange("stopped", "idle", self._stop_cause, time.time())
            self.ended.set()
            return
        self._connection.open().start()

    def entered(self, change: StateChange) -> None:
        """The connection's state has changed. After the last change, whoever reports it sets `ended`."""
        self.state = change.state
        if change.state == "reconnecting" or change.reason == "superseded" or is_final(change.state):
            self.is_ready = False
        if change.state == "draining" and change.reason == "superseded":
            self.begin_drain(superseded=True)
        if is_final(change.state):
            self._messaging.end()
            self.end = change

    def error_of_end(self) -> AgentHeartbeatError:
        """Why there is no connection."""
        failure = self.end.failure if self.end else None
        return error_of(self._agent_id, failure) if failure else not_connected(self._agent_id)

    async def stop(self) -> None:
        """Leaves running handlers to themselves, but has the answer of one that has called `drain()` sent first."""
        if self._messaging.is_leaving:
            return
        self._messaging.close()
        await self._stop("stop")

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
        if self._connection.manager and not self.ended.is_set():
            await first_of(self.ended.wait(), self._messaging.idle(), timeout=self._drain_timeout)
        await self._stop("drained")

    async def _stop(self, cause: str) -> None:
        """Returns when it has ended. What has not begun never does."""
        self._stop_cause = self._stop_cause or cause
        if self._connection.manager:
            self._connection.manager.stop(self._stop_cause)
            await self.ended.wait()
