"""Agents over real sockets, against a service in this process."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from agent_heartbeat import ConnectionError, KeyError, LoginRefusedError, RequestRefusedError, SimpleAgent
from agent_heartbeat.testing import FakeService, Refusal

from .agents import KEY, agent_of, pem
from .until import until


async def test_an_agent_connects_receives_messages_and_stops(service: FakeService, in_process: bool) -> None:
    agent = agent_of(service, heartbeat_process=in_process, capabilities=["a"], metadata={"v": 1})
    heard: list[Any] = []

    @agent.on_message("tasks.process")
    async def process_task(subject: str, data: Any) -> None:
        heard.append((subject, data))

    running = asyncio.ensure_future(agent.run())
    await service.received("profile")
    await service.received("subscribe")
    peer = await service.connection()
    peer.send(type="message", messageId="m1", subject="tasks.process", data={"n": 1}, **{"from": "b"})
    await until(lambda: heard)
    assert heard == [("tasks.process", {"n": 1})]
    health = agent.get_connection_health()
    assert health["healthy"]
    assert health["seconds_since_ack"] < 60
    assert time.time() - health["last_heartbeat_ack"] < 60
    await agent.stop()
    assert await running == "stop"
    await peer.ended()
    assert peer.closed == (1000, "stopped")
    assert peer.of_type("profile")[0]["capabilities"] == ["a"]


async def test_a_simple_agent_is_a_drop_in(service: FakeService) -> None:
    agent = agent_of(service, SimpleAgent, logger=None)
    await agent.start()
    assert await agent.publish("a.b", 1) == 1
    assert not (await service.connection()).of_type("heartbeat")
    await agent.stop()


async def test_a_cancelled_run_stops_the_agent(service: FakeService) -> None:
    agent = agent_of(service)
    running = asyncio.ensure_future(agent.run())
    peer = await service.connection()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await peer.ended()
    assert agent.state == "stopped"


async def test_a_start_with_bad_credentials_ends_in_time_and_reports_the_attempts(service: FakeService) -> None:
    service.refuse = Refusal(403)
    agent = agent_of(service)
    with pytest.raises(ConnectionError, match=r"within 0\.3 s, got: \d+ attempts? failed.*status 403"):
        await agent.start(timeout=0.3)
    assert agent.state == "stopped"
    with pytest.raises(KeyError, match=r"missing\.pem could not be read"):
        await agent_of(service, private_key=None, private_key_path="/missing.pem").start()


async def test_without_auto_reconnect_run_raises(service: FakeService) -> None:
    service.refuse = Refusal(403)
    with pytest.raises(LoginRefusedError) as refused:
        await agent_of(service, auto_reconnect=False).run()
    assert refused.value.status == 403


async def test_a_redirect_is_a_refusal(service: FakeService) -> None:
    service.refuse = Refusal(302, {"Location": service.url})
    with pytest.raises(LoginRefusedError, match="302"):
        await agent_of(service, auto_reconnect=False).run()
    assert len(service.logins) == 1


async def test_a_refusal_of_a_request_is_an_error_with_its_code(service: FakeService) -> None:
    service.silent = {"list"}
    agent = agent_of(service)
    await agent.start()
    peer = await service.connection()
    asked = asyncio.ensure_future(agent.list(status="online", limit=5))
    message = (await service.received("list"))[0]
    assert (message["status"], message["limit"]) == ("online", 5)
    peer.send(type="error", code="rate_limited", message="slow down", id=message["id"])
    with pytest.raises(RequestRefusedError, match="slow down") as refused:
        await asked
    assert refused.value.code == "rate_limited"
    await agent.stop()
    with pytest.raises(ConnectionError):
        await agent.list()


async def test_the_context_manager_drains(service: FakeService) -> None:
    agent = agent_of(service)
    async with agent:
        assert agent.state == "connected"
    assert agent.state == "stopped"
    assert (await service.connection()).closed == (1000, "drained")


async def test_a_key_file_that_is_replaced_is_read_again(
    service: FakeService, in_process: bool, tmp_path: Path
) -> None:
    path = tmp_path / "key.pem"
    path.write_text(KEY)
    agent = agent_of(service, heartbeat_process=in_process, private_key=None, private_key_path=path)
    await agent.start()
    first = service.logins[-1].header["kid"]
    path.write_text(pem())
    service.refuse = lambda login: Refusal(403) if login.header["kid"] == first else None
    service.last.close(1012)
    await service.connection(2)
    assert service.logins[-1].header["kid"] != first
    path.write_text("not a key")
    failed: list[Any] = []
    agent.on("attempt_failed", lambda event: failed.append(event.failure.message))
    service.last.close(1012)
    await until(lambda: any("key.pem" in each for each in failed))
    path.write_text(KEY)
    service.refuse = None
    await service.connection(3)
    await agent.stop()


async def test_a_function_gives_the_key_of_each_login(service: FakeService, in_process: bool) -> None:
    asked: list[int] = []

    async def key() -> str:
        asked.append(1)
        if len(asked) == 3:
            raise OSError("the secret manager is down")
        return pem()

    failed: list[Any] = []
    agent = agent_of(service, heartbeat_process=in_process, private_key=key)
    agent.on("attempt_failed", lambda event: failed.append(event.failure.message))
    await agent.start()
    service.last.close(1012)
    await service.connection(2)
    assert any("the secret manager is down" in each for each in failed)
    assert len({each.header["kid"] for each in service.logins}) == 2
    await agent.stop()
