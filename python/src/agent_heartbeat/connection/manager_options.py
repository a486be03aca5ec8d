"""What a connection manager is made of, checked."""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol import Message
from .backoff import Window
from .heartbeat import HeartbeatTerms
from .state import FailureKind


@dataclass(frozen=True)
class ManagerOptions:
    """Times are in seconds."""

    url: str
    login: Message
    """The claims of a login token but for its times, its id and `rotation`."""
    heartbeat: HeartbeatTerms | None
    auto_reconnect: bool
    windows: dict[FailureKind, Window]
    stable_after: float
    connect_timeout: float
    close_timeout: float
    rotate_after: tuple[float, float]
    http_url: str | None = None
    """Where heartbeats go that are sent over HTTP. None where they go over the WebSocket."""
