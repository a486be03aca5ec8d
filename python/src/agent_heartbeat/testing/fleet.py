"""Who is online at the fake service: a row for each agent, and a transition for each change."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

Presence = dict[str, Any]

_serials = itertools.count(1)


def now_ms() -> int:
    return round(time.time() * 1000)


def fake_presence(agent_id: str, **fields: Any) -> Presence:
    """An agent that is online and idle, with a lease of 90 seconds from now on, as lists and watchers show it."""
    now = now_ms()
    return {
        "agentId": agent_id,
        "status": "online",
        "reason": None,
        "since": now,
        "connectedAt": now,
        "connectionId": f"connection-of-{agent_id}",
        "instanceId": f"process-of-{agent_id}",
        "lastHeartbeatAt": now,
        "leaseExpiresAt": now + 90_000,
        "leaseMs": 90_000,
        "heartbeatIntervalMs": 30_000,
        "activity": None,
        "stalledSince": None,
        **fields,
    }


def fake_transition(agent_id: str, **fields: Any) -> dict[str, Any]:
    """What the service publishes when an agent has come or gone."""
    status = fields.get("status", "online")
    online = status == "online"
    return {
        **fake_presence(agent_id, status=status),
        "transitionId": f"transition-{next(_serials)}",
        "organizationId": "acme",
        "event": status,
        "previousStatus": None if online else "online",
        "reason": "connected" if online else "connection_lost",
        "at": now_ms(),
        **fields,
    }


class FakeFleet:
    def __init__(self, organization_id: str, publish: Callable[[dict[str, Any]], None]) -> None:
        self.agents: dict[str, Presence] = {}
        self._organization_id = organization_id
        self._publish = publish

    def is_online(self, agent_id: str) -> bool:
        return self.agents.get(agent_id, {}).get("status") == "online"

    def online(self, agent_id: str, fields: dict[str, Any]) -> None:
        known = self.agents.get(agent_id, {})
        profile = {"profile": known["profile"]} if "profile" in known else {}
        self._change(fake_presence(agent_id, **{**profile, **fields}), "online", "connected")

    def offline(self, agent_id: str, reason: str) -> None:
        """Does nothing if the agent is not online."""
        if self.is_online(agent_id):
            ended = {"status": "offline", "reason": reason, "since": now_ms(), "stalledSince": None}
            self._change({**self.agents[agent_id], **ended}, "offline", reason)

    def stall(self, agent_id: str, stalled_since: int | None) -> None:
        """None if the work advances again."""
        if self.is_online(agent_id):
            event, reason = ("recovered", "progress") if stalled_since is None else ("stalled", "no_progress")
            self._change({**self.agents[agent_id], "stalledSince": stalled_since}, event, reason)

    def update(self, agent_id: str, **fields: Any) -> None:
        """Takes what a heartbeat or a profile says."""
        known = self.agents.get(agent_id)
        if known is None:
            return
        changed = {**known, **fields}
        if _drains(changed) and not _drains(known):
            self._change(changed, "draining", "drain_started")
        else:
            self.agents[agent_id] = changed

    def list(self) -> list[Presence]:
        """As readers see them, in the order of their ids: offline from the end of the lease on."""
        return [_read_at(self.agents[agent_id], now_ms()) for agent_id in sorted(self.agents)]

    def _change(self, presence: Presence, event: str, reason: str) -> None:
        agent_id = presence["agentId"]
        previous = self.agents.get(agent_id, {}).get("status")
        self.agents[agent_id] = presence
        shown = {name: value for name, value in presence.items() if name not in ("agentId", "profile")}
        change = {"organizationId": self._organization_id, "previousStatus": previous, "event": event, "reason": reason}
        self._publish(fake_transition(agent_id, **{**shown, **change}))


def _drains(presence: Presence) -> bool:
    return presence["status"] == "online" and (presence["activity"] or {}).get("state") == "draining"


def _read_at(presence: Presence, now: int) -> Presence:
    since = presence["leaseExpiresAt"]
    if presence["status"] == "offline" or now < since:
        return presence
    return {**presence, "status": "offline", "reason": "lease_expired", "since": since}
