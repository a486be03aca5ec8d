"""The heartbeat of one connection: when the next is due, whether it wants an ack, when silence is death."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..protocol import MAX_INTERVAL_SECONDS, MIN_INTERVAL_SECONDS


@dataclass(frozen=True)
class HeartbeatTerms:
    """How often to send heartbeats and how long to wait for acks. Seconds."""

    interval: float
    timeout_multiplier: float
    """Lease over interval."""
    ack_every: int
    """An ack is asked for with every n-th heartbeat."""


class Heartbeat:
    """Sends nothing itself: the manager asks what is due, and reports what it sent and received."""

    def __init__(self, terms: HeartbeatTerms, random: Callable[[], float], now: float) -> None:
        self._terms = terms
        self._random = random
        self.interval = terms.interval
        self.next_at = now
        """Monotonic: when the next heartbeat is due; the first one as the connection opens."""
        self.acked = False
        """Whether any ack has come."""
        self._sent = 0
        self._last_ack_at = now
        self._probe_until: float | None = None
        self._asked_at: list[float] = []

    @property
    def ack_timeout(self) -> float:
        """How long the connection may be without an ack, in seconds."""
        skipped = (self._terms.ack_every - 1) * self.interval
        return skipped + self.interval * self._terms.timeout_multiplier

    @property
    def deadline(self) -> float:
        """Monotonic: when the connection counts as dead without a further ack."""
        if self._probe_until is not None:
            return self._probe_until
        return self._last_ack_at + self.ack_timeout

    def sent(self, now: float) -> bool:
        """Counts a heartbeat as sent and plans the next one; returns whether it has to ask for an ack.

        The second is due at a random moment of the first interval, so that agents which connected
        together do not send heartbeats together.
        """
        phase = self._random() if self._sent == 0 else 1.0
        planned = self.next_at + self.interval * phase
        self.next_at = planned if planned > now else now + self.interval
        ask = self._probe_until is not None or self._sent % self._terms.ack_every == 0
        self._sent += 1
        if ask:
            self._asked_at.append(now)
        return ask

    def skipped(self, now: float) -> None:
        """Leaves a heartbeat out: the socket has not sent what it was given before."""
        self.next_at = now + self.interval

    def send_now(self, now: float) -> None:
        """Makes a heartbeat due now."""
        self.next_at = min(self.next_at, now)

    def probe(self, now: float, within: float) -> None:
        """After a doubtful pause: a heartbeat is due now, and its ack within so many seconds."""
        self.send_now(now)
        self._probe_until = now + min(within, self.ack_timeout)

    def received_ack(self, now: float, advised: float | None) -> float | None:
        """Takes an ack, and the interval that the server wants: None for the agent's own.

        Returns the round trip in seconds, or None where several acks are outstanding.
        """
        asked_at = self._asked_at[0] if len(self._asked_at) == 1 else None
        self._asked_at = []
        self._last_ack_at = now
        self.acked = True
        self._probe_until = None
        wanted = self._terms.interval if advised is None else advised
        if advised is not None:
            wanted = min(max(advised, MIN_INTERVAL_SECONDS), MAX_INTERVAL_SECONDS)
        self.interval = wanted
        self.next_at = min(self.next_at, now + self.interval)
        return None if asked_at is None else now - asked_at
