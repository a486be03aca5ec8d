"""The same agents for programs without an event loop: every method waits, and returns what it is waited for.

The loop runs in a thread of its own. Handlers run there too if they are coroutine functions, else in threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Literal, TypeVar

from . import heartbeat_agent as agents
from . import http_client
from .agent import Agent, RunEnd
from .connection.health import ConnectionHealth
from .connection.state import AgentState
from .events import AgentEventName, Listener
from .protocol import Message
from .signals import on_signals

Result = TypeVar("Result")
_Self = TypeVar("_Self", bound="_BlockingAgent")


class _BlockingAgent:
    _kind: Callable[..., Agent]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """The arguments of the class of the same name in `agent_heartbeat`."""
        self._signals = tuple(options.get("signals", (signal.SIGTERM, signal.SIGINT)))
        self._agent = self._kind(*arguments, **options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.RLock()
        self._calls = 0
        """How many threads wait for the loop: it ends when the last one has been answered."""
        self._agent.on("state", lambda _: self._settle())

    @property
    def agent_id(self) -> str:
        return self._agent.agent_id

    @property
    def organization_id(self) -> str:
        return self._agent.organization_id

    @property
    def instance_id(self) -> str:
        return self._agent.instance_id

    @property
    def state(self) -> AgentState:
        """The agent's current state."""
        return self._agent.state

    def on_message(self, pattern: str, handler: Callable[..., Any] | None = None, **options: Any) -> Any:
        """See `Agent.on_message`."""
        if handler is None:
            return self._on_loop(lambda: self._agent.on_message(pattern, **options))
        remove = self._on_loop(lambda: self._agent.on_message(pattern, handler, **options))
        return lambda: self._on_loop(remove)

    def on(self, name: AgentEventName, listener: Listener) -> Callable[[], None]:
        """See `Agent.on`. The listener is called in the thread of the event loop."""
        return self._agent.on(name, listener)

    def once(self, name: AgentEventName, listener: Listener) -> Callable[[], None]:
        """See `Agent.once`."""
        return self._agent.once(name, listener)

    def off(self, name: AgentEventName, listener: Listener) -> None:
        """See `Agent.off`."""
        self._agent.off(name, listener)

    def publish(self, subject: str, data: Any = None, *, to: str | None = None, capability: str | None = None) -> int:
        """See `Agent.publish`."""
        return self._wait(self._agent.publish(subject, data, to=to, capability=capability))

    def request(
        self,
        subject: str,
        data: Any = None,
        *,
        to: str | None = None,
        capability: str | None = None,
        timeout: float | None = None,
        retries: int = 0,
    ) -> Any:
        """See `Agent.request`."""
        return self._wait(
            self._agent.request(subject, data, to=to, capability=capability, timeout=timeout, retries=retries)
        )

    def progress(self, note: str | None = None) -> None:
        """See `Agent.progress`."""
        self._agent.progress(note)

    def set_profile(self, capabilities: Sequence[str] | None = None, metadata: Mapping[str, Any] | None = None) -> None:
        """See `Agent.set_profile`."""
        self._on_loop(lambda: self._agent.set_profile(capabilities, metadata))

    def get_connection_health(self) -> ConnectionHealth:
        """See `Agent.get_connection_health`."""
        return self._agent.get_connection_health()

    def list(
        self,
        *,
        status: Literal["online", "offline"] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        profiles: bool = False,
    ) -> Message:
        """See `Agent.list`."""
        return self._wait(self._agent.list(status=status, cursor=cursor, limit=limit, profiles=profiles))

    def reconnect(self) -> None:
        """See `Agent.reconnect`."""
        self._on_loop(self._agent.reconnect)

    def start(self, timeout: float | None = None) -> None:
        """Connects and stays connected in the background: see `Agent.start`."""
        self._wait(self._agent.start(timeout))

    def run(self) -> RunEnd:
        """Stays connected until the agent ends: see `Agent.run`. In the main thread, signals drain it."""
        with self._on_duty() as loop:
            release = on_signals(self._signals, loop, self._agent._lifecycle.on_signal)
            try:
                return self._wait(self._agent.run())
            finally:
                release()

    def stop(self) -> None:
        """Ends at once: see `Agent.stop`."""
        self._wait(self._agent.stop())

    def drain(self) -> None:
        """Ends with grace: see `Agent.drain`."""
        self._wait(self._agent.drain())

    def __enter__(self: _Self) -> _Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.drain()
        else:
            self.stop()

    @contextlib.contextmanager
    def _on_duty(self) -> Iterator[asyncio.AbstractEventLoop]:
        """The loop, which goes on at least until the block ends."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                name = f"agent_heartbeat of {self.agent_id}"
                threading.Thread(target=_serve, args=(self._loop,), name=name, daemon=True).start()
            loop = self._loop
            self._calls += 1
        try:
            yield loop
        finally:
            with self._lock:
                self._calls -= 1
            self._settle()

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        with self._on_duty() as loop:
            return asyncio.run_coroutine_threadsafe(work, loop).result()

    def _on_loop(self, function: Callable[[], Result]) -> Result:
        """Calls a function where the agent lives; in this thread while it lives nowhere."""
        with self._lock:
            if self._loop is None:
                return function()

        async def call() -> Result:
            return function()

        return self._wait(call())

    def _settle(self) -> None:
        """Ends the loop of an agent that has ended, unless somebody waits for something: the last one ends it then."""
        with self._lock:
            if self._loop is not None and self._calls == 0 and self._agent.has_ended:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """Runs a loop until it is stopped, lets what is left on it end, and closes it."""

    async def finish() -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await loop.shutdown_asyncgens()

    loop.run_forever()
    loop.run_until_complete(finish())
    loop.close()


class HttpHeartbeatClient:
    """Shows that an agent lives, by one request for each heartbeat, without a connection. Any thread may call it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """The arguments of the class of the same name in `agent_heartbeat`."""
        self._client = http_client.HttpHeartbeatClient(*arguments, **options)
        self._lock = threading.Lock()

    @property
    def agent_id(self) -> str:
        return self._client.agent_id

    @property
    def organization_id(self) -> str:
        return self._client.organization_id

    @property
    def instance_id(self) -> str:
        return self._client.instance_id

    def send_heartbeat(self, activity: Mapping[str, Any] | None = None) -> Message:
        """See `HttpHeartbeatClient.send_heartbeat`."""
        return self._wait(self._client.send_heartbeat(activity))

    def leave(self, reason: Literal["client_closed", "drained"] = "client_closed") -> None:
        """See `HttpHeartbeatClient.leave`."""
        self._wait(self._client.leave(reason))

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        # In a thread of its own, so that it can be called where an event loop runs, as in a notebook.
        with self._lock, ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, work).result()


class HeartbeatAgent(_BlockingAgent):
    """An agent that stays connected and shows by its heartbeats that it lives."""

    _kind = agents.HeartbeatAgent


class SimpleAgent(_BlockingAgent):
    """The same without heartbeats and without reconnecting, for development."""

    _kind = agents.SimpleAgent
