"""The one timer of a connection manager, which also says how late it came: a late timer means that time was lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .runtime import Runtime, Timer


@dataclass(frozen=True)
class Lateness:
    """By how many seconds the time of a timer has passed, negative before it."""

    late: float
    """By the monotonic clock."""
    pause: float
    """How long the pause was for certain."""
    doubtful: float
    """How long it may have been: the wall clock runs on while the machine sleeps, but may have been set."""


class WakeTimer:
    def __init__(self, runtime: Runtime, ring: Callable[[], None]) -> None:
        self._runtime = runtime
        self._ring = ring
        self._timer: Timer | None = None
        self._due: tuple[float, float | None, float] | None = None
        """What the three clocks show when it is due."""

    def set(self, at: float) -> None:
        """Rings at a monotonic time, and no longer at the one set before."""
        self.clear()
        runtime, now, boottime = self._runtime, self._runtime.monotonic(), self._runtime.boottime()
        delay = max(0.0, at - now)
        self._due = (now + delay, None if boottime is None else boottime + delay, runtime.now() + delay)
        self._timer = runtime.call_later(delay, self._ring)

    def clear(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._due = None

    def lateness(self) -> Lateness | None:
        """None where it is not set."""
        if self._due is None:
            return None
        due_at, boot_due_at, wall_due_at = self._due
        late = self._runtime.monotonic() - due_at
        boottime = self._runtime.boottime()
        if boottime is not None and boot_due_at is not None:
            pause = max(late, boottime - boot_due_at)
            return Lateness(late, pause, pause)
        return Lateness(late, late, max(late, self._runtime.now() - wall_due_at))
