"""What an agent can send."""

from __future__ import annotations

from typing import Any

import pytest

from agent_heartbeat import ConfigurationError, MessageError, SubjectError
from agent_heartbeat.testing import FakeService

from ..agents import NONSENSE, agent_of


async def test_a_large_message_travels_in_frames_that_the_gateway_takes(service: FakeService, in_process: bool) -> None:
    agent = agent_of(service, heartbeat_process=in_process)
    await agent.start()
    data = "ü" * 60_000
    assert await agent.publish("a.b", data) == 1
    assert (await service.received("publish"))[0]["data"] == data
    await agent.stop()


@pytest.mark.parametrize(
    "data",
    [float("nan"), float("inf"), 2**53, -(2**70), {1: "a"}, {"a": {None: 1}}, object(), b"x", {1, 2}, "\ud800", 1j],
    ids=repr,
)
async def test_data_that_is_not_json_is_refused(service: FakeService, data: Any) -> None:
    agent = agent_of(service)
    await agent.start()
    for send in (agent.publish, agent.request):
        with pytest.raises(MessageError, match=r"a\.b: expected"):
            await send("a.b", data)
    await agent.stop()


async def test_an_invalid_argument_is_an_error_that_names_what_was_expected(service: FakeService) -> None:
    agent = agent_of(service)
    await agent.start()
    for subject in ("", "a..b", "a.*", ">", "a b", 7, None, "a." * 20 + "b", "x" * 300):
        with pytest.raises(SubjectError, match="subject: expected"):
            await agent.publish(subject)
    for pattern in ("", "a.>.b", "_inbox.x", "ä", None, 3):
        with pytest.raises(SubjectError, match="subject: expected"):
            agent.on_message(pattern, print)
    with pytest.raises(ConfigurationError, match="option to"):
        await agent.publish("a.b", to="not an id")
    with pytest.raises(MessageError, match="131072 bytes"):
        await agent.publish("a.b", "x" * 140_000)
    with pytest.raises(ConfigurationError, match="name of an event"):
        agent.on("states", print)
    for seconds in NONSENSE:
        if seconds is not None:
            with pytest.raises(ConfigurationError, match="option timeout"):
                await agent.request("a.b", timeout=seconds)
            with pytest.raises(ConfigurationError, match="option max_silence"):
                agent.on_message("a.b", print, max_silence=seconds)
    await agent.stop()
