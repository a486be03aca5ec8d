"""Reads the list of a fleet, page by page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from ..connection.ends import not_connected
from ..connection.stats import ServerClock
from ..errors import RequestRefusedError
from ..protocol import LIST_PAGE_SIZE, Message

_PAGE_WITH_PROFILES = 25
_PACE = 1.0
"""How long a list pauses when the service has had enough of its pages for now."""


class FleetPages:
    """The pages of the list that an agent's requests get. `clock` learns from each."""

    def __init__(
        self, agent_id: str, profiles: bool, request: Callable[[Message], Awaitable[Message]], clock: ServerClock
    ) -> None:
        self._agent_id = agent_id
        self._query: Message = {"type": "list", "limit": _PAGE_WITH_PROFILES if profiles else LIST_PAGE_SIZE}
        if profiles:
            self._query["profiles"] = True
        self._request = request
        self._clock = clock
        self._breaks = 0

    def broken(self) -> None:
        """The connection broke: what is being read may lack what happened since."""
        self._breaks += 1

    async def read(self) -> AsyncIterator[Message]:
        """Raises ConnectionError, RequestRefusedError or RequestTimeoutError."""
        query = self._query
        while True:
            page = await self._page(query)
            yield page
            if page["cursor"] is None:
                return
            query = {**self._query, "cursor": page["cursor"]}

    async def _page(self, query: Message) -> Message:
        """One that comes too soon after the others is asked for again."""
        breaks = self._breaks
        while True:
            sent_at = time.monotonic()
            try:
                page = await self._request(query)
            except RequestRefusedError as error:
                if error.code != "rate_limited":
                    raise
            else:
                self._clock.learn_from_ack(page["serverTime"], time.monotonic() - sent_at)
                return page
            await asyncio.sleep(_PACE)
            # Changes in between were not received.
            if breaks != self._breaks:
                raise not_connected(self._agent_id)
