"""Which connections the fake service brings a message to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..protocol import INBOX, PRESENCE, Message
from ..subject import agent_token, matches_subject
from .connection import FakeConnection
from .fleet import Presence
from .remote import FakeMessage


def receivers_of(
    message: FakeMessage,
    connections: Sequence[FakeConnection],
    presence: Mapping[str, Presence],
    random: Callable[[], float],
) -> list[tuple[FakeConnection, Message]]:
    """One of the agent that is named, or all with a subscription that fits, and one of each group.

    Each with what its message says of the way: `direct`, or the `group` whose member gets it.
    """
    first, _, rest = message.subject.partition(".")
    living = [each for each in connections if not each.superseded]
    if first == INBOX or message.to is not None:
        token = rest.partition(".")[0] if first == INBOX else agent_token(message.to or "")
        held = [each for each in living if agent_token(each.agent_id) == token]
        how = {} if message.to is None else {"direct": True}
        return [(each, how) for each in _spoken_last(held)]
    plain: dict[FakeConnection, None] = {}
    groups: dict[str, list[FakeConnection]] = {}
    for connection in living:
        for subscription in connection.subscriptions:
            pattern, _, group = subscription.partition(" ")
            # No wildcard stands for the first token of a reserved subject.
            if first == PRESENCE and not pattern.startswith(f"{PRESENCE}."):
                continue
            if not matches_subject(pattern, message.subject):
                continue
            if group:
                groups.setdefault(group, []).append(connection)
            else:
                plain[connection] = None
    members = [(each, {"group": group}) for group, all_ in groups.items() for each in _member(all_, presence, random)]
    return [*((each, {}) for each in plain), *members]


def _member(
    members: list[FakeConnection], presence: Mapping[str, Presence], random: Callable[[], float]
) -> list[FakeConnection]:
    """A member that takes work."""
    best = less_busy({each.agent_id: None for each in members}, presence, random)
    return _spoken_last([each for each in members if each.agent_id == best])


def less_busy(agent_ids: Iterable[str], presence: Mapping[str, Presence], random: Callable[[], float]) -> str | None:
    """The less busy of two agents that take work, drawn at random."""
    able = [each for each in agent_ids if _load(presence.get(each)) is not None]
    pair = sorted(able, key=lambda _: random())[:2]
    return min(pair, key=lambda each: _load(presence.get(each)) or 0, default=None)


def _load(presence: Presence | None) -> int | None:
    """How many messages an agent handles; None if it takes no more."""
    if presence is None or presence["status"] != "online" or presence["stalledSince"] is not None:
        return None
    activity: Mapping[str, Any] = presence["activity"] or {}
    state = activity.get("state", "idle")
    if state in ("draining", "blocked"):
        return None
    return int(activity.get("inFlight", 1 if state == "working" else 0))


def _spoken_last(connections: list[FakeConnection]) -> list[FakeConnection]:
    return ([each for each in connections if each.messages] or connections)[-1:]
