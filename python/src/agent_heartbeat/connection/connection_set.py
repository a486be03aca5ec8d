"""The connections of a manager, and what each is for: one counts, one is to take over, and the others drain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..protocol import Message
from .draining_connections import DrainingConnections
from .heartbeat import Heartbeat
from .managed_connection import ManagedConnection
from .rotation_buffer import RotationBuffer

_LINGER = 5.0
"""How long the old connection of a rotation stays open once the new one brings messages too."""


class ConnectionSet:
    """All times are by the monotonic clock, in seconds."""

    def __init__(self, close_timeout: float) -> None:
        self.primary: ManagedConnection | None = None
        """The one that counts."""
        self.candidate: ManagedConnection | None = None
        """The one that is to become primary: a first connection, a next one, or a rotation's."""
        self.leaving = DrainingConnections(close_timeout)
        self._buffer = RotationBuffer()
        self._patterns: Sequence[str] = ()

    def __iter__(self) -> Iterator[ManagedConnection]:
        """Those that do not drain."""
        return (each for each in (self.primary, self.candidate) if each is not None)

    @property
    def heartbeat(self) -> Heartbeat | None:
        """The heartbeat of the one that counts."""
        return self.primary.heartbeat if self.primary else None

    @property
    def may_rotate(self) -> bool:
        """One rotation after the other: messages can be put in order from two connections, not from three."""
        return self.heartbeat is not None and self.candidate is None and len(self.leaving) == 0

    def want(self, patterns: Sequence[str]) -> None:
        """What to subscribe to on each of them."""
        self._patterns = list(patterns)
        for connection in self:
            connection.subscriptions.want(self._patterns)

    def add(self, candidate: ManagedConnection) -> None:
        self.candidate = candidate
        candidate.subscriptions.want(self._patterns)

    def opened(self, connection: ManagedConnection) -> bool:
        """Returns whether it counts now: in a rotation the old one does until the new one has proved itself."""
        if self.primary:
            self._buffer.begin(self.primary, connection)
            return False
        self.promote(connection)
        return True

    def promote(self, connection: ManagedConnection) -> None:
        self.primary, self.candidate = connection, None

    def complete_rotation(self, connection: ManagedConnection, now: float) -> bool:
        """As soon as the new connection does all that the old one does. Returns whether that is so."""
        old = self.primary
        if old is None or connection is not self.candidate or connection.awaited:
            return False
        self.promote(connection)
        self.leaving.close(old, "rotated", now, _LINGER)
        return True

    def drop_candidate(self, but: ManagedConnection | None = None) -> None:
        if self.candidate and self.candidate is not but:
            self.candidate.terminate()
            self.candidate = None

    def supersede(self, connection: ManagedConnection) -> None:
        """None follows the present one, on which answers may still go out."""
        if self.primary is None:
            # The only connection there is was still on its way to being the current one.
            self.promote(self.candidate or connection)
        self.drop_candidate()

    def lose(self, connection: ManagedConnection) -> bool:
        """Ends it, and what drains if it counted. Returns whether it did, or none does."""
        connection.terminate()
        if connection is self.candidate:
            self.candidate = None
        if self.primary and connection is not self.primary:
            return False
        self.primary = None
        self.leaving.cut_off()
        return True

    def close(self, reason: str, now: float) -> None:
        """Closes all of them."""
        self.drop_candidate()
        if self.primary:
            self.leaving.close(self.primary, reason, now)
        self.primary = None
        self.leaving.close_all(now)

    def cut_off(self) -> None:
        """Ends all of them without waiting for anything."""
        self.drop_candidate()
        if self.primary:
            self.primary.terminate()
        self.primary = None
        self.leaving.cut_off()

    def admits(self, connection: ManagedConnection, message: Message) -> bool:
        """Returns whether to pass a message on now, and not after those of the old connection of a rotation."""
        return self._buffer.admits(connection, message)

    def release(self) -> list[Message]:
        """The messages that were held back, as soon as they can be passed on."""
        return self._buffer.release()
