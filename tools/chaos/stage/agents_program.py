"""A process of agents of the Python client: what agents-program.ts is for the TypeScript client.

A recorder between each agent and its socket records all messages, so the evidence does not depend on the client.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

sys.path.insert(0, str(Path(__file__).parents[3] / "python" / "src"))

import agent_heartbeat.heartbeat_agent
from agent_heartbeat import AgentHeartbeatError, HeartbeatAgent, MessageContext, ReconnectOptions
from agent_heartbeat.connection.asyncio_runtime import AsyncioRuntime
from agent_heartbeat.connection.ends import Refused

LONGEST_PAUSE = 20.0
"""The longest delay between attempts, in seconds: a run's outages are short."""

settings: dict[str, Any] = json.loads(sys.argv[1])
jump = 0.0
opened = 0
"""Connections of all agents. Their names must stay unique when an agent is restarted."""
sockets: dict[str, set[str]] = {}
live: dict[str, list[str]] = {}
"""Each agent's connections that are open for it, in the order of their handshakes."""
agents: list[HeartbeatAgent] = []
tasks: set[asyncio.Future[Any]] = set()


def now() -> float:
    """The run's clock, in milliseconds."""
    return float(settings["origin"]) + time.monotonic() * 1000


def schedule(kind: str, failures: int) -> float:
    """The built-in windows, but short enough that agents reconnect before the run ends."""
    return 0.0 if kind == "unresponsive" and failures == 0 else min(LONGEST_PAUSE, 2.0 * 2 ** min(failures, 10))


class Channel:
    writer: asyncio.StreamWriter

    def send(self, **report: Any) -> None:
        self.writer.write(json.dumps(report).encode() + b"\n")


channel = Channel()


class Witness:
    """Stands between an agent and one of its sockets, on both sides."""

    def __init__(self, agent_id: str, link: str, listener: Any) -> None:
        self.agent_id, self.link, self.listener = agent_id, link, listener
        self.sent_at: dict[str, float] = {}
        self.closing = False
        self.socket: Any = None
        sockets[agent_id].add(link)

    def report(self, what: str, **more: Any) -> None:
        channel.send(what=what, agentId=self.agent_id, **{"link": self.link, "at": now(), **more})

    def left(self) -> None:
        """The agent has the connection no longer."""
        if self.link in live[self.agent_id]:
            live[self.agent_id].remove(self.link)

    def end(self) -> None:
        self.left()
        if self.link in sockets[self.agent_id]:
            sockets[self.agent_id].discard(self.link)
            self.report("ended")

    # Events of the socket.

    def opened(self) -> None:
        self.report("opened")
        live[self.agent_id].append(self.link)
        self.listener.opened()

    def received(self, text: str | None) -> None:
        message = json.loads(text) if text else {}
        kind = message.get("type")
        if kind == "message" and "sentAt" in message["data"]:
            channel.send(what="heard", agentId=self.agent_id, sentAt=message["data"]["sentAt"], at=now())
        if kind == "superseded":
            # The row is the newer process's from here on.
            self.left()
            self.report("ended")
        sent = self.sent_at.get(str(message.get("id")))
        if kind == "heartbeat_ack" and sent is not None:
            self.report("acked", sentAt=sent)
        self.listener.received(text)

    def ended(self, end: Any) -> None:
        self.end()
        if isinstance(end, Refused):
            channel.send(what="refused", agentId=self.agent_id, status=end.status)
        self.listener.ended(end)

    # What the agent does.

    @property
    def buffered(self) -> int:
        return int(self.socket.buffered)

    def send(self, text: str) -> None:
        message = json.loads(text)
        if message["type"] == "heartbeat":
            message["id"] = f"beat-{len(self.sent_at)}"
            self.sent_at[message["id"]] = now()
            text = json.dumps(message)
        self.socket.send(text)

    def close(self, code: int, reason: str) -> None:
        # The agent ends the connection here, whenever the socket closes.
        if not self.closing:
            self.report("ended")
        self.closing = True
        self.left()
        self.socket.close(code, reason)

    def terminate(self) -> None:
        self.end()
        self.socket.terminate()


class WitnessedRuntime(AsyncioRuntime):
    def now(self) -> float:
        return (now() + jump) / 1000

    def open_socket(self, url: str, token: str, listener: Any) -> Any:
        global opened
        parts = urlsplit(url)
        agent_id = agent_of_port[parts.port or 0]
        link = f"{agent_id}.{os.getpid()}.{opened}"
        opened += 1
        witness = Witness(agent_id, link, listener)
        dialled = urlunsplit(parts._replace(query=f"link={link}"))
        witness.socket = super().open_socket(dialled, token, witness)  # type: ignore[arg-type]
        return witness

    def request(self, request: Any, done: Any) -> None:
        """Heartbeats over HTTP count for the agent's newest connection."""
        agent_id, sent_at = agent_of_port[urlsplit(request.url).port or 0], now()
        link = next(reversed(live[agent_id]), None)

        def answered(answer: Any) -> None:
            if getattr(answer, "status", None) == 200 and link in live[agent_id]:
                channel.send(what="acked", agentId=agent_id, link=link, sentAt=sent_at, at=now(), overHttp=True)
            done(answer)

        super().request(request, answered)


agent_of_port: dict[int, str] = {
    place[port]: place["agentId"] for place in settings["agents"] for port in ("port", "httpPort") if port in place
}
agent_heartbeat.heartbeat_agent.AsyncioRuntime = WitnessedRuntime  # type: ignore[misc]


def agent_at(place: dict[str, Any]) -> HeartbeatAgent:
    # Its login is for the address that it dials: that of its own proxy port.
    parts = urlsplit(settings["url"])
    rotate_after = settings["rotateAfter"]
    agent_id = place["agentId"]
    sockets.setdefault(agent_id, set())
    live.setdefault(agent_id, [])
    http_port = place.get("httpPort")
    agent = HeartbeatAgent(
        agent_id,
        settings["organizationId"],
        urlunsplit(parts._replace(netloc=f"{parts.hostname}:{place['port']}")),
        private_key=place["privateKey"],
        capabilities=place["capabilities"] or None,
        heartbeat_interval=settings["heartbeatInterval"],
        heartbeat_timeout_multiplier=settings["heartbeatTimeoutMultiplier"],
        on_duplicate=settings["onDuplicate"],
        rotate_after=(rotate_after["min"], rotate_after["max"]),
        drain_timeout=2,
        reconnect=ReconnectOptions(schedule=schedule, stable_after=10),
        heartbeat_process=False,
        heartbeat_transport="http" if http_port else "websocket",
        http_url=f"http://127.0.0.1:{http_port}" if http_port else None,
        proxy=None,
        signals=(),
        logger=None,
    )
    agent.on_message(f"chaos.{agent_id}", handle)
    if settings["handlesTasks"]:
        handle_tasks(agent)

    def hear(change: Any) -> None:
        if change.state == "superseded":
            channel.send(what="superseded", agentId=agent_id)

    agent.on("state", hear)
    return agent


def handle_tasks(agent: HeartbeatAgent) -> None:
    async def handle_task(subject: str, data: Any, context: MessageContext) -> dict[str, Any]:
        told = {"agentId": agent.agent_id, "messageId": context.message_id, "attempt": context.attempt}
        channel.send(what="handling", task=data["task"], at=now(), **told)
        await asyncio.sleep(data["workMs"] / 1000)
        return {"by": agent.agent_id, "attempt": context.attempt}

    # As in groups/evidence.ts.
    agent.on_message("tasks.*", handle_task, group="workers", concurrency=4)


async def handle(subject: str, data: Any) -> None:
    pass


async def start(agent: HeartbeatAgent) -> None:
    try:
        await agent.start()
    except AgentHeartbeatError:
        pass  # It was ended before it was there.


def keep(work: Any) -> None:
    task = asyncio.ensure_future(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def renew(agent_id: str, private_key: str | None = None, drain: bool = False) -> None:
    """Restarts an agent, with another key if one is given, or after a drain."""
    index = next(index for index, place in enumerate(settings["agents"]) if place["agentId"] == agent_id)
    place = settings["agents"][index]
    if private_key is not None:
        place["privateKey"] = private_key
    former, agents[index] = agents[index], agent_at(place)
    agent = agents[index]
    await (former.drain() if drain else former.stop())
    if drain:
        channel.send(what="drained", agentId=agent_id, at=now())
    # Unless it was renewed again meanwhile.
    if agents[index] is agent:
        await start(agent)


async def leave(drain: bool) -> None:
    await asyncio.gather(*((agent.drain() if drain else agent.stop()) for agent in agents))
    # Closed sockets are released in the following turns.
    await asyncio.sleep(0.1)
    channel.send(what="left", sockets={agent_id: len(links) for agent_id, links in sockets.items()})


async def main() -> None:
    global jump
    reader, channel.writer = await asyncio.open_connection("127.0.0.1", settings["receptionPort"], limit=2**24)
    channel.writer.write(f"{settings['name']}\n".encode())
    agents.extend(agent_at(place) for place in settings["agents"])
    for agent in agents:
        keep(start(agent))
    while line := await reader.readline():
        command = json.loads(line)
        if command["do"] == "jump":
            jump += command["ms"]
        elif command["do"] == "revive":
            keep(renew(command["agentId"]))
        elif command["do"] == "change key":
            keep(renew(command["agentId"], command["privateKey"]))
        elif command["do"] == "drain":
            for agent_id in command["agentIds"]:
                keep(renew(agent_id, drain=True))
        else:
            keep(leave(command["drain"]))
    # The run has ended.
    os._exit(0)


asyncio.run(main())
