"""An agent elsewhere that the test plays: it comes, goes, sends, and answers."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import NoReceiverError, RemoteError
from ..protocol import INBOX
from ..subject import agent_token, matches_subject
from ..tasks import Tasks
from .fleet import FakeFleet, now_ms

_DAY_MS = 86_400_000
Handler = Callable[[str, Any], Any]


@dataclass(frozen=True)
class FakeMessage:
    """A message on its way through the fake service."""

    subject: str
    data: Any
    sender: str
    to: str | None = None
    reply_to: str | None = None
    timeout_ms: int | None = None
    attempt: int | None = None
    reached: int = 0
    """How many processes it reached, where a client has published it."""
    capability: str | None = None
    trace: Mapping[str, str] = field(default_factory=dict)
    """Its `traceparent` and `tracestate`, if any."""


class RemoteAgent:
    """Made by `FakeService.agent()`."""

    def __init__(self, agent_id: str, fleet: FakeFleet, deliver: Callable[[FakeMessage], int]) -> None:
        self.agent_id = agent_id
        self.received: list[FakeMessage] = []
        """Every message that it got, in order."""
        self._fleet = fleet
        self._deliver = deliver
        self._handlers: list[tuple[str, Handler]] = []
        self._asked: dict[str, asyncio.Future[Any]] = {}
        self._questions = itertools.count(1)
        self._tasks = Tasks()

    def online(self, **fields: Any) -> RemoteAgent:
        """The agent comes online, or is seen again. Its lease is a day: it stays until the test says otherwise."""
        lease = {"leaseMs": _DAY_MS, "leaseExpiresAt": now_ms() + _DAY_MS}
        self._fleet.online(self.agent_id, {**lease, **fields})
        return self

    def offline(self, reason: str = "connection_lost") -> RemoteAgent:
        """The agent goes offline, and gets no messages."""
        self._fleet.offline(self.agent_id, reason)
        return self

    def stall(self) -> None:
        """Its work stalls."""
        self._fleet.stall(self.agent_id, now_ms())

    def recover(self) -> None:
        """Its work advances again."""
        self._fleet.stall(self.agent_id, None)

    def on_message(self, pattern: str, handler: Handler) -> None:
        """Handles messages, and answers requests, while it is online. The handler may be a coroutine function."""
        self._handlers.append((pattern, handler))

    def publish(self, subject: str, data: Any = None, *, to: str | None = None, capability: str | None = None) -> int:
        """Returns how many processes the message reached."""
        return self._deliver(FakeMessage(subject, data, self.agent_id, to, capability=capability))

    async def request(
        self, subject: str, data: Any = None, *, to: str | None = None, capability: str | None = None
    ) -> Any:
        """Sends a request and waits for its answer, for as long as it takes.

        Raises:
            NoReceiverError: if it reaches no receiver.
            RemoteError: if it is answered with an error.
        """
        reply_to = f"{INBOX}.{agent_token(self.agent_id)}.{next(self._questions)}"
        answered = self._asked[reply_to] = asyncio.get_running_loop().create_future()
        try:
            if self._deliver(FakeMessage(subject, data, self.agent_id, to, reply_to, capability=capability)) == 0:
                raise NoReceiverError(f"{subject}: expected an answer, got nobody")
            return await answered
        finally:
            del self._asked[reply_to]

    def takes(self, message: FakeMessage) -> bool:
        if message.subject in self._asked:
            return True
        if not self._fleet.is_online(self.agent_id):
            return False
        if message.to is not None:
            return message.to == self.agent_id
        return any(matches_subject(pattern, message.subject) for pattern, _ in self._handlers)

    def receive(self, message: FakeMessage) -> None:
        asked = self._asked.get(message.subject)
        if asked is None:
            self.received.append(message)
            self._tasks.keep(self._handle(message))
        elif not asked.done():
            error = message.data.get("error")
            if error:
                asked.set_exception(RemoteError(error["code"], message.sender, error["message"]))
            else:
                asked.set_result(message.data.get("result"))

    async def _handle(self, message: FakeMessage) -> None:
        fitting = [handler for pattern, handler in self._handlers if matches_subject(pattern, message.subject)]
        answer: dict[str, Any] = {"error": {"code": "no_handler", "message": "there is no handler"}}
        try:
            for handler in fitting[:1]:
                result = handler(message.subject, message.data)
                answer = {"result": await result if inspect.isawaitable(result) else result}
        except Exception as error:
            answer = {"error": {"code": "handler_failed", "message": str(error)}}
        if message.reply_to:
            self._deliver(FakeMessage(message.reply_to, answer, self.agent_id))
