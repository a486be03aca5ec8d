"""Plans the next attempt to connect after one has failed, and reports the failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..protocol import Message
from .backoff import Backoff
from .ends import End, Refused, enrolment_refusal_in, fleet_window, retry_after_seconds
from .state import Failure
from .stats import Stats


@dataclass(frozen=True)
class RetryHint:
    """When the server would have the next attempt. Times are in seconds."""

    retry_after: float = 0.0
    fleet_window: float = 0.0
    at_once: bool = False


class Retries:
    """All times are by the monotonic clock, in seconds."""

    def __init__(
        self,
        make_backoff: Callable[[], Backoff],
        random: Callable[[], float],
        stats: Stats,
        emit: Callable[[Message], None],
    ) -> None:
        self.backoff = make_backoff()
        self.rotation_backoff = make_backoff()
        self._random = random
        self._stats = stats
        self._emit = emit
        self.next_at = 0.0
        """When the next attempt is due where there is no connection."""
        self._has_to_wait = False
        """Whether the service asked for that delay, or has too much to do."""

    def hint_after(self, end: End, age: float) -> RetryHint:
        """`age`: for how long the connection was open."""
        clock = self._stats.clock
        hint = RetryHint(fleet_window=fleet_window(end, age, self._stats.reconnect_window))
        if not isinstance(end, Refused):
            refusal = enrolment_refusal_in(end)
            return replace(hint, retry_after=refusal.retry_after) if refusal else hint
        # A token with a wrong time is refused like any other; the next one carries the server's time.
        if end.status in (401, 403) and clock.learn_from_date(end.date):
            self._emit({"type": "clock_skew", "clock_skew": clock.skew})
            return RetryHint(at_once=True)
        return replace(hint, retry_after=retry_after_seconds(end, clock.now()))

    def plan(self, failure: Failure, hint: RetryHint, now: float) -> None:
        """The next connection."""
        self.next_at = self._due_at(self.backoff, failure, hint, now, False)
        asked = hint.retry_after > 0 or hint.fleet_window > 0
        self._has_to_wait = failure.kind in ("throttled", "unavailable") or asked

    def rotation_at(self, failure: Failure, hint: RetryHint, now: float) -> float:
        """When to try the next rotation."""
        # Nobody waits for a rotation, whatever the fleet does.
        return self._due_at(self.rotation_backoff, failure, replace(hint, fleet_window=0.0), now, True)

    def fail(self, failure: Failure) -> None:
        """No attempt follows."""
        self._report(failure, self.backoff.attempts + 1, None, False)

    def reconnect(self, now: float, window: float) -> None:
        """Makes the next attempt sooner: within `window`, unless the service asked for the delay."""
        if not self._has_to_wait:
            # At random, so that neither a fleet nor a caller in a loop makes a storm.
            self.next_at = min(self.next_at, now + self._random() * window)

    def _due_at(self, backoff: Backoff, failure: Failure, hint: RetryHint, now: float, rotation: bool) -> float:
        drawn = backoff.next(failure.kind, hint.retry_after, hint.fleet_window)
        delay = 0.0 if hint.at_once else drawn
        self._report(failure, backoff.attempts, delay, rotation)
        return now + delay

    def _report(self, failure: Failure, attempts: int, retry_in: float | None, rotation: bool) -> None:
        attempt = {"failure": vars(failure), "attempts": attempts, "retry_in": retry_in, "rotation": rotation}
        self._emit({"type": "attempt_failed", "attempt": attempt})
