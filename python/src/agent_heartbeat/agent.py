"""What an application holds: handlers, events, requests, and the way an agent starts and ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal as signals_module
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, TypeVar, cast, overload

from .connection.asyncio_runtime import AsyncioRuntime
from .connection.ends import error_of
from .connection.enrolment import key_loader
from .connection.health import ConnectionHealth, ManagerHealth, health_before, judge_health
from .connection.keys import KeySource, SigningKey
from .connection.manager import ConnectionManager
from .connection.state import AgentState, StateChange, is_final
from .errors import (
    AgentHeartbeatError,
    ConfigurationError,
    ConnectionError,
)
from .events import AgentEventName, HeartbeatAck, Listener, Ready, Reporter, Rotated
from .fleet.agent_fleet import AgentFleet
from .messaging.answer import Answer, text_of
from .messaging.dispatcher import Dispatcher, Handler, Incoming, MessageContext
from .messaging.profile import ProfilePublisher, profile_of
from .messaging.publisher import Publisher, Requests
from .messaging.questions import Questions
from .messaging.tracing import TracedMessage, TracedSend, Tracing, trace_of, traced
from .messaging.work import Work
from .options import (
    DuplicatePolicy,
    HeartbeatTransport,
    ReconnectOptions,
    check_logger,
    flag,
    manager_options,
    whole,
    within,
)
from .process.parent import ProcessConnectionManager, can_run
from .protocol import INBOX, Message, delivery_key
from .signals import on_signals

RunEnd = Literal["stop", "drained", "superseded"]
"""How an agent that was running came to its end."""

_DRAIN_SUBJECT = "agent.drain"
_REMEMBERED = 1000
"""Ids of messages that are remembered, so that one that comes again is told apart."""
_PROGRESS = 0.25
"""How long progress may wait to be told, in seconds."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


class _Manager(Protocol):
    def start(self) -> None: ...
    def drain(self) -> None: ...
    def stop(self, cause: str) -> None: ...
    def reconnect(self) -> None: ...
    def send(self, message: Message) -> None: ...
    def set_subscriptions(self, patterns: Sequence[str]) -> None: ...
    def set_activity(self, activity: Message) -> None: ...
    async def told(self) -> None: ...
    def health(self) -> ManagerHealth: ...


class Agent:
    """What `HeartbeatAgent` and `SimpleAgent` have in common. Make one of those."""

    _simple = False

    def __init__(
        self,
        agent_id: str,
        organization_id: str,
        url: str,
        *,
        private_key: KeySource | None = None,
        private_key_path: str | Path | None = None,
        enrolment_token: str | None = None,
        http_url: str | None = None,
        heartbeat_interval: float = 30,
        heartbeat_timeout_multiplier: float = 3.0,
        ack_every: int = 1,
        auto_reconnect: bool = True,
        on_duplicate: DuplicatePolicy = "replace",
        capabilities: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        message_concurrency: int = 16,
        message_queue: int = 1000,
        remote_drain: bool = False,
        reconnect: ReconnectOptions | None = None,
        rotate_after: tuple[float, float] = (5400, 6600),
        connect_timeout: float = 15,
        close_timeout: float = 2,
        drain_timeout: float = 30,
        request_timeout: float = 10,
        signals: Sequence[int] = (signals_module.SIGTERM, signals_module.SIGINT),
        heartbeat_process: bool | None = None,
        heartbeat_transport: HeartbeatTransport = "websocket",
        tracing: Tracing | None = None,
        proxy: str | bool | None = True,
        logger: logging.Logger | logging.LoggerAdapter[Any] | None = logging.getLogger(  # noqa: B008
            "agent_heartbeat"
        ),
    ) -> None:
        """Raises ConfigurationError if an option is missing, of the wrong type or out of its limits.

        Args:
            agent_id: 1 to 128 of `A-Z a-z 0-9 _ - . @ : / + = %`, of which the first is a letter, a digit, `_` or `-`.
            organization_id: the same.
            url: the WebSocket URL of the deployment: `wss://host/stage`.
            private_key: PEM, DER or JWK (also base64 of it), a key of `cryptography`, or a function,
                which may be a coroutine function, that gives PEM and is asked for each login. RSA, P-256 or Ed25519.
            private_key_path: a file with a private key in PEM, read for each login. This or `private_key`. With
                `enrolment_token` it is where the key is kept: if there is none, it is made.
            enrolment_token: registers the agent by itself, with a token of `agent-heartbeat enrolments create`. It
                makes a key of its own, which it keeps in the file `private_key_path`, or in memory. In place of
                `private_key`; needs `http_url`. Default: the environment variable
                `AGENT_HEARTBEAT_ENROLMENT_TOKEN`, without a `private_key`.
            http_url: the HTTP URL of the deployment, its output `HttpUrl`. Default: the environment variable
                `AGENT_HEARTBEAT_HTTP_URL`.
            heartbeat_interval: seconds, 1 to 540. The server may bring it to its own bounds.
            heartbeat_timeout_multiplier: how many intervals without a heartbeat count as death: 1.5 to 20.
            ack_every: asks for an ack with every n-th heartbeat only: 1 to 10. Silence is noticed later.
            auto_reconnect: without it `run()` raises when the first connection has failed or ended.
            on_duplicate: what happens to a process that connects while another one holds the agent id: it
                takes over (`replace`), or it is refused until the other's lease ends (`reject`).
            capabilities: what the agent can do, in words of its own: at most 50, of 1 to 64 characters.
            metadata: anything else worth knowing about the agent: plain JSON, at most 4 KB with the above.
            message_concurrency: how many handlers run at once: 1 to 10000.
            message_queue: how many messages wait for one; further ones are dropped: 1 to 1000000.
            remote_drain: whether the agent drains when the event bus sends it the subject `agent.drain`.
            reconnect: when to try again.
            rotate_after: the age at which a connection is replaced, drawn between the two: 10 to 7000 seconds.
            connect_timeout: how long a handshake may take: 1 to 60 seconds.
            close_timeout: how long the server may take to answer a close: 0.1 to 30 seconds.
            drain_timeout: how long a drain waits for running handlers: 0 to 86400 seconds.
            request_timeout: how long a request waits for its reply: 0.1 to 600 seconds.
            signals: on which `run()` drains; on a second one it stops at once. Empty for none.
            heartbeat_process: keeps the connection and its heartbeats in a process of their own, so that code
                which blocks the event loop, or holds the interpreter's lock, does not read as death. Handlers
                stay here. Default: on, where the program can start one; off for `SimpleAgent`.
            heartbeat_transport: how heartbeats are sent. With `http` they go to `http_url`, which costs less. The
                WebSocket stays open for messages and for its end to be noticed at once, and carries the heartbeats
                while HTTP fails.
            tracing: takes messages into traces: `OpenTelemetryTracing()` of `agent_heartbeat.opentelemetry`. Default:
                messages belong to no trace.
            proxy: the URL of an HTTP or SOCKS proxy; True for what the environment says (`HTTPS_PROXY`,
                `NO_PROXY`); None for none.
            logger: where warnings go; None for nowhere.
        """
        reconnect = ReconnectOptions() if reconnect is None else reconnect
        self._options = manager_options(
            agent_id=agent_id,
            organization_id=organization_id,
            url=url,
            simple=self._simple,
            heartbeat_interval=heartbeat_interval,
            heartbeat_timeout_multiplier=heartbeat_timeout_multiplier,
            ack_every=ack_every,
            auto_reconnect=auto_reconnect,
            on_duplicate=on_duplicate,
            reconnect=reconnect,
            rotate_after=rotate_after,
            connect_timeout=connect_timeout,
            close_timeout=close_timeout,
            heartbeat_transport=heartbeat_transport,
            http_url=http_url,
        )
        self._schedule = reconnect.schedule
        self._in_process = self._own_process(heartbeat_process)
        if not (proxy is None or isinstance(proxy, (str, bool))):
            raise ConfigurationError(f"option proxy: expected a URL, True or None, got {proxy!r}")
        self._proxy = proxy or None
        if tracing is not None and not all(callable(getattr(tracing, each, None)) for each in ("send", "process")):
            raise ConfigurationError(f"option tracing: expected the methods send and process, got {tracing!r}")
        self._tracing = tracing
        self._drain_timeout = within("drain_timeout", drain_timeout, 0, 86_400)
        self._request_timeout = within("request_timeout", request_timeout, 0.1, 600)
        self._signals = tuple(signals)
        self._remote_drain = flag("remote_drain", remote_drain)
        self.agent_id = agent_id
        self.organization_id = organization_id
        self.instance_id: str = self._options.login["instance_id"]
        """Tells this process from others with the same agent id."""
        self._news = Reporter(agent_id, check_logger(logger))
        self._keys = key_loader(
            private_key=private_key,
            path=private_key_path,
            token=enrolment_token,
            http_url=http_url,
            agent_id=agent_id,
            organization_id=organization_id,
            proxy=self._proxy,
            warn=lambda message: self._news.log.warning("%s", message),
        )
        self._requests = Requests()
        self._fleet: AgentFleet | None = None
        self._work = Work()
        self._profile = ProfilePublisher(
            profile_of(capabilities, metadata),
            lambda message: self._request(message, self._request_timeout),
            lambda error: self._news.log.warning("%s", error),
        )
        self._dispatcher = Dispatcher(
            self._work,
            whole("message_concurrency", message_concurrency, 1, 10_000),
            whole("message_queue", message_queue, 1, 1_000_000),
            self._worked,
            self._told,
            self._news.handler_failed,
            self._news.message_dropped,
            self._traced_process,
        )
        self._publisher = Publisher(agent_id, self._request)
        self._questions = Questions(agent_id, self._publisher.publish)
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._answering: set[asyncio.Future[Any]] = set()
        self._background: set[asyncio.Future[Any]] = set()
        self._manager: _Manager | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: int | None = None
        """The event loop's."""
        self._ended: asyncio.Event | None = None
        self._end: StateChange | None = None
        self._stop_cause: str | None = None
        self._drain_task: asyncio.Task[None] | None = None
        self._signalled = False
        self._state: AgentState = "idle"
        self._ready = False
        self._activity_due = False
        self._activity_at = 0.0

    # What an application asks and says.

    @property
    def state(self) -> AgentState:
        """Where the agent stands."""
        return self._state

    @property
    def has_ended(self) -> bool:
        """Whether it is stopped or superseded, so that it does not connect again."""
        return is_final(self._state)

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
        added = self._dispatcher.add(pattern, handler, concurrency, max_silence, group)
        self._subscribed()

        def remove() -> None:
            self._dispatcher.remove(added)
            self._subscribed()

        return remove

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
        message = _message(subject, data, to, capability)
        with self._traced_send("publish", subject) as trace:
            return await self._publisher.publish({**message, **trace}, self._request_timeout)

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
            NoReceiverError: if it reaches nobody.
            RequestTimeoutError: if no answer comes in time.
            AgentHeartbeatError: as `publish()` does.
        """
        seconds = self._request_timeout
        if timeout is not None:
            seconds = within("timeout", timeout, 0.1, 86_400)
        whole("retries", retries, 0, 100)
        message = _message(subject, data, to, capability)
        with self._traced_send("request", subject) as trace:
            return await self._questions.ask({**message, **trace}, seconds, retries)

    def progress(self, note: str | None = None) -> None:
        """Marks that the work has advanced, for the next heartbeat to tell.

        It is that of the handler that calls, from whatever thread; from outside of any handler, that of the
        one that has run for longest. `note`: what to tell of it, at most 64 characters.
        """
        if note is not None and not isinstance(note, str):
            raise ConfigurationError(f"expected a note that is a text, got {note!r}")
        if self._work.advance(note):
            self._worked()

    def set_profile(
        self,
        capabilities: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Replaces capabilities and metadata, those that are left out by none.

        They are told now, or with the next connection. Raises ConfigurationError if the server would not
        take them.
        """
        self._profile.set(profile_of(capabilities, metadata))
        if self._ready:
            self._keep(self._profile.send())

    def on(self, name: AgentEventName, listener: Listener) -> Callable[[], None]:
        """Calls a listener, which may be a coroutine function, for every event of a name.

        Returns a function that takes the listener away again. Raises ConfigurationError if there is no event
        of that name.
        """
        return self._news.emitter.on(name, listener)

    def once(self, name: AgentEventName, listener: Listener) -> Callable[[], None]:
        """Calls a listener for the next event of a name alone: see `on`."""
        return self._news.emitter.on(name, listener, once=True)

    def off(self, name: AgentEventName, listener: Listener) -> None:
        """Takes a listener away, however often it was added. Raises ConfigurationError as `on` does."""
        self._news.emitter.off(name, listener)

    def state_changes(self) -> AsyncIterator[StateChange]:
        """Every change of state from now on, up to and including the last."""
        return self._news.state_changes(is_final(self._state))

    def get_connection_health(self) -> ConnectionHealth:
        """The agent's own view of its connection. May be called from every thread."""
        manager = self._manager
        known = manager.health() if manager else health_before(self._state)
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
                self._news.log,
                request_timeout=self._request_timeout,
                manager=lambda: self._manager,
                subscribe=self._watched,
                end=self._end,
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
        return await self._request(query, self._request_timeout)

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
        last: list[str] = []
        forget = [
            self.on("ready", lambda _: ready.set()),
            self.on("attempt_failed", lambda attempt: last.append(str(attempt.failure.message))),
        ]
        try:
            await self._begin()
            assert self._ended
            if self._ready:
                return
            waits = [asyncio.ensure_future(each.wait()) for each in (ready, self._ended)]
            try:
                done, _ = await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in waits:
                    each.cancel()
            if ready.is_set():
                return
            if not done:
                await self.stop()
                tried = f"{len(last)} attempts failed, the last one: {last[-1]}" if last else "no answer"
                raise ConnectionError(
                    f"{self.agent_id}: expected a connection to {self._options.url} within {timeout:g} s, got: {tried}"
                )
            raise self._error_of_end()
        finally:
            for each_forget in forget:
                each_forget()

    async def run(self) -> RunEnd:
        """Stays connected; ends by `stop()`, `drain()`, a signal, or another process that takes over.

        Returns how it ended. If the task that runs it is cancelled, the agent stops.

        Raises:
            KeyError: if the private key is unusable.
            ConnectionError: without `auto_reconnect`, if the connection fails or ends.
        """
        loop = asyncio.get_running_loop()
        release = on_signals(self._signals, loop, self._on_signal)
        try:
            await self._begin()
            assert self._ended
            await self._ended.wait()
        except asyncio.CancelledError:
            with contextlib.suppress(AgentHeartbeatError):
                await self.stop()
            raise
        finally:
            release()
        assert self._end
        if self._end.failure:
            raise error_of(self.agent_id, self._end.failure)
        if self._drain_task:
            await self._drain_task
        return "superseded" if self._end.state == "superseded" else cast(RunEnd, self._end.reason)

    async def stop(self) -> None:
        """Ends at once: handlers that run are left to themselves. Returns when the connection is closed.

        A handler that has called `drain()` before has its answer sent first.
        """
        if self._dispatcher.is_leaving:
            return
        self._dispatcher.close()
        await self._stop("stop")

    async def drain(self) -> None:
        """Ends with grace, and returns when that is done.

        Heartbeats say `draining`, no further handler starts, those that run may finish within
        `drain_timeout`; then the connection is closed and the agent is offline as `drained`. Called in a handler,
        it returns when all others have finished, or wait in `drain()` too: the agent ends after those that called.
        """
        self._begin_drain("drain")
        assert self._drain_task
        others = self._dispatcher.others_end()
        if others is None:
            await asyncio.shield(self._drain_task)
        else:
            await asyncio.wait({others, self._drain_task}, return_when=asyncio.FIRST_COMPLETED)

    def reconnect(self) -> None:
        """Tries soon what would be tried later: for those who know that the network is back.

        Within `reconnect.base_delay` (1 s) an agent that waits for its next attempt makes it, unless the service
        asked it to wait. An open connection is asked for a sign of life.
        """
        if self._manager:
            self._manager.reconnect()

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

    def _own_process(self, wanted: bool | None) -> bool:
        if wanted and self._schedule:
            raise ConfigurationError("expected either heartbeat_process or reconnect.schedule, got both")
        if wanted is None:
            return not self._simple and self._schedule is None and can_run()
        if flag("heartbeat_process", wanted) and not can_run():
            raise ConfigurationError(
                "option heartbeat_process: expected a program that can start a Python interpreter, got one without"
            )
        return wanted

    async def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            self._thread = threading.get_ident()
            self._ended = asyncio.Event()
        elif self._loop is not loop and not self.has_ended:
            raise AgentHeartbeatError(f"{self.agent_id}: expected one event loop, got a second one")
        if self._manager:
            return
        # A key that can't be used is told at once, before anything is tried.
        await self._keys.check()
        if self._manager:
            return
        if self._stop_cause:
            self._state = "stopped"
            self._end = StateChange("stopped", "idle", self._stop_cause, time.time())
            if self._ended:
                self._ended.set()
            return
        if self._in_process:
            self._manager = ProcessConnectionManager(self._options, self._keys, self._proxy, self._hear)
        else:
            self._manager = ConnectionManager(
                self._options,
                self._runtime(),
                self._load_key,
                self._hear,
                self._schedule,
            )
        self._subscribed()
        self._manager.start()

    def _runtime(self) -> AsyncioRuntime:
        return AsyncioRuntime(proxy=self._proxy)

    def _load_key(self, proceed: Callable[[SigningKey | BaseException], None]) -> None:
        self._keep(self._keys.hand_to(proceed))

    def _keep(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _subscribed(self) -> None:
        if self._manager:
            more = self._fleet.patterns if self._fleet else ()
            self._manager.set_subscriptions(list(dict.fromkeys([*self._dispatcher.patterns, *more])))

    def _watched(self) -> bool:
        """The fleet's watcher subscribes. Returns whether that changes nothing, and everything is in place."""
        self._subscribed()
        return self._ready and self._fleet is not None and set(self._fleet.patterns) <= set(self._dispatcher.patterns)

    async def _request(self, message: Message, timeout: float) -> Message:
        manager = self._manager
        if manager is None or is_final(self._state):
            raise self._not_connected()
        return await self._requests.request(message, timeout, manager.send)

    def _not_connected(self) -> ConnectionError:
        return ConnectionError(f"{self.agent_id}: expected an open connection, got none; try again when connected")

    def _error_of_end(self) -> AgentHeartbeatError:
        if self._end and self._end.failure:
            return error_of(self.agent_id, self._end.failure)
        return self._not_connected()

    def _on_signal(self) -> None:
        # A drain may have begun without a signal: whoever sends a second one finds that it takes too long.
        if self._signalled:
            self._keep(self.stop())
        else:
            self._signalled = True
            self._begin_drain("drain")

    async def _stop(self, cause: str) -> None:
        self._stop_cause = self._stop_cause or cause
        if self._manager is None or self._ended is None:
            return
        self._manager.stop(self._stop_cause)
        await self._ended.wait()

    def _begin_drain(self, why: str) -> None:
        if self._drain_task:
            return
        self._dispatcher.close()
        if self._manager and why == "drain":
            self._manager.set_activity(self._work.activity(draining=True))
            self._manager.drain()
        self._drain_task = asyncio.ensure_future(self._finish())

    async def _finish(self) -> None:
        if self._manager and self._ended and not self._ended.is_set():
            ended = asyncio.ensure_future(self._ended.wait())
            idle = asyncio.ensure_future(self._handlers_done())
            await asyncio.wait({ended, idle}, timeout=self._drain_timeout, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            idle.cancel()
        await self._stop("drained")

    async def _handlers_done(self) -> None:
        while waiting := [*self._dispatcher.running, *self._answering]:
            await asyncio.wait(waiting)

    def _worked(self) -> None:
        """A handler was started, has advanced, or has ended. May be called from every thread."""
        loop = self._loop
        if loop is None or self._manager is None:
            return
        if threading.get_ident() == self._thread:
            self._refresh_activity()
        else:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._refresh_activity)

    async def _told(self) -> None:
        """Until heartbeats say what has begun: its code may never give the event loop back."""
        if self._activity_due:
            await asyncio.sleep(0)
        if self._manager:
            await self._manager.told()

    def _refresh_activity(self) -> None:
        """Once a turn, however many handlers begin and end in it."""
        now = time.monotonic()
        # Work that never lets go of the event loop would have its progress wait for its own end.
        if self._activity_due and now - self._activity_at >= _PROGRESS:
            self._send_activity()
        if self._activity_due or self._loop is None:
            return
        self._activity_due = True
        self._loop.call_soon(self._send_due_activity)

    def _send_due_activity(self) -> None:
        self._activity_due = False
        self._send_activity()

    def _send_activity(self) -> None:
        self._activity_at = time.monotonic()
        if self._manager:
            self._manager.set_activity(self._work.activity(self._drain_task is not None))

    def _hear(self, event: Message) -> None:
        if self._fleet and self._fleet.takes(event):
            return
        kind = event["type"]
        if kind == "message":
            self._hear_message(event["message"])
        elif kind == "state":
            self._hear_state(StateChange.from_json(event["change"]))
        elif kind == "attempt_failed":
            self._news.attempt_failed(event["attempt"])
            if event["attempt"]["failure"].get("status") == 403 and self._keys.refused():
                self.reconnect()
        elif kind == "acked":
            self._news.emit(HeartbeatAck(event["round_trip"], event["fencing_token"]))
            self._keep(self._profile.send())
        elif kind == "ready":
            self._ready = True
            self._keep(self._profile.send())
            self._news.emit(Ready())
        elif kind == "broken":
            self._requests.fail(self._not_connected())
        elif kind == "rotated":
            self._news.emit(Rotated())
        elif kind == "warning":
            self._news.log.warning("%s", event["message"])
        elif kind == "clock_skew":
            self._news.clock_skew(event["clock_skew"])
        elif kind == "unsent":
            self._requests.fail(self._not_connected(), event["id"])

    def _hear_state(self, change: StateChange) -> None:
        self._state = change.state
        if change.state == "reconnecting":
            self._ready = False
        if change.state == "draining" and change.reason == "superseded":
            self._ready = False
            self._begin_drain("superseded")
        if is_final(change.state):
            self._ready = False
            self._requests.fail(self._not_connected())
            self._dispatcher.close()
            self._questions.fail(self._not_connected())
            self._end = change
        self._news.state(change)
        if is_final(change.state) and self._ended:
            self._ended.set()

    def _hear_message(self, message: Message) -> None:
        if self._requests.settle(message):
            return
        if message["type"] == "error":
            self._news.protocol_error(f"{message.get('code')}: {message.get('message')}")
        subject, sender = message.get("subject"), message.get("from")
        if message["type"] != "message" or not isinstance(subject, str):
            return
        by_system = isinstance(sender, str) and sender.startswith("event:")
        if self._remote_drain and by_system and subject == _DRAIN_SUBJECT:
            self._begin_drain("drain")
        else:
            self._receive(message, subject)

    def _receive(self, message: Message, subject: str) -> None:
        message_id, sender, data = message.get("messageId"), message.get("from"), message.get("data")
        key = delivery_key(message)
        if key is not None:
            if key in self._recent:
                return
            self._recent[key] = None
            if len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)
        if subject.startswith(f"{INBOX}."):
            self._questions.answered(subject, data, sender if isinstance(sender, str) else "somebody")
            return
        reply_to = message.get("replyTo")
        attempt = {"attempt": message["attempt"]} if "attempt" in message else {}
        answer = (
            Answer(lambda reply: self._reply(reply_to, {**reply, **attempt})) if isinstance(reply_to, str) else None
        )
        timeout_ms = message.get("expiresInMs")
        context = MessageContext(
            sender if isinstance(sender, str) else None,
            message_id if isinstance(message_id, str) else None,
            message.get("attempt"),
            None if answer is None or timeout_ms is None else time.monotonic() + timeout_ms / 1000,
            **trace_of(message),
        )
        group, direct = message.get("group"), message.get("direct") is True
        self._dispatcher.dispatch(Incoming(subject, group, direct, data, context, answer))

    @contextlib.contextmanager
    def _traced_send(self, operation: Literal["publish", "request"], subject: str) -> Iterator[Message]:
        tracing = self._tracing
        if tracing is None:
            yield {}
            return
        with traced(lambda: tracing.send(TracedSend(self.agent_id, operation, subject)), self._trace_failed) as trace:
            yield trace_of(trace) if isinstance(trace, Mapping) else {}

    def _traced_process(self, handler: Handler, message: Incoming) -> contextlib.AbstractContextManager[object]:
        tracing = self._tracing
        if tracing is None:
            return contextlib.nullcontext()
        processed = TracedMessage(self.agent_id, message.subject, handler.pattern, handler.group, message.context)
        return traced(lambda: tracing.process(processed), self._trace_failed)

    def _trace_failed(self, error: Exception) -> None:
        self._news.log.warning("tracing: %s", text_of(error))

    def _reply(self, reply_to: str, reply: dict[str, Any]) -> None:
        async def send() -> None:
            message: Message = {"subject": reply_to, "data": reply}
            try:
                try:
                    await self._publisher.publish(message, self._request_timeout)
                except AgentHeartbeatError as error:
                    if "result" not in reply:
                        raise
                    fault = {"code": "handler_failed", "message": f"the answer: {error}"}
                    failed = {**reply, "error": fault}
                    del failed["result"]
                    await self._publisher.publish({"subject": reply_to, "data": failed}, self._request_timeout)
            except AgentHeartbeatError as error:
                self._news.handler_failed(reply_to, error)

        task = asyncio.ensure_future(send())
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)


_Self = TypeVar("_Self", bound=Agent)


class HeartbeatAgent(Agent):
    """An agent that stays connected and shows by its heartbeats that it lives."""


class SimpleAgent(Agent):
    """The same without heartbeats and without reconnecting, for development.

    It reads as offline when its first lease has run out.
    """

    _simple = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._news.log.warning(
            "SimpleAgent sends no heartbeats and does not reconnect: use HeartbeatAgent in production"
        )


def _message(subject: str, data: Any, to: str | None, capability: str | None) -> Message:
    receiver = {"to": to, "capability": capability}
    return {"subject": subject, "data": data, **{name: each for name, each in receiver.items() if each is not None}}
