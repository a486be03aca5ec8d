"""Tasks that nobody awaits, and waiting for the first of several."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any


class Tasks:
    """Holds tasks until they end: the event loop alone would let them be collected."""

    def __init__(self) -> None:
        self.running: set[asyncio.Future[Any]] = set()

    def keep(self, work: Awaitable[Any]) -> None:
        """Runs it in a task of its own."""
        task = asyncio.ensure_future(work)
        self.running.add(task)
        task.add_done_callback(self.running.discard)


async def first_of(*work: Awaitable[Any], timeout: float | None) -> bool:
    """Waits for the first to be done, and cancels the others. Returns whether one was done in time."""
    waits = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
    return bool(done)
