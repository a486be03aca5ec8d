"""When to list a fleet, and how its list is read.

It is listed at once, when the first lease ends that is known, and again and again: a small fleet every five seconds, so
that its heartbeats are seen, a large one every minute, so that it is not only listed.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from ..connection.ends import not_connected
from ..connection.stats import ServerClock
from ..errors import RequestRefusedError
from ..protocol import LIST_PAGE_SIZE, Message

_AGE = (1.0, 5.0, 60.0)
"""How old a list gets: a second for each of its pages, within the other two."""
_MIN_AGE = 1.0
"""Lists begin at least this far apart."""
_RETRY = (2.0, 30.0)
"""The window of the wait after the first list that failed, and the largest one."""
_OVERDUE = 90.0
"""From this age on what the last list said may be old."""
_PAGE_WITH_PROFILES = 25
_PACE = 1.0
"""How long a list pauses when the service has had enough of its pages for now."""


class ListingSchedule:
    """Times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._started_at = -math.inf
        self._listed_at = -math.inf
        """When the newest list that is complete was begun."""
        self._pause = _MIN_AGE
        self._failures = 0
        self._max_age = _AGE[2]
        self._at_once = True

    @property
    def overdue_at(self) -> float:
        """When what is known becomes doubtful."""
        return self._listed_at + _OVERDUE

    def due_at(self, lease_end: float) -> float:
        """`lease_end`: when the first lease ends."""
        wanted = -math.inf if self._at_once else self._listed_at + self._max_age
        return max(min(wanted, lease_end), self._started_at + self._pause)

    def list_now(self) -> None:
        """The next one is due as soon as it may be."""
        self._at_once = True
        self._pause = _MIN_AGE

    def started(self, now: float) -> None:
        self._started_at = now
        self._at_once = False

    def completed(self, pages: int) -> None:
        each, least, most = _AGE
        self._max_age = min(max(pages * each, least), most)
        self._listed_at = self._started_at
        self._failures = 0
        self._pause = _MIN_AGE

    def failed(self) -> None:
        base, longest = _RETRY
        window = min(longest, base * 2.0**self._failures)
        self._failures = min(self._failures + 1, 10)
        self._pause = _MIN_AGE + random.random() * window
        self._at_once = True


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
            # What was told in between was not heard.
            if breaks != self._breaks:
                raise not_connected(self._agent_id)
