"""Hears the process's signals for all agents in it, with one handler each."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any

from .events import void

_previous: dict[int, Any] = {}
_callbacks: dict[int, dict[object, Callable[[], None]]] = {}


def on_signals(
    signals: Iterable[int], loop: asyncio.AbstractEventLoop, callback: Callable[[], None]
) -> Callable[[], None]:
    """Calls back on the loop; returns a function that ends it. Does nothing outside of the main thread.

    Without callbacks a signal does what it did before.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    key = object()
    handled = list(signals)
    for number in handled:
        if number not in _callbacks:
            _previous[number] = signal.signal(number, _on_signal)
            _callbacks[number] = {}
        _callbacks[number][key] = lambda: void(loop.call_soon_threadsafe(callback))

    def release() -> None:
        for number in handled:
            callbacks = _callbacks.get(number)
            if callbacks is None:
                continue
            callbacks.pop(key, None)
            if not callbacks:
                del _callbacks[number]
                before = _previous.pop(number)
                signal.signal(number, signal.SIG_DFL if before is None else before)

    return release


def _on_signal(number: int, _frame: Any) -> None:
    for callback in list(_callbacks.get(number, {}).values()):
        callback()
