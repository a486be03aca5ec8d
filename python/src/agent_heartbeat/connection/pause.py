"""What a timer that came late says of a connection."""

from __future__ import annotations

from typing import Literal

from .heartbeat import Heartbeat
from .state import Failure
from .wake_timer import Lateness

_BROKEN_AFTER = 120.0
"""A shorter pause need not have broken the connection, even if its lease has run out."""


def pause_of(lateness: Lateness, heartbeat: Heartbeat) -> tuple[Failure, str] | Literal["doubtful"] | None:
    """Returns why the connection counts as lost, with the reason of the state.

    The process was stopped, the machine slept, or the event loop was blocked. `doubtful` if only an ack can decide, as
    where the wall clock alone may have been set; None if nothing was missed.
    """
    if lateness.doubtful < heartbeat.interval:
        return None
    if lateness.pause < max(heartbeat.ack_timeout, _BROKEN_AFTER):
        return "doubtful"
    # Where the monotonic clock ran on, the machine was awake.
    blocked = lateness.late >= heartbeat.ack_timeout
    what = "the event loop was blocked" if blocked else "the machine slept"
    failure = Failure("unresponsive", f"{what} for {round(lateness.pause)} s")
    return failure, "blocked" if blocked else "woke_from_sleep"
