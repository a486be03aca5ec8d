"""The subscriptions of one connection, brought to what is wanted: for each one message at a time.

Each is named by its pattern, and after a space its group.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from ..protocol import Message

_RETRY = (1.0, 30.0)
"""The window of the first repetition, in seconds, which doubles with each that fails, and the largest one."""
_ID_PREFIX = "subscription-"
"""Tells the ids of these messages from those of an agent's requests."""


@dataclass
class _Entry:
    wanted: bool = True
    found: Literal["absent", "present", "refused"] = "absent"
    """What the server has made of it: `refused` is as final as the other two."""
    asked: tuple[str, str] | None = None
    """The id and the type of what is asked."""
    due_at: float = -math.inf
    """Monotonic: when to ask again, or, while asked, when to give the answer up."""
    failures: int = 0

    @property
    def unsettled(self) -> bool:
        """Something is asked, or has to be."""
        if self.asked is not None:
            return True
        return self.found == "absent" if self.wanted else self.found == "present"


class Subscriptions:
    """`timeout` is how long to wait for an answer before asking again, in seconds."""

    def __init__(self, send: Callable[[Message], None], random: Callable[[], float], timeout: float) -> None:
        self._send = send
        self._random = random
        self._timeout = timeout
        self._entries: dict[str, _Entry] = {}
        self._count = 0

    @property
    def complete(self) -> bool:
        """Whether every pattern that is wanted is subscribed to, or was refused."""
        return all(not each.wanted or each.found != "absent" for each in self._entries.values())

    @property
    def next_at(self) -> float:
        """Monotonic: when there is something to do."""
        due = (each.due_at for each in self._entries.values() if each.unsettled)
        return min(due, default=math.inf)

    def want(self, patterns: Iterable[str]) -> None:
        wanted = dict.fromkeys(patterns)
        for pattern, entry in list(self._entries.items()):
            entry.wanted = pattern in wanted
            if not entry.wanted and not entry.unsettled:
                del self._entries[pattern]
        for pattern in wanted:
            self._entries.setdefault(pattern, _Entry())

    def work(self, now: float) -> None:
        """Asks for what is due."""
        for pattern, entry in list(self._entries.items()):
            if not entry.unsettled or entry.due_at > now:
                continue
            # An answer that did not come may still do: the old question's id counts no more.
            if entry.asked:
                self._failed(entry, now)
            else:
                self._ask(pattern, entry, now)

    def answered(self, message: Message, now: float) -> bool:
        """Returns whether the message answers one of these."""
        answer_id = message.get("id")
        if not (isinstance(answer_id, str) and answer_id.startswith(_ID_PREFIX)):
            return False
        for pattern, entry in list(self._entries.items()):
            if entry.asked is None or entry.asked[0] != answer_id:
                continue
            repeatable = message.get("code") in ("internal", "rate_limited")
            if message["type"] == "error" and repeatable:
                self._failed(entry, now)
            else:
                self._settle(pattern, entry, refused=message["type"] == "error")
        return True

    def _ask(self, pattern: str, entry: _Entry, now: float) -> None:
        self._count += 1
        kind = "subscribe" if entry.wanted else "unsubscribe"
        entry.asked = (f"{_ID_PREFIX}{self._count}", kind)
        entry.due_at = now + self._timeout
        subject, _, group = pattern.partition(" ")
        self._send({"type": kind, "subject": subject, **({"group": group} if group else {}), "id": entry.asked[0]})

    def _settle(self, pattern: str, entry: _Entry, refused: bool) -> None:
        if refused:
            entry.found = "refused"
        else:
            entry.found = "present" if entry.asked and entry.asked[1] == "subscribe" else "absent"
        entry.asked = None
        entry.failures = 0
        entry.due_at = -math.inf
        if not entry.wanted and entry.found != "present":
            del self._entries[pattern]

    def _failed(self, entry: _Entry, now: float) -> None:
        base, longest = _RETRY
        window = min(longest, base * 2**entry.failures)
        entry.failures = min(entry.failures + 1, 10)
        entry.asked = None
        entry.due_at = now + self._random() * window
