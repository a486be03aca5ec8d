"""The heartbeat process as its agent sees it: it is started, replaced and ended."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agent_heartbeat import ConnectionError, HeartbeatAgent, ReconnectOptions
from agent_heartbeat.testing import FakeService

from ..agents import KEY
from ..until import until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


async def test_a_heartbeat_process_that_dies_is_replaced(service: FakeService) -> None:
    agent = HeartbeatAgent(
        "worker-1", "acme", service.url, private_key=KEY, signals=(), reconnect=ReconnectOptions(base_delay=0.1)
    )
    states: list[Any] = []
    agent.on("state", lambda change: states.append((change.previous, change.state)))
    agent.on_message("a.b", lambda subject, data: data)
    await agent.start()
    manager: Any = agent._connection.manager
    manager._process.kill()
    await service.connection(2)
    await until(lambda: agent.state == "connected" and len(states) == 4)
    assert states == [
        ("idle", "connecting"),
        ("connecting", "connected"),
        ("connected", "reconnecting"),
        ("reconnecting", "connected"),
    ]
    await until(lambda: service.last.subscriptions == {"a.b"})
    assert service.connections[0].instance_id == service.connections[1].instance_id
    assert await agent.publish("x.y") == 1
    process = manager._process
    await agent.stop()
    await until(lambda: process.poll() is not None)
    assert process.returncode == 0


async def test_an_agent_leaves_no_process_and_no_thread_behind(service: FakeService) -> None:
    import threading

    before = threading.active_count()
    for _ in range(3):
        agent = HeartbeatAgent("worker-1", "acme", service.url, private_key=KEY, signals=())
        await agent.start()
        process = agent._connection.manager._process  # type: ignore[union-attr]
        await agent.drain()
        await until(lambda process=process: process.poll() is not None)  # type: ignore[misc]
    await until(lambda: threading.active_count() <= before + 1)


@pytest.fixture
async def without_process(service: FakeService) -> AsyncIterator[HeartbeatAgent]:
    """An agent whose process has died, before another one was started."""
    agent = HeartbeatAgent("worker-1", "acme", service.url, private_key=KEY, signals=(), logger=None)
    await agent.start()
    manager: Any = agent._connection.manager
    manager._process.kill()
    await until(lambda: agent.state == "reconnecting")
    assert manager._restart_timer
    yield agent
    await agent.stop()


@pytest.mark.parametrize("end", ["stop", "drain"])
async def test_an_agent_ends_between_two_processes(without_process: HeartbeatAgent, end: str) -> None:
    running = asyncio.ensure_future(without_process.run())
    await getattr(without_process, end)()
    assert await running == ("stop" if end == "stop" else "drained")
    assert without_process.state == "stopped"
    manager: Any = without_process._connection.manager
    assert manager._restart_timer is None
    assert manager._process.poll() is not None


async def test_a_message_between_two_processes_fails_at_once(without_process: HeartbeatAgent) -> None:
    with pytest.raises(ConnectionError):
        await without_process.publish("x.y")


async def test_reconnect_does_not_wait_for_the_next_process(
    service: FakeService, without_process: HeartbeatAgent
) -> None:
    without_process.reconnect()
    manager: Any = without_process._connection.manager
    assert manager._restart_timer is None
    await until(lambda: without_process.state == "connected")
    assert len(service.connections) == 2


async def test_a_drain_goes_on_when_the_process_dies(service: FakeService) -> None:
    agent = HeartbeatAgent(
        "worker-1", "acme", service.url, private_key=KEY, signals=(), logger=None, heartbeat_interval=1
    )
    go = asyncio.Event()

    @agent.on_message("slow")
    async def slow(subject: str, data: Any) -> str:
        await go.wait()
        return "finished"

    await agent.start()
    states: list[Any] = []
    agent.on("state", lambda change: states.append((change.previous, change.state)))
    service.connections[0].send(type="message", messageId="1", subject="slow", data=1, replyTo="_inbox.b.1")
    await until(lambda: bool(agent._messaging._dispatcher.running))
    draining = asyncio.ensure_future(agent.drain())
    await until(lambda: agent.state == "draining")
    manager: Any = agent._connection.manager
    manager._process.kill()
    peer = await service.connection(2)
    await until(lambda: any(beat["activity"]["state"] == "draining" for beat in peer.of_type("heartbeat")))
    go.set()
    await draining
    assert (await service.received("publish"))[0]["data"] == {"result": "finished"}
    assert states == [("connected", "draining"), ("draining", "stopped")]


async def test_a_superseded_agent_whose_process_dies_does_not_take_the_agent_back(service: FakeService) -> None:
    agent = HeartbeatAgent("worker-1", "acme", service.url, private_key=KEY, signals=(), logger=None)
    go = asyncio.Event()

    @agent.on_message("slow")
    async def slow(subject: str, data: Any) -> None:
        await go.wait()

    await agent.start()
    running = asyncio.ensure_future(agent.run())
    service.connections[0].send(type="message", messageId="1", subject="slow", data=1)
    await until(lambda: bool(agent._messaging._dispatcher.running))
    service.connections[0].send(type="superseded")
    await until(lambda: agent.state == "draining")
    manager: Any = agent._connection.manager
    manager._process.kill()
    await until(lambda: agent.state == "superseded")
    go.set()
    assert await running == "superseded"
    assert len(service.connections) == 1


async def test_a_process_that_cannot_be_started_is_tried_again(
    service: FakeService, without_process: HeartbeatAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[Any] = []
    without_process.on("attempt_failed", failures.append)

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        without_process.reconnect()
        assert "Resource temporarily unavailable" in failures[-1].failure.message
        assert failures[-1].retry_in > 0
    without_process.reconnect()
    await until(lambda: without_process.state == "connected")


async def test_the_error_of_a_process_that_cannot_be_started_gives_the_reason_and_the_way_out(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("Cannot allocate memory")

    agent = HeartbeatAgent("worker-1", "acme", service.url, private_key=KEY, signals=(), logger=None)
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        with pytest.raises(ConnectionError, match="Cannot allocate memory; heartbeat_process=False needs none"):
            await agent.start()
