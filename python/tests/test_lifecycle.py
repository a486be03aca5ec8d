"""How an agent ends: drained, stopped, by a signal, or superseded."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from agent_heartbeat.testing import FakeService

from .agents import agent_of
from .until import until


class Busy:
    """A running agent whose handler of `a.b` waits."""

    def __init__(self, service: FakeService, **options: Any) -> None:
        self.agent = agent_of(service, **options)
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.agent.on_message("a.b", self._handle)
        self.running = asyncio.ensure_future(self.agent.run())

    async def _handle(self, subject: str, data: Any) -> str:
        self.begun.set()
        await self.go.wait()
        return "done"


async def test_a_drain_lets_handlers_finish_and_answers_go_out(service: FakeService, in_process: bool) -> None:
    busy = Busy(service, heartbeat_process=in_process)
    agent = busy.agent
    await service.received("subscribe")
    peer = await service.connection()
    for number in ("1", "2"):
        peer.send(type="message", messageId=number, subject="a.b", data=1, replyTo=f"_inbox.b.{number}",
                        **{"from": "b"})  # fmt: skip
    await busy.begun.wait()
    await until(lambda: agent._messaging._dispatcher._waiting == 1)
    draining = asyncio.ensure_future(agent.drain())
    await service.received("publish")
    assert agent.state == "draining"
    assert not agent.get_connection_health()["healthy"]
    busy.go.set()
    await draining
    assert await busy.running == "drained"
    await peer.ended()
    assert peer.closed == (1000, "drained")
    answers = {each["subject"]: each["data"] for each in peer.of_type("publish")}
    assert answers["_inbox.b.1"] == {"result": "done"}
    assert answers["_inbox.b.2"]["error"]["code"] == "unavailable"
    beats = [each.get("activity", {}).get("state") for each in peer.of_type("heartbeat")]
    assert beats[-1] == "draining"
    await agent.drain()
    await agent.stop()


@pytest.mark.parametrize("how", ["drain", "stop"])
async def test_a_handler_may_end_its_own_agent(service: FakeService, how: str) -> None:
    agent = agent_of(service)
    reached: list[str] = []

    @agent.on_message("a.b")
    async def handle(subject: str, data: Any) -> str:
        await getattr(agent, how)()
        await getattr(agent, how)()
        reached.append(how)
        return "ended"

    running = asyncio.ensure_future(agent.run())
    await service.received("subscribe")
    peer = await service.connection()
    peer.send(type="message", messageId="1", subject="a.b", data=1, replyTo="_inbox.b.1", **{"from": "b"})
    assert await running == {"drain": "drained", "stop": "stop"}[how]
    await until(lambda: reached)
    if how == "drain":
        assert peer.of_type("publish")[0]["data"] == {"result": "ended"}


async def test_handlers_that_wait_for_the_same_drain_do_not_wait_for_each_other(service: FakeService) -> None:
    agent = agent_of(service, drain_timeout=86_400)

    @agent.on_message("a.*")
    async def handle(subject: str, data: Any) -> str:
        await agent.drain()
        await agent.stop()
        return subject

    @agent.on_message("b")
    def block(subject: str, data: Any) -> str:
        asyncio.run_coroutine_threadsafe(agent.drain(), loop).result()
        return subject

    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(agent.run())
    await service.received("subscribe")
    await service.received("subscribe")
    peer = await service.connection()
    for subject in ("a.1", "a.2", "b"):
        peer.send(type="message", messageId=subject, subject=subject, data=1, replyTo=f"_inbox.b.{subject}",
                        **{"from": "b"})  # fmt: skip
    assert await running == "drained"
    answers = {each["data"]["result"] for each in peer.of_type("publish")}
    assert answers == {"a.1", "a.2", "b"}


async def test_a_drain_in_a_handler_waits_for_the_other_handlers(service: FakeService) -> None:
    agent = agent_of(service)
    begun, go = asyncio.Event(), asyncio.Event()
    order: list[str] = []

    @agent.on_message("work")
    async def work(subject: str, data: Any) -> None:
        begun.set()
        await go.wait()
        order.append("worked")

    @agent.on_message("end")
    async def end(subject: str, data: Any) -> None:
        await agent.drain()
        order.append("drained")

    running = asyncio.ensure_future(agent.run())
    await service.received("subscribe")
    await service.received("subscribe")
    peer = await service.connection()
    peer.send(type="message", messageId="1", subject="work", data=1, **{"from": "b"})
    await begun.wait()
    peer.send(type="message", messageId="2", subject="end", data=1, **{"from": "b"})
    await until(lambda: agent.state == "draining")
    assert order == []
    go.set()
    assert await running == "drained"
    assert order == ["worked", "drained"]


async def test_a_signal_drains_and_a_second_one_stops(service: FakeService) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    busy = Busy(service, signals=(signal.SIGUSR1,))
    await service.received("subscribe")
    (await service.connection()).send(type="message", messageId="1", subject="a.b", data=1, **{"from": "b"})
    await busy.begun.wait()
    signal.raise_signal(signal.SIGUSR1)
    await until(lambda: busy.agent.state == "draining")
    signal.raise_signal(signal.SIGUSR1)
    assert await busy.running == "stop"
    assert signal.getsignal(signal.SIGUSR1) is before


async def test_a_superseded_process_finishes_its_handlers_and_ends(service: FakeService, in_process: bool) -> None:
    busy = Busy(service, heartbeat_process=in_process)
    agent = busy.agent
    await service.received("subscribe")
    peer = await service.connection()
    peer.send(type="message", messageId="1", subject="a.b", data=1, replyTo="_inbox.b.1", **{"from": "b"})
    await busy.begun.wait()
    peer.send(type="superseded")
    await until(lambda: agent.state == "draining")
    busy.go.set()
    assert await busy.running == "superseded"
    assert peer.of_type("publish")[0]["data"] == {"result": "done"}
    assert len(service.connections) == 1
