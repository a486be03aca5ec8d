"""What an application holds: handlers, events, requests, and the way an agent starts and ends."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, TypeVar, cast, overload

from .connection.client_connection import ClientConnection
from .connection.ends import error_of
from .connection.health import ConnectionHealth, health_before, judge_health
from .connection.keys import KeyLoader
from .connection.manager_options import ManagerOptions
from .connection.manager_port import AgentManagerPort, Emit
from .connection.state import AgentState, StateChange, is_final
from .errors import AgentHeartbeatError, ConnectionError
from .event_loop import EventLoop
from .events import AgentEventName, HeartbeatAck, Listener, Ready, Reporter, Rotated
from .fleet.agent_fleet import AgentFleet
from .lifecycle import Lifecycle
from .messaging.activity_reporter import ActivityReporter
from .messaging.messaging import Messaging
from .messaging.profile import ProfilePublisher, profile_of
from .messaging.tracing import Tracer, Tracing
from .messaging.work import Work
from .options import within
from .protocol import Message, Profile
from .signals import on_signals
from .tasks import Tasks, first_of

RunEnd = Literal["stop", "drained", "superseded"]
"""How an agent that was running came to its end."""

_DRAIN_SUBJECT = "agent.drain"

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Self = TypeVar("_Self", bound="Agent")


@dataclass(frozen=True)
class AgentOptions:
    """The options of an agent, checked, and what they have it use. Times are in seconds."""

    manager: ManagerOptions
    create_manager: Callable[[Emit], AgentManagerPort]
    keys: KeyLoader
    reporter: Reporter
    profile: Profile | None
    tracing: Tracing | None
    message_concurrency: int
    message_queue: int
    remote_drain: bool
    drain_timeout: float
    request_timeout: float
    signals: Sequence[int]


class Agent:
    """What `HeartbeatAgent` and `SimpleAgent` have in common. Make one of those."""

    def __init__(self, options: AgentOptions) -> None:
        login = options.manager.login
        self.agent_id: str = login["sub"]
        self.organization_id: str = login["org"]
        self.instance_id: str = login["instance_id"]
        """Identifies this process among all processes of the agent."""
        self._options = options
        self._reporter = options.reporter
        self._tasks = Tasks()
        self._fleet: AgentFleet | None = None
        self._connection = ClientConnection(self.agent_id, options.create_manager, self._on_event)
        self._profile = ProfilePublisher(
            options.profile,
            lambda message: self._connection.request(message, options.request_timeout),
            lambda error: self._reporter.log.warning("%s", error),
        )
        work = Work()
        loop = EventLoop()
        activity = ActivityReporter(work, self._connection, loop)
        self._messaging = Messaging(
            self.agent_id,
            concurrency=options.message_concurrency,
            queue=options.message_queue,
            request_timeout=options.request_timeout,
            work=work,
            activity=activity,
            reporter=self._reporter,
            tracer=Tracer(self.agent_id, options.tracing, self._reporter.log),
            ask=self._connection.request,
            subscribed=self._subscribed,
        )
        self._lifecycle = Lifecycle(
            self.agent_id,
            loop=loop,
            keys=options.keys,
            connection=self._connection,
            messaging=self._messaging,
            activity=activity,
            drain_timeout=options.drain_timeout,
        )

    # What an application asks and says.

    @property
    def state(self) -> AgentState:
        """The agent's current state."""
        return self._lifecycle.state

    @property
    def has_ended(self) -> bool:
        """Whether it is stopped or superseded, so that it does not connect again."""
        return is_final(self._lifecycle.state)

    @overload
    def on_message(
        self, pattern: str, *, group: str | None = ..., concurrency: int = ..., max_silence: float | None = ...
    ) -> Callable[[_Function], _Function]: ...
    @overload
    def on_message(
        self,
        pattern: str,
        handler: Callable[..., Any],
        *,
        group: str | None = ...,
        concurrency: int = ...,
        max_silence: float | None = ...,
    ) -> Callable[[], None]: ...
    def on_message(
        self,
        pattern: str,
        handler: Callable[..., Any] | None = None,
        *,
        group: str | None = None,
        concurrency: int = 1,
        max_silence: float | None = None,
    ) -> Callable[..., Any]:
        """Calls a handler for every message on a subject, or on all subjects of a pattern.

        In a pattern `*` stands for one token, a last `>` for one or more. The handler gets subject and data,
        and a `MessageContext` if it takes three arguments; messages of one subject one after the other, in
        order. What it returns answers a request, and what it raises is reported. A function that is no
        coroutine function runs in a thread.

        Use it as a decorator, or with the handler as second argument: then it returns a function that takes
        the handler away again.

        Args:
            pattern: a subject or pattern.
            handler: the handler, if not used as a decorator.
            group: makes the agent a member of a group, for this pattern: of all members, one gets each message, the
                less busy of two drawn at random. Default: every agent gets it.
            concurrency: how many messages of one subject it may be at at once: 1 to 10000. Above 1 they are handled in
                any order, and one that hangs does not hold up the others.
            max_silence: how long it may go without `progress()`, in seconds, before the agent reads as
                stalled: 1 to 86400. Default: for ever.

        Raises:
            SubjectError: if the pattern is not one.
            ConfigurationError: if an option is out of its limits.
        """
        if handler is None:

            def decorate(function: _Function) -> _Function:
                self.on_message(pattern, function, group=group, concurrency=concurrency, max_silence=max_silence)
                return function

            return decorate
        return self._messaging.on_message(pattern, handler, group, concurrency, max_silence)

    async def publish(
        self, subject: str, data: Any = None, *, to: str | None = None, capability: str | None = None
    ) -> int:
        """Sends a message to whoever is connected and subscribed, or to one agent alone.

        That is the agent `to`, or one that has the `capability`: one that is online, and not draining, blocked or
        stalled, whether it has a subscription or not. Messages on one subject are sent one after the other, in the
        order of the calls. Returns how many processes it reached.

        Raises:
            SubjectError: if the subject is none.
            ConfigurationError: if `to` or `capability` is none, or both are given.
            MessageError: if the data is not JSON, or the message larger than 128 KB with its envelope.
            ConnectionError: if there is no connection.
            RequestRefusedError: if the server refuses.
            RequestTimeoutError: if the server does not answer; the message may have been delivered.
        """
        return await self._messaging.publish(subject, data, to, capability)

    async def request(
        self,
        subject: str,
        data: Any = None,
        *,
        to: str | None = None,
        capability: str | None = None,
        timeout: float | None = None,
        retries: int = 0,
    ) -> Any:
        """Sends a message and waits for what its first handler returns.

        Args:
            subject: whoever handles it answers.
            data: anything that JSON has.
            to: asks this agent alone.
            capability: asks one agent that has it, as `publish()` does. Not together with `to`.
            timeout: in seconds, 0.1 to 86400, counted from the call. Default: `request_timeout`.
            retries: how many further agents may get the request if the one that got it is lost before it has answered:
                0 to 100. They get it with the same `message_id` and the next `attempt`.

        Raises:
            RemoteError: if whoever was asked answers with an error, or was lost before it answered (`receiver_lost`).
            NoReceiverError: if it reaches no receiver.
            RequestTimeoutError: if no answer comes in time.
            AgentHeartbeatError: as `publish()` does.
        """
        return await self._messaging.request(subject, data, to, capability, timeout, retries)

    def progress(self, note: str | None = None) -> None:
        """Records that the work has advanced, which the next heartbeat reports.

        It is that of the handler that calls, from whatever thread; from outside of any handler, that of the
        one that has run for longest. `note`: a description, at most 64 characters.
        """
        self._messaging.progress(note)

    def set_profile(
        self,
        capabilities: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Replaces capabilities and metadata; those that are left out are removed.

        They are sent now, or with the next connection. Raises ConfigurationError if the server would not
        take them.
        """
        self._profile.set(profile_of(capabilities, metadata))
        if self._lifecycle.is_ready:
            self._tasks.keep(self._profile.send())

    def on(self, name: AgentEventName, listener: Listener) -> Callable[[], None]:
        """Calls a listener, which may be a coroutine function, for every event of a name.

        Returns a function that takes the listener away again. Raises ConfigurationError if there is no event
        of that name.
        """
        return self._reporter.emitter.on(name, listener)

    def once(self, name: AgentEventName, listener: Listener) -> Callable[[], None]:
        """Calls a listener for the next event of a name alone: see `on`."""
        return self._reporter.emitter.on(name, listener, once=True)

    def off(self, name: AgentEventName, listener: Listener) -> None:
        """Takes a listener away, however often it was added. Raises ConfigurationError as `on` does."""
        self._reporter.emitter.off(name, listener)

    def state_changes(self) -> AsyncIterator[StateChange]:
        """Every change of state from now on, up to and including the last."""
        return self._reporter.state_changes(is_final(self._lifecycle.state))

    def get_connection_health(self) -> ConnectionHealth:
        """The agent's own view of its connection. May be called from every thread."""
        manager = self._connection.manager
        known = manager.health() if manager else health_before(self._lifecycle.state)
        return judge_health(known, time.monotonic())

    @property
    def fleet(self) -> AgentFleet:
        """The agents of the organization, watched over this agent's own connection.

        Neither another login nor a viewer's key is needed. Call its `start()` to begin; it waits for the agent's
        connection, and ends with the agent. The same one at every call.
        """
        if self._fleet is None:
            self._fleet = AgentFleet(
                self.agent_id,
                self.organization_id,
                self._reporter.log,
                request_timeout=self._options.request_timeout,
                manager=lambda: self._connection.manager,
                subscribe=self._watched,
                end=self._lifecycle.end,
            )
        return self._fleet

    async def list(
        self,
        *,
        status: Literal["online", "offline"] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        profiles: bool = False,
    ) -> Message:
        """A page of the organization's agents, with their derived status, as the protocol gives it.

        Raises ConnectionError, RequestRefusedError or RequestTimeoutError.
        """
        query: Message = {"type": "list", "profiles": profiles}
        for name, value in (("status", status), ("cursor", cursor), ("limit", limit)):
            if value is not None:
                query[name] = value
        return await self._connection.request(query, self._options.request_timeout)

    # How it starts and ends.

    async def start(self, timeout: float | None = None) -> None:
        """Connects and stays connected in the background; returns when the subscriptions are in place.

        Args:
            timeout: how long to wait for that, in seconds: 0.1 to 86400. The agent is stopped when it is over.
                Default: for ever.

        Raises:
            KeyError: if the private key is unusable.
            ConnectionError: if the agent ends before, or the time is over; the message says what was tried.
        """
        if timeout is not None:
            timeout = within("timeout", timeout, 0.1, 86_400)
        ready = asyncio.Event()
        tried: list[str] = []
        with contextlib.ExitStack() as listeners:
            listeners.callback(self.on("ready", lambda _: ready.set()))
            listeners.callback(self.on("attempt_failed", lambda each: tried.append(str(each.failure.message))))
            await self._lifecycle.begin()
            if self._lifecycle.is_ready:
                return
            in_time = await first_of(ready.wait(), self._lifecycle.ended.wait(), timeout=timeout)
            if ready.is_set():
                return
            if in_time:
                raise self._lifecycle.error_of_end()
            await self.stop()
            got = f"{len(tried)} attempts failed, the last one: {tried[-1]}" if tried else "no answer"
            url = self._options.manager.url
            raise ConnectionError(f"{self.agent_id}: expected a connection to {url} within {timeout:g} s, got: {got}")

    async def run(self) -> RunEnd:
        """Stays connected; ends by `stop()`, `drain()`, a signal, or another process that takes over.

        Returns how it ended. If the task that runs it is cancelled, the agent stops.

        Raises:
            KeyError: if the private key is unusable.
            ConnectionError: without `auto_reconnect`, if the connection fails or ends.
        """
        release = on_signals(self._options.signals, asyncio.get_running_loop(), self._lifecycle.on_signal)
        try:
            await self._lifecycle.begin()
            await self._lifecycle.ended.wait()
        except asyncio.CancelledError:
            with contextlib.suppress(AgentHeartbeatError):
                await self.stop()
            raise
        finally:
            release()
        end = self._lifecycle.end
        assert end
        if end.failure:
            raise error_of(self.agent_id, end.failure)
        await self._lifecycle.drained()
        return "superseded" if end.state == "superseded" else cast(RunEnd, end.reason)

    async def stop(self) -> None:
        """Ends at once: handlers that run are left to themselves. Returns when the connection is closed.

        A handler that has called `drain()` before has its answer sent first.
        """
        await self._lifecycle.stop()

    async def drain(self) -> None:
        """Ends with grace, and returns when that is done.

        Heartbeats say `draining`, no further handler starts, those that run may finish within
        `drain_timeout`; then the connection is closed and the agent is offline as `drained`. Called in a handler,
        it returns when all others have finished, or wait in `drain()` too: the agent ends after those that called.
        """
        await self._lifecycle.drain()

    def reconnect(self) -> None:
        """Makes the next attempt sooner. Call it if you know that the network is back.

        Within `reconnect.base_delay` (1 s), an agent that waits for its next attempt makes it, unless the service
        asked it to wait; an open connection is probed.
        """
        if self._connection.manager:
            self._connection.manager.reconnect()

    async def __aenter__(self: _Self) -> _Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drains; after an exception it stops at once."""
        if kind is None:
            await self.drain()
        else:
            await self.stop()

    # Inside.

    def _subscribed(self) -> None:
        more = self._fleet.patterns if self._fleet else ()
        self._connection.set_subscriptions(list(dict.fromkeys([*self._messaging.patterns, *more])))

    def _watched(self) -> bool:
        """The fleet's watcher subscribes. Returns whether that changes nothing, and everything is in place."""
        self._subscribed()
        has_more = self._fleet is None or not set(self._fleet.patterns) <= set(self._messaging.patterns)
        return self._lifecycle.is_ready and not has_more

    def _on_event(self, event: Message) -> None:
        if self._fleet and self._fleet.takes(event):
            return
        kind = event["type"]
        if kind == "message":
            self._on_message(event["message"])
        elif kind == "state":
            self._on_state(StateChange.from_json(event["change"]))
        elif kind == "attempt_failed":
            self._reporter.attempt_failed(event["attempt"])
            if event["attempt"]["failure"].get("status") == 403 and self._options.keys.refused():
                self.reconnect()
        elif kind == "acked":
            self._reporter.emit(HeartbeatAck(event["round_trip"], event["fencing_token"]))
            self._tasks.keep(self._profile.send())
        elif kind == "ready":
            self._lifecycle.is_ready = True
            self._tasks.keep(self._profile.send())
            self._reporter.emit(Ready())
        elif kind == "rotated":
            self._reporter.emit(Rotated())
        elif kind == "warning":
            self._reporter.log.warning("%s", event["message"])
        elif kind == "clock_skew":
            self._reporter.clock_skew(event["clock_skew"])

    def _on_state(self, change: StateChange) -> None:
        self._lifecycle.entered(change)
        self._reporter.state(change)
        if is_final(change.state):
            self._lifecycle.ended.set()

    def _on_message(self, message: Message) -> None:
        if message["type"] == "error":
            self._reporter.protocol_error(f"{message.get('code')}: {message.get('message')}")
        subject, sender = message.get("subject"), message.get("from")
        if message["type"] != "message" or not isinstance(subject, str):
            return
        by_system = isinstance(sender, str) and sender.startswith("event:")
        if self._options.remote_drain and by_system and subject == _DRAIN_SUBJECT:
            self._lifecycle.begin_drain()
        else:
            self._messaging.receive(message, subject)
