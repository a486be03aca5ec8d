"""A fleet's watcher on its agent's connection: it subscribes beside the agent, and its requests have own ids."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from ..connection.health import ManagerHealth, health_before
from ..connection.manager_port import Emit, ManagerPort
from ..connection.state import StateChange, is_final
from ..events import Log, void
from ..protocol import Message
from .watcher import Watcher

_PREFIX = "fleet-"
"""Of the ids of the watcher's requests."""


class AgentFleet(Watcher):
    """An agent's organization in a mapping that is kept current, over the agent's connection.

    Times of agents are epoch milliseconds by the server's clock. It ends with the agent.
    """

    def __init__(
        self,
        agent_id: str,
        organization_id: str,
        log: Log,
        *,
        request_timeout: float,
        manager: Callable[[], ManagerPort | None],
        subscribe: Callable[[], bool],
        end: StateChange | None,
    ) -> None:
        """Made by `agent.fleet`.

        `manager`: the agent's, once it has one; `subscribe` has the agent subscribe to what both want, and returns
        whether it was already; `end`: how the agent has ended.
        """
        self._shared = _SharedLink(manager, subscribe, end)
        super().__init__(
            agent_id,
            organization_id,
            log,
            profiles=False,
            request_timeout=request_timeout,
            create_manager=self._shared.emitting,
        )

    @property
    def patterns(self) -> Sequence[str]:
        """What to subscribe to for it."""
        return self._shared.patterns

    def takes(self, event: Message) -> bool:
        """Hears an event of the agent's connection. Returns whether it is none of the agent's business."""
        return self._shared.takes(event)


class _SharedLink:
    def __init__(
        self,
        manager: Callable[[], ManagerPort | None],
        subscribe: Callable[[], bool],
        end: StateChange | None,
    ) -> None:
        self._manager, self._subscribe = manager, subscribe
        self._emit: Emit = void
        self.patterns: Sequence[str] = ()
        self._ready = False
        self._open = False
        self._end: dict[str, Any] | None = end.to_json() if end else None

    def emitting(self, emit: Emit) -> _SharedLink:
        """Itself, as the manager of a watcher that receives its events."""
        self._emit = emit
        return self

    def start(self) -> None:
        self._open = True
        if self._end:
            self._finish(self._end)
        elif self._ready:
            self._emit({"type": "ready"})

    def stop(self, cause: str) -> None:
        self._finish(StateChange("stopped", "connected", cause, time.time()).to_json())

    def reconnect(self) -> None:
        manager = self._manager()
        if manager:
            manager.reconnect()

    def send(self, message: Message) -> None:
        manager = self._manager()
        if manager:
            manager.send({**message, "id": f"{_PREFIX}{message['id']}"})
        else:
            self._emit({"type": "unsent", "id": message["id"]})

    def set_subscriptions(self, patterns: Sequence[str]) -> None:
        self.patterns = patterns
        self._ready = self._subscribe()

    def health(self) -> ManagerHealth:
        manager = self._manager()
        return manager.health() if manager else health_before("connecting")

    def takes(self, event: Message) -> bool:
        kind = event["type"]
        message = event["message"] if kind == "message" else event
        own = str(message.get("id") or "")
        if kind in ("message", "unsent") and own.startswith(_PREFIX):
            named = {**message, "id": own.removeprefix(_PREFIX)}
            if self._open:
                self._emit({**event, "message": named} if kind == "message" else named)
            return True
        change = event["change"] if kind == "state" else None
        if change and is_final(change["state"]):
            self._end = change
            self._finish(change)
        elif self._open and (kind in ("state", "ready", "broken") or message.get("type") == "message"):
            self._emit(event)
        return False

    def _finish(self, change: dict[str, Any]) -> None:
        if not self._open:
            return
        self._open = False
        self.patterns = ()
        self._emit({"type": "state", "change": change})
        if not self._end:
            self._subscribe()
