"""Hands incoming messages to the handlers of their subject: so many at once, those of one subject in order."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Union

from ..errors import ConfigurationError
from ..options import check_id, whole, within
from ..protocol import INBOX
from ..subject import check_pattern, matches_subject
from .answer import Answer
from .work import Work, current_task


@dataclass(frozen=True)
class MessageContext:
    """What a handler may be told beside subject and data, as a third argument."""

    sender: str | None
    """The agent id of the sender; `service`, or `event:<source>` for the event bus."""
    message_id: str | None
    """The same in every attempt of a request."""
    attempt: int | None = None
    """Of a request, from 1 on: an earlier attempt may have been handled, by this agent or another one."""
    deadline: float | None = None
    """Of a request: when nobody waits for the answer any more, as `time.monotonic()` has it."""
    traceparent: str | None = None
    """The W3C trace context of the sender, if it sent one."""
    tracestate: str | None = None
    """What tracing systems add to `traceparent`."""

    @property
    def time_left(self) -> float | None:
        """Of a request: seconds until nobody waits for the answer any more, 0 from then on."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    @property
    def is_expired(self) -> bool:
        """Whether nobody waits for the answer any more. A request that is still waiting then is not handled."""
        return self.time_left == 0


MessageHandler = Union[
    Callable[[str, Any], Any],
    Callable[[str, Any, MessageContext], Any],
    Callable[[str, Any], Awaitable[Any]],
    Callable[[str, Any, MessageContext], Awaitable[Any]],
]
"""Handles a message. What it returns answers a request; what it raises is reported.

A coroutine function runs on the event loop, any other function in a thread of its own.
"""


@dataclass(frozen=True)
class Incoming:
    """A message on its way to its handlers."""

    subject: str
    group: str | None
    """Of the handlers, those of this group get it, or those of none; of a `direct` one, all."""
    direct: bool
    data: Any
    context: MessageContext
    answer: Answer | None


@dataclass(eq=False)
class _Chain:
    """Messages of one subject for one handler."""

    handler: Handler
    subject: str
    started: int = 0
    """How many are running, or ready to."""
    waiting: deque[Incoming] = field(default_factory=deque)


@dataclass(eq=False)
class Handler:
    pattern: str
    group: str | None
    function: Callable[..., Any]
    concurrency: int
    max_silence: float | None
    takes_context: bool
    chains: dict[str, _Chain] = field(default_factory=dict)


class Dispatcher:
    """Belongs to the event loop's thread. `queue` messages wait at most, further ones are dropped."""

    def __init__(
        self,
        work: Work,
        concurrency: int,
        queue: int,
        worked: Callable[[], None],
        told: Callable[[], Awaitable[None]],
        failed: Callable[[str, BaseException], None],
        dropped: Callable[[str, str], None],
        within: Callable[[Handler, Incoming], AbstractContextManager[object]],
    ) -> None:
        self._work = work
        self._concurrency = concurrency
        self._queue = queue
        self._worked = worked
        self._told = told
        self._failed = failed
        self._dropped = dropped
        self._within = within
        self._handlers: dict[Handler, None] = {}
        self._ready: deque[tuple[_Chain, Incoming]] = deque()
        """What waits for nothing but a free handler, what has waited longest first."""
        self.running: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        """Handlers that wait, or have waited, for the end of all others."""
        self._others_ended: list[asyncio.Future[None]] = []
        self._waiting = 0
        self._accepts = True
        self._closed = False

    @property
    def patterns(self) -> list[str]:
        """What the handlers are for, each once: a pattern, and after a space its group."""
        return list(dict.fromkeys(f"{each.pattern} {each.group or ''}".strip() for each in self._handlers))

    def add(
        self,
        pattern: str,
        function: Callable[..., Any],
        concurrency: int,
        max_silence: float | None,
        group: str | None,
    ) -> Handler:
        check_pattern(pattern, INBOX)
        if not callable(function):
            raise ConfigurationError(f"expected a handler that can be called, got {function!r}")
        if max_silence is not None:
            within("max_silence", max_silence, 1, 86_400)
        whole("concurrency", concurrency, 1, 10_000)
        if group is not None:
            check_id("group", group)
        handler = Handler(pattern, group, function, concurrency, max_silence, _takes_context(function))
        self._handlers[handler] = None
        return handler

    def remove(self, handler: Handler) -> None:
        self._handlers.pop(handler, None)

    def dispatch(self, message: Incoming) -> None:
        """Hands a message to every handler that it falls to, and waits for none."""
        fitting = [
            each
            for each in self._handlers
            if (message.direct or each.group == message.group) and matches_subject(each.pattern, message.subject)
        ]
        if message.answer:
            message.answer.expect(len(fitting))
        for handler in fitting:
            self._take(handler, message)

    def close(self) -> None:
        """Starts no handler from now on."""
        if self._closed:
            return
        self._accepts = False
        self._closed = True
        dropped = [message for _, message in self._ready]
        self._ready.clear()
        for chain in [chain for each in self._handlers for chain in each.chains.values()]:
            dropped.extend(chain.waiting)
            chain.waiting.clear()
        for message in dropped:
            self._drop(message, "ended")
        self._waiting = 0

    @property
    def is_leaving(self) -> bool:
        """Whether the caller is a handler that waits, or has waited, for the end of all others."""
        return _current_asyncio_task.get() in self._leaving

    def others_end(self) -> asyncio.Future[None] | None:
        """Done when every handler but those that wait here has ended; None where the caller is no handler."""
        here = _current_asyncio_task.get()
        if here not in self.running:
            return None
        self._leaving.add(here)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._others_ended.append(ended)
        self._settle_leaving()
        return ended

    def _settle_leaving(self) -> None:
        if not self.running <= self._leaving:
            return
        for ended in self._others_ended:
            if not ended.done():
                ended.set_result(None)
        self._others_ended.clear()

    def _take(self, handler: Handler, message: Incoming) -> None:
        chain = handler.chains.get(message.subject) or _Chain(handler, message.subject)
        blocked = chain.started >= handler.concurrency
        waits = blocked or len(self.running) >= self._concurrency
        if not self._accepts or (waits and self._waiting >= self._queue):
            self._drop(message, "queue_full" if self._accepts else "ended")
            return
        handler.chains[message.subject] = chain
        self._waiting += 1
        if blocked:
            chain.waiting.append(message)
        else:
            chain.started += 1
            self._ready.append((chain, message))
        self._start()

    def _start(self) -> None:
        while not self._closed and len(self.running) < self._concurrency and self._ready:
            chain, message = self._ready.popleft()
            self._waiting -= 1
            task = asyncio.get_running_loop().create_task(self._handle(chain, message))
            self.running.add(task)
            task.add_done_callback(lambda done, chain=chain: self._done(done, chain))  # type: ignore[misc]

    async def _handle(self, chain: _Chain, message: Incoming) -> None:
        handler = chain.handler
        if message.context.is_expired:
            self._dropped(message.subject, "expired")
            return
        work = self._work.begin(message.subject, handler.max_silence)
        current_task.set(work)
        _current_asyncio_task.set(asyncio.current_task())
        self._worked()
        try:
            await self._told()
            value = await self._call(handler, message) if handler in self._handlers else None
            if message.answer:
                message.answer.returned(value)
        except (Exception, asyncio.CancelledError) as error:
            # A handler that cancels itself has failed; one that is cancelled from outside goes on ending.
            self._failed(message.subject, error)
            if message.answer:
                message.answer.failed("handler_failed", error)
        finally:
            self._work.end(work)
            self._worked()

    async def _call(self, handler: Handler, message: Incoming) -> Any:
        arguments: tuple[Any, ...] = (message.subject, message.data)
        if handler.takes_context:
            arguments = (*arguments, message.context)
        with self._within(handler, message):
            if _is_async(handler.function):
                return await handler.function(*arguments)
            value = await _in_thread(handler.function, *arguments)
            return await value if inspect.isawaitable(value) else value

    def _done(self, task: asyncio.Task[None], chain: _Chain) -> None:
        self.running.discard(task)
        self._leaving.discard(task)
        self._settle_leaving()
        if chain.waiting:
            self._ready.append((chain, chain.waiting.popleft()))
        else:
            chain.started -= 1
            if chain.started == 0:
                chain.handler.chains.pop(chain.subject, None)
        self._start()

    def _drop(self, message: Incoming, reason: str) -> None:
        self._dropped(message.subject, reason)
        if message.answer:
            message.answer.failed("unavailable", f"the message was dropped: {reason}")


_current_asyncio_task: contextvars.ContextVar[asyncio.Task[Any] | None] = contextvars.ContextVar(
    "agent_heartbeat_asyncio_task", default=None
)


def _in_thread(function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
    """Calls a function in a thread of its own, which does not hold the program's end up.

    Those of a pool would: the interpreter waits for them, and the program's other work shares the loop's own pool.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(value: Any, error: BaseException | None) -> None:
        if result.done():
            return
        # A future can't hold a StopIteration: it would end whoever awaits it without a word.
        if isinstance(error, StopIteration):
            error = RuntimeError(f"the handler raised {error!r}")
        if error is None:
            result.set_result(value)
        else:
            result.set_exception(error)

    def call() -> None:
        value, error = None, None
        try:
            value = context.run(function, *arguments)
        except BaseException as raised:
            error = raised
        # The loop may be closed by now: then nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=call, name=f"handler {getattr(function, '__name__', '')}", daemon=True).start()
    return result


def _is_async(function: Callable[..., Any]) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004 - an object whose call is a coroutine function
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _takes_context(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    required = [each for each in positional if each.default is each.empty]
    variadic = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    return variadic or len(required) >= 3
