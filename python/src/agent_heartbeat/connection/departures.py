"""Connections that are no longer counted on, and the order of messages while one replaces another."""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol import INBOX, Message, delivery_key
from .lane import Lane


@dataclass
class _Departure:
    reason: str
    closes_at: float | None
    """Monotonic: when it is closed; None once it was."""
    ends_at: float
    """Monotonic: when it is cut off."""


class Departures:
    """Listened to until the peer has answered their close, but not for ever: for `patience` seconds."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._lanes: dict[Lane, _Departure] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    def __contains__(self, lane: Lane) -> bool:
        return lane in self._lanes

    @property
    def deadlines(self) -> list[float]:
        """Monotonic times at which there is something to do."""
        return [each.ends_at if each.closes_at is None else each.closes_at for each in self._lanes.values()]

    def close(self, lane: Lane, reason: str, now: float, linger: float = 0.0) -> None:
        """Closes with code 1000, at once or later."""
        if not lane.is_open:
            lane.terminate()
            return
        closes_at = now + linger
        self._lanes[lane] = _Departure(reason, closes_at, closes_at + self._patience)
        if linger == 0:
            self.work(now)

    def ended(self, lane: Lane) -> bool:
        """Returns whether this was one of them."""
        return self._lanes.pop(lane, None) is not None

    def work(self, now: float) -> None:
        """Closes what has lingered for long enough, and cuts off what has had its time to answer."""
        for lane, departure in list(self._lanes.items()):
            if departure.closes_at is not None and departure.closes_at <= now:
                departure.closes_at = None
                lane.close(1000, departure.reason)
            if departure.ends_at <= now:
                self._lanes.pop(lane, None)
                lane.terminate()

    def close_all(self, now: float) -> None:
        """Closes what still lingers."""
        for departure in self._lanes.values():
            if departure.closes_at is not None:
                departure.closes_at = now
                departure.ends_at = now + self._patience
        self.work(now)

    def cut_off(self) -> None:
        """Cuts all of them off."""
        self.work(float("inf"))


class RotationBuffer:
    """Makes one sequence of the messages that come on two connections during a rotation.

    Those of the newer one wait until the older one has ended, and those that came on both are told once.
    """

    def __init__(self) -> None:
        self._lanes: tuple[Lane, Lane] | None = None
        self._told: set[str] = set()
        self._held: list[Message] = []

    def begin(self, older: Lane, newer: Lane) -> None:
        self._lanes = (older, newer)

    def admits(self, lane: Lane, message: Message) -> bool:
        """Returns whether to tell the message now."""
        subject, key = message.get("subject"), delivery_key(message)
        # Answers to requests have no order, come on one connection, and somebody waits for them.
        is_answer = isinstance(subject, str) and subject.startswith(f"{INBOX}.")
        if self._lanes is None or is_answer:
            return True
        if lane is self._lanes[0]:
            if key is not None:
                self._told.add(key)
            return True
        self._held.append(message)
        return False

    def release(self) -> list[Message]:
        """What was held, as soon as one of the two connections has ended."""
        if self._lanes is None or not any(lane.has_ended for lane in self._lanes):
            return []
        self._lanes = None
        unseen = [each for each in self._held if delivery_key(each) not in self._told]
        self._held, self._told = [], set()
        return unseen
