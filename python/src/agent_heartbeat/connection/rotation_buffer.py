"""Makes one sequence of the messages that come on two connections during a rotation.

Those of the newer one wait until the older one has ended, and those received on both are delivered once.
"""

from __future__ import annotations

from ..protocol import INBOX, Message, delivery_key
from .managed_connection import ManagedConnection


class RotationBuffer:
    def __init__(self) -> None:
        self._connections: tuple[ManagedConnection, ManagedConnection] | None = None
        self._delivered: set[str] = set()
        self._held: list[Message] = []

    def begin(self, older: ManagedConnection, newer: ManagedConnection) -> None:
        self._connections = (older, newer)

    def admits(self, connection: ManagedConnection, message: Message) -> bool:
        """Returns whether to deliver the message now."""
        subject, key = message.get("subject"), delivery_key(message)
        # Answers to requests have no order, arrive on one connection, and are waited for.
        is_answer = isinstance(subject, str) and subject.startswith(f"{INBOX}.")
        if self._connections is None or is_answer:
            return True
        if connection is self._connections[0]:
            if key is not None:
                self._delivered.add(key)
            return True
        self._held.append(message)
        return False

    def release(self) -> list[Message]:
        """What was held, as soon as one of the two connections has ended."""
        if self._connections is None or not any(connection.has_ended for connection in self._connections):
            return []
        self._connections = None
        unseen = [each for each in self._held if delivery_key(each) not in self._delivered]
        self._held, self._delivered = [], set()
        return unseen
