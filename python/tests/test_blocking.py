"""Agents for programs without an event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from agent_heartbeat import ConnectionError, SubjectError
from agent_heartbeat.blocking import HeartbeatAgent, SimpleAgent

from .service import Service
from .test_agent import KEY


class Background:
    """A service in a thread, as a program without a loop would meet it."""

    def __enter__(self) -> Service:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.service = Service()
        self.run(self.service.__aenter__())
        return self.service

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def __exit__(self, *_: object) -> None:
        self.run(self.service.__aexit__())
        self.loop.call_soon_threadsafe(self.loop.stop)


@pytest.mark.parametrize("kind", [HeartbeatAgent, SimpleAgent])
def test_every_method_waits(kind: Any) -> None:
    background = Background()
    with background as service:
        agent = kind("worker-1", "acme", service.url, private_key=KEY, logger=None)
        heard = threading.Event()

        @agent.on_message("a.b")
        def handle(subject: str, data: Any) -> str:
            agent.progress("half")
            heard.set()
            return "yes"

        with agent:
            assert agent.state == "connected"
            assert agent.publish("x.y", {"n": 1}) == 1
            assert agent.list()["agents"] == []
            agent.set_profile(["a"])
            with pytest.raises(SubjectError):
                agent.publish("not a subject")
            peer = background.run(service.peer())
            message = {"subject": "a.b", "data": 1, "replyTo": "_inbox.b.1", "from": "b", "messageId": "1"}
            background.run(peer.tell(type="message", **message))
            answers = background.run(service.received("publish", 2))
            assert answers[-1]["data"] == {"result": "yes"}
            assert heard.is_set()
        assert agent.state == "stopped"
        with pytest.raises(ConnectionError):
            agent.publish("x.y")


def test_run_returns_when_the_agent_ends() -> None:
    with Background() as service:
        agent = HeartbeatAgent("worker-1", "acme", service.url, private_key=KEY, signals=(), heartbeat_process=False)
        agent.on("ready", lambda _: threading.Thread(target=agent.drain).start())
        assert agent.run() == "drained"
