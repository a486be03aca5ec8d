"""What clients need of their connection's manager, whether it runs in this process or in another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, Union

from ..protocol import Message
from .health import ManagerHealth
from .keys import SigningKey

Emit = Callable[[Message], None]
"""Takes a manager's events: plain data, objects with a `type`."""
LoadKey = Callable[[Callable[[Union[SigningKey, BaseException]], None]], None]
"""Reads the key as it is now, and hands it, or what was in the way, to a callback."""


class ManagerPort(Protocol):
    def start(self) -> None: ...

    def stop(self, cause: str) -> None: ...

    def reconnect(self) -> None:
        """Makes the next attempt sooner, and probes an open connection."""

    def send(self, message: Message) -> None:
        """Sends a message if there is a connection; otherwise an event `unsent` follows."""

    def set_subscriptions(self, patterns: Sequence[str]) -> None:
        """The patterns to be subscribed to from now on, on every connection."""

    def health(self) -> ManagerHealth: ...


class AgentManagerPort(ManagerPort, Protocol):
    """What an agent needs beyond that: its heartbeats say what it does."""

    def drain(self) -> None:
        """Heartbeats go on and say so; no way back."""

    def set_activity(self, activity: Message) -> None:
        """What the heartbeats say from now on. Its times are milliseconds by the local clock."""

    async def activity_sent(self) -> None:
        """Until what was set can be sent, whatever the caller's code does next."""
