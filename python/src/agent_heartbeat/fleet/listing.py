"""When to list a fleet.

It is listed at once, when the first lease ends that is known, and again and again: a small fleet every five seconds, so
that its heartbeats are seen, a large one every minute, so that it is not only listed.
"""

from __future__ import annotations

import math
import random

_AGE = (1.0, 5.0, 60.0)
"""How old a list gets: a second for each of its pages, within the other two."""
_MIN_AGE = 1.0
"""Lists begin at least this far apart."""
_RETRY = (2.0, 30.0)
"""The window of the wait after the first list that failed, and the largest one."""
_OVERDUE = 90.0
"""From this age on what the last list said may be old."""


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
