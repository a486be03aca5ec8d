"""A fleet as a watcher shows it."""

from __future__ import annotations

import time
from typing import Any

from agent_heartbeat import FleetWatcher
from agent_heartbeat.fleet.book import presence_of
from agent_heartbeat.testing import FakeConnection, FakeService

from ..agents import KEY
from ..until import until
from .test_book import presence


async def test_a_watcher_lists_follows_changes_and_recovers_from_a_lost_connection() -> None:
    async with FakeService() as service:
        fleet: dict[str, dict[str, Any]] = {}
        now = time.time() * 1000
        fleet["a"] = presence("a", lastHeartbeatAt=now, leaseExpiresAt=now + 90_000)

        def answer(message: dict[str, Any], _: FakeConnection) -> dict[str, Any] | None:
            page = {"agents": list(fleet.values()), "cursor": None, "serverTime": round(time.time() * 1000)}
            return {"type": "agents", **page} if message["type"] == "list" else None

        service.answer = answer
        watcher = FleetWatcher("viewer", "acme", service.url, private_key=KEY, logger=None)
        changes: list[Any] = []
        watcher.on("change", changes.append)
        async with watcher:
            assert watcher.state == "live"
            assert watcher.agents["a"]["status"] == "online"
            peer = await service.connection()
            assert peer.subscriptions == {"presence.>"}
            transition = {**presence("b", lastHeartbeatAt=now, leaseExpiresAt=now + 90_000), "reason": "connected",
                          "event": "online", "transitionId": "t", "organizationId": "acme",
                          "previousStatus": None, "at": now}  # fmt: skip
            fleet["b"] = presence_of(transition)
            message = {"subject": "presence.b", "data": transition, "from": "service", "messageId": "1"}
            peer.send(type="message", **message)
            await until(lambda: "b" in watcher.agents)
            assert [each.agent_id for each in changes] == ["a", "b"]
            del fleet["a"]
            peer.close(1012)
            await until(lambda: watcher.state == "stale")
            watcher._connection.manager.reconnect()  # type: ignore[union-attr]
            await until(lambda: "a" not in watcher.agents and watcher.state == "live")
        assert watcher.state == "stopped"
