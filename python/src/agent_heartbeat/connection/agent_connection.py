"""An agent's connection, from its first start to its end: its manager, its state, and what is asked on it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence

from ..errors import AgentHeartbeatError
from ..messaging.requests import Requests
from ..protocol import Message
from .ends import error_of, not_connected
from .keys import KeyLoader
from .manager_port import AgentManagerPort
from .state import AgentState, StateChange, is_final


class AgentConnection:
    """Belongs to one event loop, that of the first start."""

    def __init__(self, agent_id: str, keys: KeyLoader, create_manager: Callable[[], AgentManagerPort]) -> None:
        self._agent_id = agent_id
        self._keys = keys
        self._create_manager = create_manager
        self._requests = Requests()
        self._patterns: Sequence[str] = ()
        self._stop_cause: str | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: int | None = None
        """The event loop's."""
        self.manager: AgentManagerPort | None = None
        self.state: AgentState = "idle"
        self.is_ready = False
        """Connected, with every subscription in place."""
        self.end: StateChange | None = None
        """The last change of state."""
        self.ended = asyncio.Event()

    async def begin(self) -> None:
        """Starts once, however often it is called. Raises KeyError if there is no usable key."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            self._thread = threading.get_ident()
        elif self._loop is not loop and not is_final(self.state):
            raise AgentHeartbeatError(f"{self._agent_id}: expected one event loop, got a second one")
        if self.manager:
            return
        # A key that can't be used is told at once, before anything is tried.
        await self._keys.check()
        if self.manager:
            return
        if self._stop_cause:
            self.state = "stopped"
            self.end = StateChange("stopped", "idle", self._stop_cause, time.time())
            self.ended.set()
            return
        self.manager = self._create_manager()
        self.manager.set_subscriptions(self._patterns)
        self.manager.start()

    async def stop(self, cause: str) -> None:
        """Returns when it has ended. What has not begun never does."""
        self._stop_cause = self._stop_cause or cause
        if self.manager:
            self.manager.stop(self._stop_cause)
            await self.ended.wait()

    def set_subscriptions(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns
        if self.manager:
            self.manager.set_subscriptions(patterns)

    def note(self, change: StateChange) -> None:
        """The manager has changed its state. After the last change, whoever hears of it sets `ended`."""
        self.state = change.state
        if change.state == "reconnecting" or change.reason == "superseded" or is_final(change.state):
            self.is_ready = False
        if is_final(change.state):
            self.fail_requests()
            self.end = change

    def error_of_end(self) -> AgentHeartbeatError:
        """Why it has ended, or is not connected."""
        failure = self.end.failure if self.end else None
        return error_of(self._agent_id, failure) if failure else not_connected(self._agent_id)

    async def request(self, message: Message, timeout: float) -> Message:
        """Sends a message with a fresh `id`, and waits for its reply. Raises ConnectionError without a connection."""
        manager = self.manager
        if manager is None or is_final(self.state):
            raise not_connected(self._agent_id)
        return await self._requests.request(message, timeout, manager.send)

    def settle(self, message: Message) -> bool:
        """Returns whether the message was a reply that is waited for."""
        return self._requests.settle(message)

    def fail_requests(self, request_id: object = None) -> None:
        """Fails one request, or all of them: no reply can come any more."""
        self._requests.fail(not_connected(self._agent_id), request_id)

    def call(self, callback: Callable[[], None]) -> None:
        """Calls back in the event loop's thread, once there is a manager. May be called from every thread."""
        if self._loop is None or self.manager is None:
            return
        if threading.get_ident() == self._thread:
            callback()
        else:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(callback)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Calls back in the next turn of the event loop, in whose thread it is to be called."""
        if self._loop:
            self._loop.call_soon(callback)
