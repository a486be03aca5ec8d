"""The heartbeat process: it ends with its agent, goes on while the agent is blocked, and leaves signals to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from agent_heartbeat.testing import FakeService

from ..agents import KEY
from ..until import until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


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
        self.process = subprocess.Popen(
            [sys.executable, str(file)], stdout=subprocess.PIPE, text=True, start_new_session=True
        )

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
async def test_the_heartbeat_process_ends_with_its_agent_however_that_dies(
    service: FakeService, tmp_path: Path, how: str
) -> None:
    # A child that was forked keeps the pipe's end open.
    body = {
        "os._exit": 'agent.on("heartbeat_ack", lambda _: os._exit(3))',
        "fork": 'agent.on("ready", lambda _: os.fork() or (time.sleep(30), os._exit(0)))',
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
    # The forked child too.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.process.pid, signal.SIGKILL)
    if program.process.stdout:
        program.process.stdout.close()
    await asyncio.to_thread(program.process.wait)


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


async def test_an_agent_whose_handler_holds_the_interpreter_reads_as_blocked_and_never_as_offline(
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
async def test_a_first_signal_does_not_shorten_a_drain_that_has_already_begun(
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
    program = Program(service, tmp_path, body, "remote_drain=True, heartbeat_interval=1")
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
