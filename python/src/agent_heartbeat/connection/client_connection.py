"""A client's connection, from its start to its end: its manager, and what is asked on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ..messaging.requests import Requests
from ..protocol import Message
from .ends import not_connected
from .manager_port import Emit, ManagerPort
from .state import is_final

Manager = TypeVar("Manager", bound=ManagerPort)


class ClientConnection(Generic[Manager]):
    """`on_event` is called with the manager's events, except replies to requests."""

    def __init__(self, agent_id: str, create_manager: Callable[[Emit], Manager], on_event: Emit) -> None:
        self._agent_id = agent_id
        self._create_manager = create_manager
        self._on_event = on_event
        self._requests = Requests()
        self._patterns: Sequence[str] = ()
        self._has_ended = False
        self.manager: Manager | None = None
        """None until it is opened."""

    def open(self) -> Manager:
        """Makes the manager, for the caller to start."""
        self.manager = self._create_manager(self._receive)
        self.manager.set_subscriptions(self._patterns)
        return self.manager

    def set_subscriptions(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns
        if self.manager:
            self.manager.set_subscriptions(patterns)

    async def request(self, message: Message, timeout: float) -> Message:
        """Sends a message and waits for its reply.

        Raises ConnectionError if there is no connection, RequestRefusedError if the server refuses, and
        RequestTimeoutError if no reply comes in `timeout` seconds.
        """
        if self.manager is None or self._has_ended:
            raise not_connected(self._agent_id)
        return await self._requests.request(message, timeout, self.manager.send)

    def _receive(self, event: Message) -> None:
        kind = event["type"]
        if kind == "message" and self._requests.settle(event["message"]):
            return
        if kind == "state":
            self._has_ended = is_final(event["change"]["state"])
        if kind == "unsent":
            self._requests.fail(not_connected(self._agent_id), event["id"])
        elif kind == "broken" or self._has_ended:
            self._requests.fail(not_connected(self._agent_id))
        self._on_event(event)
