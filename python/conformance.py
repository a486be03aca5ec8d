"""The Python client on trial: `npx agent-heartbeat conformance -- python3 python/conformance.py`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from agent_heartbeat import FleetWatcher, HeartbeatAgent, ReconnectOptions


def tell(**line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


class Client:
    """What the program may be called for, each a method."""

    def __init__(self) -> None:
        self.agent: HeartbeatAgent | None = None
        self.held = asyncio.Event()
        self.tasks: list[Any] = []

    async def start(self, settings: dict[str, Any]) -> None:
        reconnect, rotate = settings["reconnect"], settings["rotateAfter"]
        agent = HeartbeatAgent(
            settings["agentId"],
            settings["organizationId"],
            settings["url"],
            private_key=settings["privateKey"],
            heartbeat_interval=settings["heartbeatInterval"],
            heartbeat_timeout_multiplier=settings["heartbeatTimeoutMultiplier"],
            ack_every=settings["ackEvery"],
            reconnect=ReconnectOptions(base_delay=reconnect["baseDelay"], max_delay=reconnect["maxDelay"]),
            rotate_after=(rotate["min"], rotate["max"]),
            drain_timeout=settings["drainTimeout"],
            heartbeat_transport=settings.get("heartbeatTransport", "websocket"),
            http_url=settings.get("httpUrl"),
            signals=(),
            logger=None,
        )
        self.agent = agent
        agent.on("state", lambda change: tell(event="state", state=change.state))

        async def handle(subject: str, data: Any) -> dict[str, Any]:
            tell(event="message", subject=subject, data=data)
            if data == "hold":
                await self.held.wait()
            return {"echo": data}

        for pattern in settings["patterns"]:
            agent.on_message(pattern, handle, group=settings["groups"].get(pattern))

        async def run() -> None:
            try:
                tell(event="ended", how=await agent.run())
            except Exception as error:
                tell(event="ended", how=type(error).__name__)

        self.tasks.append(asyncio.ensure_future(run()))

    async def watch(self, settings: dict[str, Any]) -> None:
        reconnect = settings["reconnect"]
        watcher = FleetWatcher(
            settings["agentId"],
            settings["organizationId"],
            settings["url"],
            private_key=settings["privateKey"],
            reconnect=ReconnectOptions(base_delay=reconnect["baseDelay"], max_delay=reconnect["maxDelay"]),
            logger=None,
        )

        def show(_: Any = None) -> None:
            tell(event="agents", agents={name: each["status"] for name, each in watcher.agents.items()})

        watcher.on("change", show)
        await watcher.start()
        show()

    async def release(self) -> None:
        self.held.set()

    async def stop(self) -> None:
        assert self.agent
        self.tasks.append(asyncio.ensure_future(self.agent.stop()))

    async def drain(self) -> None:
        assert self.agent
        self.tasks.append(asyncio.ensure_future(self.agent.drain()))

    async def health(self) -> Any:
        assert self.agent
        return self.agent.get_connection_health()

    async def publish(self, subject: str, data: Any) -> int:
        assert self.agent
        return await self.agent.publish(subject, data)

    async def request(
        self,
        subject: str,
        data: Any = None,
        timeout: float | None = None,
        retries: int = 0,
        capability: str | None = None,
    ) -> Any:
        assert self.agent
        return await self.agent.request(subject, data, timeout=timeout, retries=retries, capability=capability)


async def main() -> None:
    client = Client()
    loop = asyncio.get_running_loop()

    async def answer(call: str, id: int, **parameters: Any) -> None:
        try:
            tell(id=id, result=await getattr(client, call)(**parameters))
        except Exception as error:
            tell(id=id, error=type(error).__name__)

    while line := await loop.run_in_executor(None, sys.stdin.readline):
        client.tasks.append(asyncio.ensure_future(answer(**json.loads(line))))


asyncio.run(main())
