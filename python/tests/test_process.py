"""The heartbeat process: it lives as long as its agent, goes on while the agent is blocked, and is replaced."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent_heartbeat import ConnectionError, HeartbeatAgent, ReconnectOptions
from agent_heartbeat.testing import FakeService

from .test_agent import KEY
from .until import until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
async def service() -> AsyncIterator[FakeService]:
    async with FakeService() as running:
        running.reached = 1
        yield running


class Program:
    """An agent in a program of its own."""

    def __init__(self, service: FakeService, path: Path, body: str = "", options: str = "") -> None:
        (path / "key.pem").write_text(KEY)
        file = path / "worker.py"
        file.write_text(
            textwrap.dedent(
                """
                import asyncio, os, sys, time
                from agent_heartbeat import HeartbeatAgent

                agent = HeartbeatAgent("worker-1", "acme", {url!r}, private_key_path={key!r}{options})
                {body}
                print(asyncio.run(agent.run()))
                """
            )
            .format(
                url=service.url,
                key=str(path / "key.pem"),
                options=f", {options}" if options else "",
                body=textwrap.dedent(body).replace("\n", "\n" + " " * 16).strip(),
            )
            .replace("\n" + " " * 16, "\n")
        )
        self.process = subprocess.Popen([sys.executable, str(file)], stdout=subprocess.PIPE, text=True)

    async def wait(self) -> str:
        output, _ = await asyncio.to_thread(self.process.communicate)
        return output


def children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(each) for each in listed.stdout.split()]


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z"


@pytest.mark.parametrize("how", ["SIGKILL", "os._exit", "fork"])
async def test_it_dies_with_its_agent_however_that_dies(service: FakeService, tmp_path: Path, how: str) -> None:
    # A child that was forked keeps the pipe's end open.
    body = {
        "os._exit": 'agent.on("ready", lambda _: os._exit(3))',
        "fork": 'agent.on("ready", lambda _: os.fork() or time.sleep(30))',
    }.get(how, "")
    program = Program(service, tmp_path, body)
    peer = await service.connection()
    await service.received("heartbeat")
    if how != "os._exit":
        (process, *_) = [pid for pid in children(program.process.pid) if "agent_heartbeat" in command_of(pid)]
        program.process.send_signal(signal.SIGKILL)
        await until(lambda: is_gone(process))
    await peer.ended()
    assert peer.closed[0] == 1006
    program.process.kill()
    if program.process.stdout:
        program.process.stdout.close()
    await asyncio.to_thread(program.process.wait)


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


async def test_a_handler_that_holds_the_interpreter_reads_as_blocked_and_never_as_gone(
    service: FakeService, tmp_path: Path
) -> None:
    body = """
    sys.setswitchinterval(1000)

    @agent.on_message("compute", max_silence=5)
    async def compute(subject, data):
        while not os.path.exists(data):
            sum(range(10_000))
        return "computed"
    """
    program = Program(service, tmp_path, body, "heartbeat_interval=1")
    peer = await service.connection()
    await service.received("subscribe")
    go = tmp_path / "go"
    peer.send(type="message", messageId="1", subject="compute", data=str(go), replyTo="_inbox.b.1", **{"from": "b"})
    await until(lambda: peer.messages and peer.messages[-1].get("activity", {}).get("state") == "blocked")
    blocked = len(peer.of_type("heartbeat"))
    # Its work is known, so that it can be seen to stall.
    assert peer.of_type("heartbeat")[-1]["activity"].items() >= {"task": "compute", "maxSilenceMs": 5000}.items()
    await until(lambda: len(peer.of_type("heartbeat")) >= blocked + 3)
    go.touch()
    assert (await service.received("publish"))[0]["data"] == {"result": "computed"}
    await until(lambda: peer.of_type("heartbeat")[-1]["activity"]["state"] == "idle")
    assert len(service.connections) == 1
    program.process.send_signal(signal.SIGTERM)
    assert (await program.wait()).strip() == "drained"


@pytest.mark.parametrize(
    ("message", "end"),
    [
        ({"type": "superseded"}, "superseded"),
        ({"type": "message", "messageId": "2", "subject": "agent.drain", "from": "event:cli"}, "drained"),
        ({"type": "message", "messageId": "2", "subject": "leave", "from": "b"}, "drained"),
    ],
    ids=["superseded", "asked by the bus", "by its own code"],
)
async def test_the_first_signal_does_not_cut_short_a_drain_that_has_begun_without_one(
    service: FakeService, tmp_path: Path, message: dict[str, str], end: str
) -> None:
    body = """
    @agent.on_message("slow")
    async def slow(subject, data):
        while not os.path.exists(data):
            await asyncio.sleep(0.02)
        return "finished"

    @agent.on_message("leave")
    async def leave(subject, data):
        await agent.drain()

    agent.on("state", lambda change: os.mkdir(os.path.join(os.path.dirname(__file__), change.state)))
    """
    program = Program(service, tmp_path, body, "remote_drain=True")
    peer = await service.connection()
    await until(lambda: len(peer.of_type("subscribe")) == 2)
    go = tmp_path / "go"
    peer.send(type="message", messageId="1", subject="slow", data=str(go), replyTo="_inbox.b.1", **{"from": "b"})
    await until(lambda: any(beat.get("activity", {}).get("task") == "slow" for beat in peer.messages))
    peer.send(**message)
    await until(lambda: (tmp_path / "draining").exists())
    program.process.send_signal(signal.SIGTERM)
    go.touch()
    assert (await service.received("publish"))[0]["data"] == {"result": "finished"}
    assert (await program.wait()).strip() == end


async def test_signals_to_the_whole_group_are_for_the_agent(service: FakeService, tmp_path: Path) -> None:
    body = """
    os.setpgid(0, 0)

    @agent.on_message("slow")
    async def slow(subject, data):
        await asyncio.sleep(0.5)
        return "finished"
    """
    program = Program(service, tmp_path, body)
    peer = await service.connection()
    await service.received("subscribe")
    peer.send(type="message", messageId="1", subject="slow", data=1, replyTo="_inbox.b.1", **{"from": "b"})
    await until(lambda: any(beat.get("activity", {}).get("state") for beat in peer.messages))
    os.killpg(program.process.pid, signal.SIGINT)
    assert (await program.wait()).strip() == "drained"
    assert peer.closed == (1000, "drained")


async def test_it_is_replaced_where_it_dies(service: FakeService) -> None:
    agent = HeartbeatAgent(
        "worker-1", "acme", service.url, private_key=KEY, signals=(), reconnect=ReconnectOptions(base_delay=0.1)
    )
    states: list[Any] = []
    agent.on("state", lambda change: states.append((change.previous, change.state)))
    agent.on_message("a.b", lambda subject, data: data)
    await agent.start()
    manager: Any = agent._connection.manager
    manager._process.kill()
    await service.connection(2)
    await until(lambda: agent.state == "connected" and len(states) == 4)
    assert states == [
        ("idle", "connecting"),
        ("connecting", "connected"),
        ("connected", "reconnecting"),
        ("reconnecting", "connected"),
    ]
    await until(lambda: service.last.subscriptions == {"a.b"})
    assert service.connections[0].instance_id == service.connections[1].instance_id
    assert await agent.publish("x.y") == 1
    process = manager._process
    await agent.stop()
    await until(lambda: process.poll() is not None)
    assert process.returncode == 0


async def test_it_leaves_no_process_and_no_thread_behind(service: FakeService) -> None:
    import threading

    before = threading.active_count()
    for _ in range(3):
        agent = HeartbeatAgent("worker-1", "acme", service.url, private_key=KEY, signals=())
        await agent.start()
        process = agent._connection.manager._process  # type: ignore[union-attr]
        await agent.drain()
        await until(lambda process=process: process.poll() is not None)  # type: ignore[misc]
    await until(lambda: threading.active_count() <= before + 1)


@pytest.fixture
async def without_process(service: FakeService) -> AsyncIterator[HeartbeatAgent]:
    """An agent whose process has died, before another one was started."""
    agent = HeartbeatAgent("worker-1", "acme", service.url, private_key=KEY, signals=(), logger=None)
    await agent.start()
    manager: Any = agent._connection.manager
    manager._process.kill()
    await until(lambda: agent.state == "reconnecting")
    assert manager._restart_timer
    yield agent
    await agent.stop()


@pytest.mark.parametrize("end", ["stop", "drain"])
async def test_it_ends_between_two_processes(without_process: HeartbeatAgent, end: str) -> None:
    running = asyncio.ensure_future(without_process.run())
    await getattr(without_process, end)()
    assert await running == ("stop" if end == "stop" else "drained")
    assert without_process.state == "stopped"
    manager: Any = without_process._connection.manager
    assert manager._restart_timer is None
    assert manager._process.poll() is not None


async def test_a_message_between_two_processes_fails_at_once(without_process: HeartbeatAgent) -> None:
    with pytest.raises(ConnectionError):
        await without_process.publish("x.y")


async def test_reconnect_does_not_wait_for_the_next_process(
    service: FakeService, without_process: HeartbeatAgent
) -> None:
    without_process.reconnect()
    manager: Any = without_process._connection.manager
    assert manager._restart_timer is None
    await until(lambda: without_process.state == "connected")
    assert len(service.connections) == 2


async def test_a_drain_goes_on_when_the_process_dies(service: FakeService) -> None:
    agent = HeartbeatAgent(
        "worker-1", "acme", service.url, private_key=KEY, signals=(), logger=None, heartbeat_interval=1
    )
    go = asyncio.Event()

    @agent.on_message("slow")
    async def slow(subject: str, data: Any) -> str:
        await go.wait()
        return "finished"

    await agent.start()
    states: list[Any] = []
    agent.on("state", lambda change: states.append((change.previous, change.state)))
    service.connections[0].send(type="message", messageId="1", subject="slow", data=1, replyTo="_inbox.b.1")
    await until(lambda: bool(agent._messaging._dispatcher.running))
    draining = asyncio.ensure_future(agent.drain())
    await until(lambda: agent.state == "draining")
    manager: Any = agent._connection.manager
    manager._process.kill()
    peer = await service.connection(2)
    await until(lambda: any(beat["activity"]["state"] == "draining" for beat in peer.of_type("heartbeat")))
    go.set()
    await draining
    assert (await service.received("publish"))[0]["data"] == {"result": "finished"}
    assert states == [("connected", "draining"), ("draining", "stopped")]


async def test_a_superseded_agent_whose_process_dies_does_not_take_the_agent_back(service: FakeService) -> None:
    agent = HeartbeatAgent("worker-1", "acme", service.url, private_key=KEY, signals=(), logger=None)
    go = asyncio.Event()

    @agent.on_message("slow")
    async def slow(subject: str, data: Any) -> None:
        await go.wait()

    await agent.start()
    running = asyncio.ensure_future(agent.run())
    service.connections[0].send(type="message", messageId="1", subject="slow", data=1)
    await until(lambda: bool(agent._messaging._dispatcher.running))
    service.connections[0].send(type="superseded")
    await until(lambda: agent.state == "draining")
    manager: Any = agent._connection.manager
    manager._process.kill()
    await until(lambda: agent.state == "superseded")
    go.set()
    assert await running == "superseded"
    assert len(service.connections) == 1


async def test_a_process_that_cannot_be_started_is_tried_again(
    service: FakeService, without_process: HeartbeatAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[Any] = []
    without_process.on("attempt_failed", failures.append)

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        without_process.reconnect()
        assert "Resource temporarily unavailable" in failures[-1].failure.message
        assert failures[-1].retry_in > 0
    without_process.reconnect()
    await until(lambda: without_process.state == "connected")


async def test_a_process_that_cannot_be_started_at_first_is_told_in_words(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("Cannot allocate memory")

    agent = HeartbeatAgent("worker-1", "acme", service.url, private_key=KEY, signals=(), logger=None)
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        with pytest.raises(ConnectionError, match="Cannot allocate memory; heartbeat_process=False needs none"):
            await agent.start()
