"""The event loop that an agent belongs to, for calls from other threads."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable


class EventLoop:
    """That in which it was entered first."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: int | None = None

    def enter(self) -> bool:
        """Returns whether it is the one that runs here."""
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
            self._thread = threading.get_ident()
        return self._loop is running

    def call(self, callback: Callable[[], None]) -> None:
        """Calls back in its thread: at once, if that is the caller's. May be called from every thread."""
        if threading.get_ident() == self._thread:
            callback()
        elif self._loop:
            with contextlib.suppress(RuntimeError):  # It is closed.
                self._loop.call_soon_threadsafe(callback)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Calls back in its next turn. To be called in its thread."""
        if self._loop:
            self._loop.call_soon(callback)
