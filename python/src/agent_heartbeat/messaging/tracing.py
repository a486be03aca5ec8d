"""How an agent's messages take part in traces, and what keeps a faulty tracer from harming them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..events import Log
from .answer import text_of
from .handler import Handler
from .message import Incoming, MessageContext

_TRACESTATE_LENGTH = 512
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True)
class TracedSend:
    """A message that an agent sends."""

    agent_id: str
    """The sender."""
    operation: Literal["publish", "request"]
    subject: str


@dataclass(frozen=True)
class TracedMessage:
    """A message that an agent's handler processes."""

    agent_id: str
    """The agent of the handler."""
    subject: str
    template: str
    """The subject or pattern that the handler was added for."""
    group: str | None
    """The group of the handler."""
    context: MessageContext


class Tracing(Protocol):
    """Takes an agent's messages into traces: see `agent_heartbeat.opentelemetry.OpenTelemetryTracing`.

    What it raises is logged: it neither stops a message nor changes its result.
    """

    def send(self, message: TracedSend) -> AbstractContextManager[Mapping[str, str]]:
        """Called for each `publish()` and `request()`. Returns a context for its duration.

        It enters with the trace context that travels with the message: `traceparent` and `tracestate`.
        """

    def process(self, message: TracedMessage) -> AbstractContextManager[object]:
        """Called for each message and handler. Returns a context in which the handler is called."""


def trace_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """What is well-formed of a trace context. Without a `traceparent` that is, nothing."""
    parent, state = fields.get("traceparent"), fields.get("tracestate")
    if not isinstance(parent, str) or not _TRACEPARENT.fullmatch(parent):
        return {}
    if isinstance(state, str) and len(state) <= _TRACESTATE_LENGTH:
        return {"traceparent": parent, "tracestate": state}
    return {"traceparent": parent}


class Tracer:
    """Takes an agent's messages into traces, if it has tracing, which can harm neither them nor what they cause."""

    def __init__(self, agent_id: str, tracing: Tracing | None, log: Log) -> None:
        self._agent_id = agent_id
        self._tracing = tracing
        self._log = log

    @contextmanager
    def send(self, operation: Literal["publish", "request"], subject: str) -> Iterator[Mapping[str, str]]:
        """For the duration of a call. Enters with the trace context that the message is to carry."""
        tracing = self._tracing
        if tracing is None:
            yield {}
            return
        with _traced(lambda: tracing.send(TracedSend(self._agent_id, operation, subject)), self._failed) as trace:
            yield trace_of(trace) if isinstance(trace, Mapping) else {}

    def process(self, handler: Handler, message: Incoming) -> AbstractContextManager[object]:
        """A context in which the handler is to be called."""
        tracing = self._tracing
        if tracing is None:
            return nullcontext()
        processed = TracedMessage(self._agent_id, message.subject, handler.pattern, handler.group, message.context)
        return _traced(lambda: tracing.process(processed), self._failed)

    def _failed(self, error: Exception) -> None:
        self._log.warning("tracing: %s", text_of(error))


@contextmanager
def _traced(begin: Callable[[], AbstractContextManager[Any]], failed: Callable[[Exception], None]) -> Iterator[Any]:
    """The context that `begin` returns, which can neither raise anything nor swallow what is raised in it."""
    try:
        manager = begin()
        entered = manager.__enter__()
    except Exception as error:
        failed(error)
        yield None
        return
    try:
        yield entered
    except BaseException as error:
        _leave(manager, error, failed)
        raise
    else:
        _leave(manager, None, failed)


def _leave(
    manager: AbstractContextManager[Any], error: BaseException | None, failed: Callable[[Exception], None]
) -> None:
    try:
        manager.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
    except Exception as another:
        if another is not error:
            failed(another)
