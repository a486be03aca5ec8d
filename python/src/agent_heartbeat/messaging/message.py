"""Messages on their way to their handlers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from .answer import Answer


@dataclass(frozen=True)
class MessageContext:
    """What a handler can receive beside subject and data, as a third argument."""

    sender: str | None
    """The agent id of the sender; `service`, or `event:<source>` for the event bus."""
    message_id: str | None
    """The same in every attempt of a request."""
    attempt: int | None = None
    """Of a request, from 1 on: an earlier attempt may have been handled, by this agent or another one."""
    deadline: float | None = None
    """The deadline of a request, by `time.monotonic()`: after it, no answer is expected."""
    traceparent: str | None = None
    """The W3C trace context of the sender, if it sent one."""
    tracestate: str | None = None
    """What tracing systems add to `traceparent`."""

    @property
    def time_left(self) -> float | None:
        """Seconds until the deadline of a request, 0 after it."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    @property
    def is_expired(self) -> bool:
        """Whether the deadline has passed. A request that is still waiting then is not handled."""
        return self.time_left == 0


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
