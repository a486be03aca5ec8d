"""Requests to other agents."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent_heartbeat import ConfigurationError, NoReceiverError, RemoteError, RequestTimeoutError
from agent_heartbeat.testing import FakeService

from ..agents import agent_of


async def test_a_request_is_answered(service: FakeService, in_process: bool) -> None:
    agent = agent_of(service, heartbeat_process=in_process)
    await agent.start()

    async def answer(reply: Any) -> Any:
        before = len((await service.connection()).of_type("publish"))
        asked = asyncio.ensure_future(agent.request("tasks.do", {"x": 1}))
        published = (await service.received("publish", before + 1))[-1]
        (await service.connection()).send(
            type="message", messageId=published["replyTo"], subject=published["replyTo"], data=reply, **{"from": "b"}
        )
        return await asked

    assert await answer({"result": [1, None]}) == [1, None]
    assert await answer({"result": None}) is None
    assert await answer(7) == 7
    assert await answer({"no": "reply"}) == {"no": "reply"}
    with pytest.raises(RemoteError, match="b answered handler_failed: no") as failed:
        await answer({"error": {"code": "handler_failed", "message": "no"}})
    assert (failed.value.code, failed.value.sender) == ("handler_failed", "b")
    service.reached = 0
    with pytest.raises(NoReceiverError):
        await agent.request("tasks.do")
    await agent.stop()


async def ask_and_answer(service: FakeService, agent: Any, *replies: Any, **options: Any) -> tuple[Any, list[Any]]:
    """The result of a request, each attempt of which gets a reply, and the attempts."""
    peer = await service.connection()
    before = len(peer.of_type("publish"))
    asked = asyncio.ensure_future(agent.request("tasks.do", 1, **options))
    for number, reply in enumerate(replies, start=1):
        published = (await service.received("publish", before + number))[-1]
        subject = published["replyTo"]
        peer.send(type="message", messageId=f"{subject}-{number}", subject=subject, data=reply, **{"from": "service"})
    return await asyncio.gather(asked, return_exceptions=True), peer.of_type("publish")[before:]


async def test_a_cancelled_request_is_forgotten_and_not_sent_if_it_waits_for_its_turn(service: FakeService) -> None:
    agent = agent_of(service)
    await agent.start()
    service.silent.add("publish")
    asked = [asyncio.ensure_future(agent.request("tasks.add", number, timeout=60)) for number in (1, 2)]
    (sent,) = await service.received("publish")
    for each in asked:
        each.cancel()
    for each in asked:
        with pytest.raises(asyncio.CancelledError):
            await each
    service.silent.clear()
    # The answer comes late.
    service.last.send({"subject": sent["replyTo"], "data": {"result": 1}}, type="message")
    service.agent("worker-2").online().on_message("tasks.add", lambda subject, data: data)
    service.reached = None
    assert await agent.request("tasks.add", 3, to="worker-2") == 3
    assert [each["data"] for each in await service.received("publish", 2)] == [1, 3]
    assert not agent._messaging._questions._open
    assert not agent._messaging._publisher._locks
    assert not agent._connection._requests._waiting
    await agent.stop()


async def test_a_request_goes_to_another_agent_if_the_first_one_is_lost(service: FakeService) -> None:
    lost = {"error": {"code": "receiver_lost", "message": "w1 went offline before it answered"}}
    agent = agent_of(service)
    await agent.start()
    [result], attempts = await ask_and_answer(service, agent, lost, {"result": 7}, retries=1)
    assert result == 7
    assert [each["attempt"] for each in attempts] == [1, 2]
    assert len({each["replyTo"] for each in attempts}) == 1
    assert all(0 < each["expiresInMs"] <= 10_000 for each in attempts)
    [error], attempts = await ask_and_answer(service, agent, lost)
    assert (type(error), error.code, len(attempts)) == (RemoteError, "receiver_lost", 1)
    with pytest.raises(ConfigurationError, match="option retries: expected"):
        await agent.request("tasks.do", retries=-1)
    await agent.stop()


async def test_a_second_error_about_an_attempt_does_not_count_for_the_next(service: FakeService) -> None:
    lost = {"error": {"code": "receiver_lost", "message": "w1 went offline before it answered"}, "attempt": 1}
    ends = {"error": {"code": "unavailable", "message": "the message was dropped: ended"}, "attempt": 1}
    agent = agent_of(service)
    await agent.start()
    peer = await service.connection()
    for first, second in ((ends, lost), (lost, ends)):
        before = len(peer.of_type("publish"))
        asked = asyncio.ensure_future(agent.request("tasks.do", 1, retries=3))
        subject = (await service.received("publish", before + 1))[-1]["replyTo"]

        def answer(number: int, reply: Any, subject: str = subject) -> None:
            peer.send(type="message", messageId=f"{subject}-{number}", subject=subject, data=reply, **{"from": "b"})

        answer(1, first)
        # Before the next attempt is sent, and after.
        answer(2, second)
        assert (await service.received("publish", before + 2))[-1]["attempt"] == 2
        answer(3, second)
        answer(4, {"result": 7, "attempt": 1})
        assert await asked == 7
        assert len(peer.of_type("publish")) == before + 2
    await agent.stop()


async def test_an_unhandled_request_is_sent_again(service: FakeService) -> None:
    ends = {"error": {"code": "unavailable", "message": "the message was dropped: ended"}}
    agent = agent_of(service)
    await agent.start()
    [result], attempts = await ask_and_answer(service, agent, ends, {"result": 7})
    assert (result, [each["attempt"] for each in attempts]) == (7, [1, 2])
    await agent.stop()


async def test_a_timeout_counts_from_the_call_and_a_message_that_timed_out_is_not_sent(service: FakeService) -> None:
    service.silent = {"publish"}
    agent = agent_of(service)
    await agent.start()
    results = await asyncio.gather(
        *(agent.request("slow.one", n, timeout=0.3) for n in range(50)), return_exceptions=True
    )
    assert {type(each) for each in results} == {RequestTimeoutError}
    assert len((await service.connection()).of_type("publish")) == 1
    await agent.stop()
