"""An agent for tests of its handlers alone."""

from __future__ import annotations

from typing import Any

import pytest

from agent_heartbeat import RemoteError
from agent_heartbeat.testing import fake_agent


async def test_a_fake_agent_calls_its_handlers() -> None:
    agent = fake_agent("planner")
    agent.reply("models.*", lambda subject, data: f"summary of {data}")

    @agent.on_message("tasks")
    async def handle(_subject: str, data: Any) -> str:
        summary = await agent.request("models.small", data)
        await agent.publish("done", summary)
        return "ok"

    @agent.on_message("broken")
    async def fail(_subject: str, data: Any) -> None:
        raise ValueError("no model")

    async with agent:
        assert await agent.receive("tasks", "text") == "ok"
        assert [(each.subject, each.data) for each in agent.published] == [
            ("models.small", "text"),
            ("done", "summary of text"),
        ]
        with pytest.raises(RemoteError, match="no model"):
            await agent.receive("broken")
        with pytest.raises(RemoteError, match="handler"):
            await agent.receive("other")
