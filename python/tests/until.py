from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


async def until(condition: Callable[[], Any]) -> None:
    """Waits for something for as long as it takes: a test that hangs is ended from outside."""
    while not condition():
        await asyncio.sleep(0.01)
