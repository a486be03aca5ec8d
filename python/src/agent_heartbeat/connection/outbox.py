"""Holds the events of a connection manager until it has done its round, so that a listener finds nothing half done."""

from __future__ import annotations

from collections import deque

from ..protocol import Message
from .manager_port import Emit


class Outbox:
    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._events: deque[Message] = deque()
        self._is_flushing = False

    def put(self, event: Message) -> None:
        self._events.append(event)

    def flush(self) -> None:
        """Emits what is there, in order. Events that a listener causes are emitted after those before them."""
        if self._is_flushing:
            return
        self._is_flushing = True
        try:
            while self._events:
                self._emit(self._events.popleft())
        finally:
            self._is_flushing = False
