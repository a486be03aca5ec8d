"""Connections that are no longer counted on, until they have ended."""

from __future__ import annotations

from dataclasses import dataclass

from .managed_connection import ManagedConnection


@dataclass
class _Draining:
    reason: str
    closes_at: float | None
    """Monotonic: when it is closed; None once it was."""
    ends_at: float
    """Monotonic: when it is cut off."""


class DrainingConnections:
    """Listened to until the peer has answered their close, but not for ever: for `close_timeout` seconds."""

    def __init__(self, close_timeout: float) -> None:
        self._close_timeout = close_timeout
        self._connections: dict[ManagedConnection, _Draining] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def __contains__(self, connection: ManagedConnection) -> bool:
        return connection in self._connections

    @property
    def deadlines(self) -> list[float]:
        """Monotonic times at which there is something to do."""
        return [each.ends_at if each.closes_at is None else each.closes_at for each in self._connections.values()]

    def close(self, connection: ManagedConnection, reason: str, now: float, linger: float = 0.0) -> None:
        """Closes with code 1000, at once or later."""
        if not connection.is_open:
            connection.terminate()
            return
        closes_at = now + linger
        self._connections[connection] = _Draining(reason, closes_at, closes_at + self._close_timeout)
        if linger == 0:
            self.work(now)

    def ended(self, connection: ManagedConnection) -> bool:
        """Returns whether this was one of them."""
        return self._connections.pop(connection, None) is not None

    def work(self, now: float) -> None:
        """Closes what has lingered for long enough, and cuts off what has had its time to answer."""
        for connection, draining in list(self._connections.items()):
            if draining.closes_at is not None and draining.closes_at <= now:
                draining.closes_at = None
                connection.close(1000, draining.reason)
            if draining.ends_at <= now:
                self._connections.pop(connection, None)
                connection.terminate()

    def close_all(self, now: float) -> None:
        """Closes what still lingers."""
        for draining in self._connections.values():
            if draining.closes_at is not None:
                draining.closes_at = now
                draining.ends_at = now + self._close_timeout
        self.work(now)

    def cut_off(self) -> None:
        """Cuts all of them off."""
        self.work(float("inf"))
