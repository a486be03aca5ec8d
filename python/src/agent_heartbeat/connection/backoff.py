"""How long to wait before the next attempt to connect: full jitter over a window that grows by cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .state import FailureKind

MAX_WINDOW = 3600.0
"""The longest window of all, in seconds, whatever asks for it."""

ReconnectSchedule = Callable[[FailureKind, int], float]
"""The window, in seconds, from which the delay before the next attempt is drawn: 0 to 3600.

It is given why there is no connection, and how many attempts have failed since the last stable
connection, this one not counted: 0 at first.
"""

_FACTORS: dict[FailureKind, tuple[float, float]] = {
    "network": (1, 1),
    "gateway": (5, 1),
    "unavailable": (2, 1),
    "throttled": (10, 2),
    "refused": (10, 5),
    "conflict": (5, 1),
    "unresponsive": (1, 1),
}
"""What each cause makes of the first and of the largest window."""


@dataclass(frozen=True)
class Window:
    """A window that starts at `base` and doubles with each attempt up to `longest`. Seconds."""

    base: float
    longest: float


def built_in_windows(base: float, longest: float) -> dict[FailureKind, Window]:
    """The windows of all causes, from those of a connection that broke."""
    windows: dict[FailureKind, Window] = {}
    for kind, (base_factor, longest_factor) in _FACTORS.items():
        most = min(longest * longest_factor, MAX_WINDOW)
        windows[kind] = Window(min(base * base_factor, most), most)
    return windows


class Backoff:
    """Counts attempts and draws delays.

    A delay is drawn from the whole window each time, so that a fleet which lost its connections
    together comes back spread out. The count goes back to zero only by `settled()`, for a connection
    that has proved stable: a server that accepts and drops connections sees ever fewer of them.
    """

    def __init__(
        self,
        windows: Mapping[FailureKind, Window],
        schedule: ReconnectSchedule | None,
        random: Callable[[], float],
    ) -> None:
        self._windows = windows
        self._schedule = schedule
        self._random = random
        self.attempts = 0
        """Failures since the last stable connection."""

    def next(self, kind: FailureKind, retry_after: float = 0.0, fleet_window: float = 0.0) -> float:
        """Counts a failure and draws the delay before the next attempt, in seconds.

        `retry_after` is what the server asked for, which the window comes on top of; `fleet_window` is the
        time over which the whole fleet is to come back, 0 for none.
        """
        exponent = self.attempts
        self.attempts += 1
        custom = self._custom_window(kind, exponent)
        window = self._built_in_window(kind, exponent, fleet_window) if custom is None else max(custom, fleet_window)
        return retry_after + self._random() * window

    def settled(self) -> None:
        """Resets the delays: the connection has proved stable."""
        self.attempts = 0

    def _built_in_window(self, kind: FailureKind, exponent: int, fleet: float) -> float:
        # A connection that fell silent has cost its whole time-out already, at a moment that is random.
        if kind == "unresponsive" and exponent == 0:
            return 0.0
        window = self._windows[kind]
        doubled = window.base * 2.0 ** min(exponent, 30)
        # One failed handshake may be one agent's bad luck: the window grows to the fleet's by doubling.
        if kind == "unavailable":
            return min(doubled, max(window.longest, fleet))
        # The schedule's first window is a guess for fleets of any size; this fleet's size is known.
        if exponent == 0 and fleet > 0:
            return fleet
        return max(min(window.longest, doubled), fleet)

    def _custom_window(self, kind: FailureKind, exponent: int) -> float | None:
        """None where there is none, or what it says is no window: it must not end the reconnecting."""
        if self._schedule is None:
            return None
        try:
            seconds = float(self._schedule(kind, exponent))
        except Exception:
            return None
        return seconds if 0 <= seconds <= MAX_WINDOW else None
