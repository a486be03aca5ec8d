"""Hands incoming messages to the handlers of their subject: so many at once, those of one subject in order."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

from ..errors import ConfigurationError
from ..options import check_id, whole, within
from ..protocol import INBOX
from ..subject import check_pattern, matches_subject
from .handler import Chain, Handler
from .message import Incoming
from .work import Work, current_task


class Dispatcher:
    """Belongs to the event loop's thread. `queue` messages wait at most, further ones are dropped."""

    def __init__(
        self,
        work: Work,
        concurrency: int,
        queue: int,
        worked: Callable[[], None],
        activity_sent: Callable[[], Awaitable[None]],
        failed: Callable[[str, BaseException], None],
        dropped: Callable[[str, str], None],
        within: Callable[[Handler, Incoming], AbstractContextManager[object]],
    ) -> None:
        self._work = work
        self._concurrency = concurrency
        self._queue = queue
        self._worked = worked
        self._activity_sent = activity_sent
        self._failed = failed
        self._dropped = dropped
        self._within = within
        self._handlers: dict[Handler, None] = {}
        self._ready: deque[tuple[Chain, Incoming]] = deque()
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
        handler = Handler(pattern, group, function, concurrency, max_silence)
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
        chain = handler.chains.get(message.subject) or Chain(handler, message.subject)
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

    async def _handle(self, chain: Chain, message: Incoming) -> None:
        handler = chain.handler
        if message.context.is_expired:
            self._dropped(message.subject, "expired")
            return
        work = self._work.begin(message.subject, handler.max_silence)
        current_task.set(work)
        _current_asyncio_task.set(asyncio.current_task())
        self._worked()
        try:
            await self._activity_sent()
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
        with self._within(handler, message):
            return await handler.call(message)

    def _done(self, task: asyncio.Task[None], chain: Chain) -> None:
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
