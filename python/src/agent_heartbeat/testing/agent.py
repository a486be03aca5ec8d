"""An agent for tests of handlers alone: the real one, connected to a service of its own in memory."""

from __future__ import annotations

from typing import Any

from ..connection.asyncio_runtime import AsyncioRuntime
from ..heartbeat_agent import HeartbeatAgent
from .remote import FakeMessage, Handler, RemoteAgent
from .service import FakeService

_SENDER = "test"
"""Sends what the test delivers."""


class _Runtime(AsyncioRuntime):
    def __init__(self, service: FakeService) -> None:
        super().__init__(proxy=None)
        self.open_socket = service.open_socket  # type: ignore[assignment, method-assign]


class FakeAgent(HeartbeatAgent):
    """Made by `fake_agent()`."""

    def __init__(self, agent_id: str = "agent-1", organization_id: str = "acme", **options: Any) -> None:
        self._service = FakeService(organization_id)
        self._service.url = "wss://service.test/prod"
        super().__init__(**{**self._service.options(agent_id), **options})

    @property
    def published(self) -> list[FakeMessage]:
        """Every message that the agent has published or asked, apart from answers."""
        return self._service.published

    async def receive(self, subject: str, data: Any = None, sender: str = _SENDER) -> Any:
        """Brings the agent a message, as a request: starts the agent if it is not started.

        Returns what the handler returns.

        Raises:
            RemoteError: if the handler raises (`handler_failed`), or there is none (`no_handler`).
        """
        await self.start()
        return await self._service.agent(sender).request(subject, data, to=self.agent_id)

    def reply(self, pattern: str, handler: Handler, agent_id: str = _SENDER) -> RemoteAgent:
        """Answers what the agent asks others, and takes what it publishes."""
        agent = self._service.agent(agent_id).online()
        agent.on_message(pattern, handler)
        return agent

    def _runtime(self) -> AsyncioRuntime:
        return _Runtime(self._service)


def fake_agent(agent_id: str = "agent-1", organization_id: str = "acme", **options: Any) -> FakeAgent:
    """An agent that needs no service: for tests of what its handlers do. Takes the options of an agent."""
    return FakeAgent(agent_id, organization_id, **options)
