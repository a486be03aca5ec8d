"""An agent's messages: those it gets, those it sends, what it asks and what it answers."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..connection.ends import not_connected
from ..errors import AgentHeartbeatError, ConfigurationError
from ..events import Reporter
from ..options import whole, within
from ..protocol import INBOX, Message, delivery_key
from ..tasks import Tasks
from .activity_reporter import ActivityReporter
from .answer import Answer
from .dispatcher import Dispatcher
from .message import Incoming, MessageContext
from .publisher import Ask, Publisher
from .questions import Questions
from .tracing import Tracer, trace_of
from .work import Work

_REMEMBERED = 1000
"""Ids of messages that are remembered, to recognize a repeated message."""


class Messaging:
    """Belongs to the event loop's thread, but for `progress`. `ask` sends the service a message."""

    def __init__(
        self,
        agent_id: str,
        *,
        concurrency: int,
        queue: int,
        request_timeout: float,
        work: Work,
        activity: ActivityReporter,
        reporter: Reporter,
        tracer: Tracer,
        ask: Ask,
        subscribed: Callable[[], None],
    ) -> None:
        """`subscribed` is called when handlers were added or taken away."""
        self._agent_id = agent_id
        self._request_timeout = request_timeout
        self._work = work
        self._activity = activity
        self._reporter = reporter
        self._tracer = tracer
        self._subscribed = subscribed
        self._dispatcher = Dispatcher(
            work,
            concurrency,
            queue,
            activity.changed,
            activity.activity_sent,
            reporter.handler_failed,
            reporter.message_dropped,
            tracer.process,
        )
        self._publisher = Publisher(agent_id, ask)
        self._questions = Questions(agent_id, self._publisher.publish)
        self._answering = Tasks()
        self._recent: OrderedDict[str, None] = OrderedDict()

    @property
    def patterns(self) -> list[str]:
        """What the handlers are for: a pattern, and after a space its group."""
        return self._dispatcher.patterns

    def on_message(
        self,
        pattern: str,
        handler: Callable[..., Any],
        group: str | None,
        concurrency: int,
        max_silence: float | None,
    ) -> Callable[[], None]:
        """Returns a function that takes the handler away again."""
        added = self._dispatcher.add(pattern, handler, concurrency, max_silence, group)
        self._subscribed()

        def remove() -> None:
            self._dispatcher.remove(added)
            self._subscribed()

        return remove

    def progress(self, note: str | None) -> None:
        """May be called from every thread."""
        if note is not None and not isinstance(note, str):
            raise ConfigurationError(f"expected a note that is a text, got {note!r}")
        if self._work.advance(note):
            self._activity.changed()

    async def publish(self, subject: str, data: Any, to: str | None, capability: str | None) -> int:
        message = _outgoing(subject, data, to, capability)
        with self._tracer.send("publish", subject) as trace:
            return await self._publisher.publish({**message, **trace}, self._request_timeout)

    async def request(
        self, subject: str, data: Any, to: str | None, capability: str | None, timeout: float | None, retries: int
    ) -> Any:
        seconds = self._request_timeout
        if timeout is not None:
            seconds = within("timeout", timeout, 0.1, 86_400)
        whole("retries", retries, 0, 100)
        message = _outgoing(subject, data, to, capability)
        with self._tracer.send("request", subject) as trace:
            return await self._questions.ask({**message, **trace}, seconds, retries)

    def receive(self, message: Message, subject: str) -> None:
        """Takes a message from the service, once."""
        message_id, sender, data = message.get("messageId"), message.get("from"), message.get("data")
        if self._is_repeated(delivery_key(message)):
            return
        if subject.startswith(f"{INBOX}."):
            self._questions.answered(subject, data, sender if isinstance(sender, str) else "somebody")
            return
        reply_to = message.get("replyTo")
        attempt = {"attempt": message["attempt"]} if "attempt" in message else {}
        answer = (
            Answer(lambda reply: self._answering.keep(self._reply(reply_to, {**reply, **attempt})))
            if isinstance(reply_to, str)
            else None
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

    def close(self) -> None:
        """Starts no handler from now on."""
        self._dispatcher.close()

    def end(self) -> None:
        """Gives up what was asked: no answer can come any more."""
        self.close()
        self._questions.fail(not_connected(self._agent_id))

    @property
    def is_leaving(self) -> bool:
        """Whether the caller is a handler that waits, or has waited, for the end of all others."""
        return self._dispatcher.is_leaving

    def others_end(self) -> asyncio.Future[None] | None:
        """Done when every handler but those that wait here has ended; None where the caller is no handler."""
        return self._dispatcher.others_end()

    async def idle(self) -> None:
        """Returns when no handler runs, and what they answered is sent."""
        while waiting := [*self._dispatcher.running, *self._answering.running]:
            await asyncio.wait(waiting)

    def _is_repeated(self, key: str | None) -> bool:
        if key is None:
            return False
        if key in self._recent:
            return True
        self._recent[key] = None
        if len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)
        return False

    async def _reply(self, reply_to: str, reply: dict[str, Any]) -> None:
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
            self._reporter.handler_failed(reply_to, error)


def _outgoing(subject: str, data: Any, to: str | None, capability: str | None) -> Message:
    receiver = {"to": to, "capability": capability}
    return {"subject": subject, "data": data, **{name: each for name, each in receiver.items() if each is not None}}
