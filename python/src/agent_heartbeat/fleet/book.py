"""What is known of a fleet: of each agent the newest word, shown as it is to be read at the moment."""

from __future__ import annotations

import math
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

Presence = dict[str, Any]
"""An agent as the protocol shows it (`agentId`, `status`, `reason`, `since`, ...)."""


@dataclass(frozen=True)
class FleetChange:
    """An agent appeared, disappeared or changed, or the service published a transition."""

    agent_id: str
    previous: Presence | None
    """None where the agent was not known."""
    current: Presence | None
    """None where the agent is known no longer."""
    transition: dict[str, Any] | None
    """The published transition; None if the change was found in a list or follows from the clock."""


class FleetBook:
    """Times are epoch milliseconds by the server's clock."""

    def __init__(self) -> None:
        self.agents: dict[str, Presence] = {}
        """Every agent once, as it is to be shown."""
        self._received: dict[str, Presence] = {}
        """The same as last received from the service."""

    def take(self, presence: Presence, transition: dict[str, Any] | None, now: float) -> FleetChange | None:
        """Takes what the service says of an agent, unless something newer is known.

        Returns the change; None if there is none and no transition.
        """
        agent_id = presence["agentId"]
        received, previous = self._received.get(agent_id), self.agents.get(agent_id)
        if received and not _is_newer(presence, received):
            return FleetChange(agent_id, previous, previous, transition) if transition else None
        merged = dict(presence)
        if received and "profile" in received:
            merged.setdefault("profile", received["profile"])
        self._received[agent_id] = merged
        current = _read_at(merged, now)
        if transition is None and previous == current:
            return None
        self.agents[agent_id] = current
        return FleetChange(agent_id, previous, current, transition)

    def expire(self, now: float) -> list[FleetChange]:
        """Lets the leases run out that ended at `now` or before."""
        changes = []
        for agent_id, previous in list(self.agents.items()):
            current = _read_at(previous, now)
            if current is not previous:
                self.agents[agent_id] = current
                changes.append(FleetChange(agent_id, previous, current, None))
        return changes

    def keep(self, agent_ids: AbstractSet[str]) -> list[FleetChange]:
        """Forgets every agent but these."""
        changes = []
        for agent_id in [each for each in self.agents if each not in agent_ids]:
            previous = self.agents.pop(agent_id)
            self._received.pop(agent_id, None)
            changes.append(FleetChange(agent_id, previous, None, None))
        return changes

    @property
    def next_lease_end(self) -> float:
        """The earliest end of a lease that still runs."""
        running = (each["leaseExpiresAt"] for each in self.agents.values() if each["status"] == "online")
        return min(running, default=math.inf)


def presence_of(transition: dict[str, Any]) -> Presence:
    """A transition as a list would show its agent."""
    left_out = ("transitionId", "organizationId", "event", "previousStatus", "at")
    presence = {name: value for name, value in transition.items() if name not in left_out}
    if presence["status"] != "offline":
        presence["reason"] = None
    return presence


def _is_newer(following: Presence, known: Presence) -> bool:
    """Whether `following` says as much or more than `known`.

    No write brings an agent online without a later heartbeat than any before; of two that are equal, one that
    says offline was written later.
    """
    if following["lastHeartbeatAt"] != known["lastHeartbeatAt"]:
        return bool(following["lastHeartbeatAt"] > known["lastHeartbeatAt"])
    return bool(following["status"] == "offline" or known["status"] == "online")


def _read_at(presence: Presence, now: float) -> Presence:
    """The same agent, offline if its lease has run out."""
    if presence["status"] == "offline" or now < presence["leaseExpiresAt"]:
        return presence
    ended = {"status": "offline", "reason": "lease_expired", "since": presence["leaseExpiresAt"]}
    return {**presence, **ended, "stalledSince": None}
