"""Agents for programs without an event loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from agent_heartbeat import ConnectionError, SubjectError
from agent_heartbeat.blocking import HeartbeatAgent, SimpleAgent
from agent_heartbeat.testing import FakeConnection, FakeService

from .agents import KEY


class Background:
    """A service in a thread, as a program without a loop would meet it."""

    def __enter__(self) -> FakeService:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.service = FakeService()
        self.service.reached = 1
        self.run(self.service.__aenter__())
        return self.service

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def send(self, peer: FakeConnection, **message: Any) -> None:
        self.loop.call_soon_threadsafe(lambda: peer.send(message))

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
            assert [each["agentId"] for each in agent.list()["agents"]] == ["worker-1"]
            agent.set_profile(["a"])
            with pytest.raises(SubjectError):
                agent.publish("not a subject")
            peer = background.run(service.connection())
            message = {"subject": "a.b", "data": 1, "replyTo": "_inbox.b.1", "from": "b", "messageId": "1"}
            background.send(peer, type="message", **message)
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


def agent_of(service: FakeService, **options: Any) -> HeartbeatAgent:
    return HeartbeatAgent("worker-1", "acme", service.url, private_key=KEY, signals=(), logger=None, **options)


def threads_of_agents() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("agent_heartbeat of")]


@pytest.mark.parametrize("end", ["drain", "stop"])
@pytest.mark.parametrize("kind", ["thread", "coroutine"])
def test_run_returns_when_a_handler_ends_the_agent(end: str, kind: str) -> None:
    background = Background()
    with background as service:
        agent = agent_of(service, heartbeat_process=False)

        def finish(subject: str, data: Any) -> None:
            getattr(agent, end)()

        async def finish_elsewhere(subject: str, data: Any) -> None:
            threading.Thread(target=getattr(agent, end)).start()

        agent.on_message("a.b", finish if kind == "thread" else finish_elsewhere)

        def ask() -> None:
            peer = background.run(service.connection())
            background.run(service.received("subscribe"))
            background.send(peer, type="message", messageId="1", subject="a.b", data=1)

        threading.Thread(target=ask).start()
        assert agent.run() == ("drained" if end == "drain" else "stop")


def test_a_waiting_call_ends_when_another_thread_stops_the_agent() -> None:
    background = Background()
    with background as service:
        service.silent.add("publish")
        agent = agent_of(service, heartbeat_process=False)
        agent.start()
        ended: list[BaseException] = []

        def publish() -> None:
            try:
                agent.publish("x.y")
            except BaseException as error:
                ended.append(error)

        waiting = threading.Thread(target=publish)
        waiting.start()
        background.run(service.received("publish"))
        agent.stop()
        waiting.join()
        assert isinstance(ended[0], ConnectionError)


def test_an_agent_leaves_no_thread_behind_and_its_methods_still_work() -> None:
    with Background() as service:
        agent = agent_of(service, heartbeat_process=False)
        agent.on_message("a.b", lambda subject, data: None)
        assert threads_of_agents() == []
        agent.start()
        assert threads_of_agents() == ["agent_heartbeat of worker-1"]
        agent.stop()
        agent.stop()
        agent.drain()
        with pytest.raises(ConnectionError):
            agent.start()
        with pytest.raises(ConnectionError):
            agent.publish("x.y")
        assert agent.get_connection_health()["healthy"] is False
        for thread in threading.enumerate():
            if thread.name.startswith("agent_heartbeat of"):
                thread.join()
        assert threads_of_agents() == []


def test_a_handler_that_hangs_does_not_delay_the_end_of_the_program(tmp_path: Path) -> None:
    background = Background()
    with background as service:
        program = tmp_path / "worker.py"
        program.write_text(
            f"""
import threading
from agent_heartbeat.blocking import HeartbeatAgent
from agent_heartbeat.testing import FakeConnection, FakeService
agent = HeartbeatAgent("worker-1", "acme", {service.url!r}, private_key={KEY!r}, heartbeat_process=False)
begun = threading.Event()

@agent.on_message("a.b")
def hang(subject, data):
    begun.set()
    threading.Event().wait()

agent.start()
begun.wait()
agent.stop()
print("stopped")
"""
        )
        process = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
        peer = background.run(service.connection())
        background.run(service.received("subscribe"))
        background.send(peer, type="message", messageId="1", subject="a.b", data=1)
        assert process.communicate()[0] == "stopped\n"
        assert process.returncode == 0
