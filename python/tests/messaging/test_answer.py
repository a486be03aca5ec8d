"""What the handlers of a request answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent_heartbeat.testing import FakeService

from ..agents import agent_of
from ..until import until


async def test_the_error_of_a_handler_wins_over_a_dropped_message(service: FakeService) -> None:
    # On "unavailable" the requester asks again, and what was begun here would be done twice.
    agent = agent_of(service, message_concurrency=1, message_queue=1)
    go = asyncio.Event()

    @agent.on_message("a.b")
    async def fail(subject: str, data: Any) -> None:
        await go.wait()
        raise ValueError("no")

    for _ in range(2):
        agent.on_message("a.*", lambda subject, data: None)
    await agent.start()
    service.connections[0].send(
        type="message", messageId="1", subject="a.b", data=1, replyTo="_inbox.b.1", **{"from": "b"}
    )
    await until(lambda: bool(agent._messaging._dispatcher.running))
    go.set()
    assert (await service.received("publish"))[0]["data"] == {"error": {"code": "handler_failed", "message": "no"}}
    await agent.stop()


@pytest.mark.parametrize("in_process", [True, False])
async def test_half_a_surrogate_pair_in_a_text_does_no_harm(service: FakeService, in_process: bool) -> None:
    agent = agent_of(service, heartbeat_process=in_process, heartbeat_interval=1)

    @agent.on_message("a.b")
    async def handle(subject: str, data: Any) -> None:
        agent.progress("half \ud83d")
        await service.received("heartbeat", len(service.connections[0].of_type("heartbeat")) + 2)
        raise ValueError("broken \ud83d " + "long" * 100_000)

    await agent.start()
    peer = service.connections[0]
    peer.send(type="message", messageId="1", subject="a.b", data=1, replyTo="_inbox.b.1", **{"from": "b"})
    fault = (await service.received("publish"))[0]["data"]["error"]
    assert fault["message"].startswith("broken \\ud83d long")
    assert "half \ud83d" in [beat.get("activity", {}).get("note") for beat in peer.of_type("heartbeat")]
    await agent.stop()
