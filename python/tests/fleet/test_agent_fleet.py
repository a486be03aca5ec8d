"""The fleet of an agent, over its own connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agent_heartbeat import ConnectionError, FleetWatcher, HeartbeatAgent, LoginRefusedError
from agent_heartbeat.testing import FakeService

from ..agents import FAST
from ..until import until


@pytest.fixture
async def service() -> AsyncIterator[FakeService]:
    async with FakeService() as running:
        yield running


def agent_of(service: FakeService, agent_id: str = "a1", **options: Any) -> HeartbeatAgent:
    return HeartbeatAgent(**{**service.options(agent_id), "reconnect": FAST, **options})


def is_online(agent: HeartbeatAgent, agent_id: str) -> bool:
    return agent.fleet.agents.get(agent_id, {}).get("status") == "online"


@pytest.mark.parametrize("in_process", [False, True])
async def test_a_fleet_begins_with_the_connection_of_the_agent(service: FakeService, in_process: bool) -> None:
    agent = agent_of(service, heartbeat_process=in_process)
    watching = asyncio.ensure_future(agent.fleet.start())
    await asyncio.sleep(0)
    assert agent.fleet.state == "connecting"
    await agent.start()
    await watching
    assert agent.fleet is agent.fleet
    assert agent.fleet.state == "live"
    assert is_online(agent, "a1")
    assert len(service.logins) == 1
    await agent.stop()


@pytest.mark.parametrize("pattern", [None, "tasks.>", "presence.>"])
async def test_a_fleet_does_not_disturb_the_messages_of_the_agent(service: FakeService, pattern: str | None) -> None:
    agent = agent_of(service)
    handled: list[str] = []
    if pattern:
        agent.on_message(pattern, lambda subject, data: handled.append(subject))
    await agent.start()
    await agent.fleet.start()
    service.agent("a.2").online()
    await until(lambda: is_online(agent, "a.2"))
    service.publish("tasks.a", 1)
    await until(lambda: pattern is None or handled)
    assert all(pattern and subject.startswith(pattern[:5]) for subject in handled)
    # Requests of both have ids of their own.
    page, history = await asyncio.gather(agent.list(), agent.fleet.history("a.2"))
    assert (len(page["agents"]), history) == (2, [])
    await agent.stop()


async def test_a_fleet_is_stale_without_a_connection_and_live_again_with_the_next_one(service: FakeService) -> None:
    agent = agent_of(service)
    await agent.start()
    await agent.fleet.start()
    states: list[str] = []
    agent.fleet.on("state", lambda change: states.append(change.state))
    service.disconnect("a1")
    await until(lambda: "live" in states)
    assert states == ["stale", "live"]
    await agent.stop()


async def test_a_fleet_that_is_stopped_ends_its_subscription_and_not_the_agent(service: FakeService) -> None:
    agent = agent_of(service)
    agent.on_message("tasks.>", lambda subject, data: None)
    await agent.start()
    await agent.fleet.start()
    assert service.last.subscriptions == {"presence.>", "tasks.>"}
    await agent.fleet.stop()
    await until(lambda: service.last.subscriptions == {"tasks.>"})
    assert (agent.fleet.state, agent.state) == ("stopped", "connected")
    with pytest.raises(ConnectionError):
        await agent.fleet.history("a1")
    await agent.stop()


async def test_a_fleet_ends_with_the_agent_and_cannot_start_after_it(service: FakeService) -> None:
    agent, other = agent_of(service), agent_of(service, "a2")
    await agent.start()
    await agent.fleet.start()
    await agent.stop()
    assert agent.fleet.state == "stopped"
    await other.start()
    await other.drain()
    with pytest.raises(ConnectionError):
        await other.fleet.start()


async def test_a_watcher_with_the_key_of_an_agent_is_refused_with_the_reason(service: FakeService) -> None:
    agent = agent_of(service)
    await agent.start()
    options = service.options("a1")
    del options["heartbeat_process"], options["signals"]
    watcher = FleetWatcher(**options)
    with pytest.raises(LoginRefusedError, match="expected the key of a viewer, got that of an agent") as refused:
        await watcher.start()
    assert (refused.value.status, watcher.state, agent.state) == (422, "stopped", "connected")
    assert len(service.logins) == 2
    await watcher.stop()
    await agent.stop()
