"""What an agent reports to listeners, and what keeps these from harming it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from agent_heartbeat import ConfigurationError, HeartbeatAgent, SimpleAgent, StateChange
from agent_heartbeat.testing import FakeService

from .agents import KEY, agent_of


async def test_listeners_and_handlers_that_raise_do_not_end_the_agent(service: FakeService, in_process: bool) -> None:
    agent = agent_of(service, heartbeat_process=in_process, logger=BrokenLogger())
    errors: list[Any] = []

    async def rejects(_: Any) -> None:
        raise RuntimeError("listener")

    def raises(_: Any) -> None:
        raise RuntimeError("listener")

    for name in ("state", "ready", "heartbeat_ack", "handler_error", "attempt_failed"):
        agent.on(name, rejects)
        agent.on(name, raises)
    agent.on("handler_error", lambda event: errors.append(event.error))

    @agent.on_message("a.>")
    async def handle(subject: str, data: Any) -> None:
        raise Unspeakable

    await agent.start()
    peer = await service.connection()
    peer.send(type="message", messageId="1", subject="a.b", data=1, replyTo="_inbox.b.1", **{"from": "b"})
    answers = await service.received("publish")
    assert answers[0]["data"] == {"error": {"code": "handler_failed", "message": "Unspeakable"}}
    assert len(errors) == 1
    assert agent.state == "connected"
    await agent.stop()


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


class BrokenLogger(logging.Logger):
    def __init__(self) -> None:
        super().__init__("broken")

    def warning(self, *_: Any, **__: Any) -> None:
        raise OSError("disk full")

    error = warning  # type: ignore[assignment]


@pytest.mark.parametrize("make", [HeartbeatAgent, SimpleAgent])
async def test_listeners_are_called_once_or_until_they_are_removed(make: type[HeartbeatAgent]) -> None:
    class Counter:
        def __init__(self) -> None:
            self.calls: list[str] = []

        def listen(self, event: Any) -> None:
            self.calls.append(event.state)

    agent = make("a", "b", "wss://x.example/prod", private_key=KEY)
    counter, once, nested = Counter(), Counter(), Counter()
    emit = agent._reporter.emit

    def change(state: str) -> StateChange:
        return StateChange(state, "idle", "start", 0)  # type: ignore[arg-type]

    def again(event: Any) -> None:
        agent.off("state", again)
        emit(change("connected"))

    agent.on("state", counter.listen)
    agent.on("state", counter.listen)
    agent.once("state", once.listen)
    agent.once("state", never := Counter().listen)()
    agent.once("state", taken := counter.listen)
    agent.on("state", again)
    agent.once("state", nested.listen)
    emit(change("connecting"))
    assert once.calls == ["connecting"]
    assert nested.calls == ["connected"]
    assert counter.calls == ["connecting"] * 3 + ["connected"] * 2
    agent.off("state", taken)
    agent.off("state", never)
    emit(change("stopped"))
    assert "stopped" not in counter.calls
    for call in (agent.once, agent.off):
        with pytest.raises(ConfigurationError, match="got 'states'"):
            call("states", counter.listen)  # type: ignore[arg-type]


async def test_state_changes_begin_with_the_call(service: FakeService) -> None:
    agent = agent_of(service)
    changes = agent.state_changes()
    await agent.start()
    await agent.stop()
    assert [change.state async for change in changes] == ["connecting", "connected", "stopped"]
