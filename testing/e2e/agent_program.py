"""The programs of this folder in Python: `agent_program.py agent|worker|spinner <options as JSON>`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import threading
from typing import Any

from agent_heartbeat import HeartbeatAgent


def options(text: str) -> dict[str, Any]:
    """Options of the TypeScript client, under their names in Python."""
    return {
        re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name): value for name, value in json.loads(text).items()
    }


def say(line: str) -> None:
    print(line, flush=True)


async def main(kind: str, settings: str) -> None:
    agent = HeartbeatAgent(**options(settings))
    agent.on("ready", lambda _: say("acknowledged"))
    if kind == "worker":
        # A signal that comes after the agent's end does not take the exit code away.
        signal.signal(signal.SIGTERM, lambda *_: None)

        @agent.on_message("tasks.*")
        async def process(subject: str, n: Any) -> Any:
            await asyncio.sleep(0.02)
            return {"n": n, "by": os.getpid()}

        agent.on("state", lambda change: say("draining") if change.state == "draining" else None)
    if kind == "spinner":

        @agent.on_message("tasks.spin", max_silence=1)
        async def spin(subject: str, data: Any) -> None:
            # Like an endless loop, but it leaves the processor to others.
            threading.Event().wait()

    end = await agent.run()
    if kind == "worker":
        say(f"ended: {end}")


asyncio.run(main(*sys.argv[1:]))
