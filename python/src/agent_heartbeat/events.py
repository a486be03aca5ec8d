"""The events of an agent: for listeners, for an iterator of states, and for its log."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, Union

from .connection.ends import error_of
from .connection.state import Failure, StateChange, is_final
from .errors import AgentHeartbeatError, ConfigurationError
from .tasks import Tasks

Event = TypeVar("Event")


@dataclass(frozen=True)
class AttemptFailed:
    """A connection, or an attempt at one, failed."""

    failure: Failure
    error: AgentHeartbeatError
    attempts: int
    """Failures since the last stable connection."""
    retry_in: float | None
    """Seconds until the next attempt; None if there is none."""
    rotation: bool
    """Whether it was to replace a connection that goes on."""


@dataclass(frozen=True)
class HeartbeatAck:
    """The server renewed the lease. `round_trip` is in seconds, None where it could not be measured."""

    round_trip: float | None
    fencing_token: int
    """Greater than that of any process which had the agent id before, for stores that refuse writes of an older one.

    It grows with each ack.
    """


@dataclass(frozen=True)
class Rotated:
    """A connection was replaced before its time ran out."""


@dataclass(frozen=True)
class Ready:
    """Connected, with every subscription in place: emitted after each new connection."""


@dataclass(frozen=True)
class ClockSkew:
    """A refused login showed that the local clock is off, by so many seconds; positive: ahead of the server's."""

    clock_skew: float


@dataclass(frozen=True)
class HandlerError:
    """A handler raised, or what it answered could not be sent."""

    subject: str
    error: BaseException


@dataclass(frozen=True)
class MessageDropped:
    """A message was dropped before any handler received it.

    Too many are waiting (`queue_full`), its requester no longer waits (`expired`), or the agent ends (`ended`).
    """

    subject: str
    reason: str
    dropped: int
    """How many there were so far."""


@dataclass(frozen=True)
class ProtocolError:
    """The server sent an `error` that answers no request, or a frame that is not of the protocol."""

    message: str


AgentEvent = Union[
    StateChange,
    AttemptFailed,
    HeartbeatAck,
    Rotated,
    Ready,
    ClockSkew,
    HandlerError,
    MessageDropped,
    ProtocolError,
]
AgentEventName = Literal[
    "state",
    "attempt_failed",
    "heartbeat_ack",
    "rotated",
    "ready",
    "clock_skew",
    "handler_error",
    "message_dropped",
    "protocol_error",
]
Listener = Callable[[Any], Awaitable[None] | None]

NAMES: dict[type, str] = {
    StateChange: "state",
    AttemptFailed: "attempt_failed",
    HeartbeatAck: "heartbeat_ack",
    Rotated: "rotated",
    Ready: "ready",
    ClockSkew: "clock_skew",
    HandlerError: "handler_error",
    MessageDropped: "message_dropped",
    ProtocolError: "protocol_error",
}


class Emitter(Generic[Event]):
    """Calls listeners. One that raises, or whose coroutine does, is reported, and stops nothing."""

    def __init__(self, names: frozenset[str], log: Log) -> None:
        self._names = names
        self._log = log
        self._listeners: dict[str, dict[object, tuple[Listener, bool]]] = {}
        self._tasks = Tasks()

    def on(self, name: str, listener: Listener, once: bool = False) -> Callable[[], None]:
        """With `once` for the next event alone. Returns a function that takes the listener away again."""
        listeners = self._listeners_of(name, listener)
        key = object()
        listeners[key] = (listener, once)
        return lambda: void(listeners.pop(key, None))

    def off(self, name: str, listener: Listener) -> None:
        """Takes a listener away, however often it was added."""
        listeners = self._listeners_of(name, listener)
        for key, (known, _) in list(listeners.items()):
            # Each access to a method makes another object, which is equal.
            if known == listener:
                listeners.pop(key, None)

    def _listeners_of(self, name: str, listener: Listener) -> dict[object, tuple[Listener, bool]]:
        if name not in self._names:
            known = ", ".join(sorted(self._names))
            raise ConfigurationError(f"expected the name of an event ({known}), got {name!r}")
        if not callable(listener):
            raise ConfigurationError(f"expected a listener that can be called, got {listener!r}")
        return self._listeners.setdefault(name, {})

    def emit(self, name: str, event: Event) -> None:
        listeners = self._listeners.get(name, {})
        for key, (listener, once) in list(listeners.items()):
            # A listener before it may have caused a further event, which it was called for.
            if once and not listeners.pop(key, None):
                continue
            try:
                result = listener(event)
            except Exception as error:
                self._log.error("a listener of %s failed", name, error=error)
                continue
            if inspect.isawaitable(result):
                self._follow(name, result)

    def _follow(self, name: str, result: Awaitable[None]) -> None:
        async def wait() -> None:
            try:
                await result
            except Exception as error:
                self._log.error("a listener of %s failed", name, error=error)

        self._tasks.keep(wait())


class Log:
    """A logger that can't stop anything: it may raise, or be None."""

    def __init__(self, agent_id: str, logger: Any) -> None:
        self._agent_id = agent_id
        self._logger = logger

    def warning(self, text: str, *arguments: object) -> None:
        self._write("warning", text, arguments, None)

    def error(self, text: str, *arguments: object, error: BaseException | None = None) -> None:
        self._write("error", text, arguments, error)

    def _write(self, level: str, text: str, arguments: tuple[object, ...], error: BaseException | None) -> None:
        if self._logger is None:
            return
        try:
            getattr(self._logger, level)(f"%s: {text}", self._agent_id, *arguments, exc_info=error)
        except Exception:
            logging.getLogger("agent_heartbeat").debug("a logger failed", exc_info=True)


class Reporter:
    """Belongs to the event loop's thread."""

    def __init__(self, agent_id: str, logger: Any) -> None:
        self._agent_id = agent_id
        self.log = Log(agent_id, logger)
        self.emitter: Emitter[AgentEvent] = Emitter(frozenset(NAMES.values()), self.log)
        self._channels: set[asyncio.Queue[StateChange | None]] = set()
        self._dropped = 0

    def emit(self, event: AgentEvent) -> None:
        self.emitter.emit(NAMES[type(event)], event)

    def state_changes(self, ended: bool) -> AsyncIterator[StateChange]:
        channel: asyncio.Queue[StateChange | None] = asyncio.Queue()
        if ended:
            channel.put_nowait(None)
        else:
            # Here and not in the generator, which would begin with the first step of its reader.
            self._channels.add(channel)

        async def changes() -> AsyncIterator[StateChange]:
            try:
                while (change := await channel.get()) is not None:
                    yield change
            finally:
                self._channels.discard(channel)

        return changes()

    def state(self, change: StateChange) -> None:
        if change.state == "draining" and change.reason == "superseded":
            self.log.warning("another process with the same agent id has taken over; this one finishes its work")
        if change.state == "superseded":
            self.log.warning("another process with the same agent id has taken over; this one has stopped")
        self.emit(change)
        for channel in list(self._channels):
            channel.put_nowait(change)
            if is_final(change.state):
                channel.put_nowait(None)

    def attempt_failed(self, attempt: dict[str, Any]) -> None:
        failure = Failure(**attempt["failure"])
        error = error_of(self._agent_id, failure)
        retry_in = attempt["retry_in"]
        then = "" if retry_in is None else f"; trying again in {retry_in:.1f} s"
        text = str(error).removeprefix(f"{self._agent_id}: ") + then
        if failure.kind in ("refused", "conflict"):
            self.log.error("%s", text)
        else:
            self.log.warning("%s", text)
        self.emit(AttemptFailed(failure, error, attempt["attempts"], retry_in, attempt["rotation"]))

    def clock_skew(self, seconds: float) -> None:
        self.log.warning("the local clock is off by %d s; corrected", round(seconds))
        self.emit(ClockSkew(seconds))

    def handler_failed(self, subject: str, error: BaseException) -> None:
        self.log.error("a handler of %s failed", subject, error=error)
        self.emit(HandlerError(subject, error))

    def message_dropped(self, subject: str, reason: str) -> None:
        self._dropped += 1
        # The first, the tenth, the hundredth: a flood of messages must not become one of lines.
        if math.log10(self._dropped).is_integer():
            self.log.warning("a message on %s was dropped (%s); so far %d", subject, reason, self._dropped)
        self.emit(MessageDropped(subject, reason, self._dropped))

    def protocol_error(self, message: str) -> None:
        self.log.warning("%s", message)
        self.emit(ProtocolError(message))


def void(_: object) -> None:
    """For a callback whose result is ignored."""
