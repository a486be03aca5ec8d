"""How messages reach their handlers."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from agent_heartbeat import MessageContext
from agent_heartbeat.testing import FakeService

from ..agents import agent_of
from ..until import until


async def test_handlers_run_in_order_by_subject_and_functions_in_threads(service: FakeService) -> None:
    agent = agent_of(service)
    order: list[Any] = []
    threads: set[int] = set()

    def slow(subject: str, data: Any, context: Any) -> int:
        threads.add(threading.get_ident())
        time.sleep(0.05 if data == 0 else 0)
        agent.progress(f"at {data}")
        order.append((data, context.sender))
        return int(data)

    remove = agent.on_message("work.*", slow, max_silence=60)
    await agent.start()
    peer = await service.connection()
    for number in range(3):
        message = {"subject": "work.a", "data": number, "replyTo": f"_inbox.b.{number}", "from": "b"}
        peer.send(type="message", messageId=str(number), **message)
    answers = await service.received("publish", 3)
    assert [each["data"] for each in answers] == [{"result": 0}, {"result": 1}, {"result": 2}]
    assert order == [(0, "b"), (1, "b"), (2, "b")]
    assert threading.get_ident() not in threads
    remove()
    await service.received("unsubscribe")
    await agent.stop()


async def test_a_message_that_comes_twice_is_handled_once(service: FakeService) -> None:
    agent = agent_of(service)
    heard: list[Any] = []
    agent.on_message("a.b", lambda subject, data: heard.append(data))
    await agent.start()
    peer = await service.connection()
    for message_id in ("1", "1", "2"):
        peer.send(type="message", messageId=message_id, subject="a.b", data=message_id, **{"from": "b"})
    await until(lambda: "2" in heard)
    assert heard == ["1", "2"]
    await agent.stop()


async def test_a_handler_receives_the_attempt_and_the_deadline_of_a_request(service: FakeService) -> None:
    agent = agent_of(service)
    contexts: list[MessageContext] = []
    go = asyncio.Event()
    dropped: list[str] = []
    agent.on("message_dropped", lambda event: dropped.append(event.reason))

    @agent.on_message("a.b")
    async def handle(subject: str, data: Any, context: MessageContext) -> None:
        contexts.append(context)
        await go.wait()

    await agent.start()
    message = {"type": "message", "messageId": "b.1", "subject": "a.b", "replyTo": "_inbox.b.1", "from": "b"}
    sent_at = time.monotonic()
    for attempt, timeout_ms in ((1, 60_000), (1, 60_000), (2, 1)):
        service.connections[0].send({**message, "data": 1, "attempt": attempt, "expiresInMs": timeout_ms})
    await until(lambda: bool(contexts) and agent._messaging._dispatcher._waiting == 1)
    assert (contexts[0].message_id, contexts[0].attempt, contexts[0].is_expired) == ("b.1", 1, False)
    assert contexts[0].time_left is not None
    assert contexts[0].time_left <= 60
    await until(lambda: time.monotonic() > sent_at + 0.1)
    go.set()
    await until(lambda: bool(dropped))
    assert (len(contexts), dropped) == (1, ["expired"])
    await agent.stop()


async def test_a_handler_takes_as_many_messages_of_a_subject_at_once_as_its_concurrency(service: FakeService) -> None:
    agent = agent_of(service)
    started: list[Any] = []
    gates = {each: asyncio.Event() for each in ("hangs", 1, 2, 3)}

    @agent.on_message("n.*", concurrency=2)
    async def handle(subject: str, data: Any) -> None:
        started.append(data)
        await gates[data].wait()

    await agent.start()
    for number, data in enumerate(gates):
        service.connections[0].send(type="message", messageId=f"m{number}", subject="n.a", data=data, **{"from": "b"})
    await until(lambda: len(started) == 2)
    gates[1].set()
    gates[2].set()
    await until(lambda: len(started) == 4)
    assert started == ["hangs", 1, 2, 3]
    await agent.stop()
