"""A planner that gives each task to one living worker, and three workers in processes of their own.

One of the workers dies at work: the planner is not left waiting, and another worker gets the task.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from agent_heartbeat import HeartbeatAgent, MessageContext

sys.path.insert(0, str(Path(__file__).parents[1]))
from python_settings import settings_from_environment


async def work() -> None:
    """One of a group, of which each request goes to one living member."""
    settings = settings_from_environment()
    agent = HeartbeatAgent(**settings, heartbeat_interval=5)

    @agent.on_message("pages.summarize", group="workers")
    async def summarize(subject: str, data: Any, context: MessageContext) -> dict[str, Any]:
        await asyncio.sleep(0.2)
        # The third page kills the first worker that gets it.
        if data["page"] == 3 and context.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"summary": f"a summary of page {data['page']}", "by": agent.agent_id, "attempt": context.attempt}

    await agent.start()
    # The service knows that this worker takes requests.
    print("ready", flush=True)
    await agent.run()


async def plan() -> None:
    settings = settings_from_environment()
    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            __file__,
            "work",
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "AGENT_HEARTBEAT_AGENT": f"{settings['agent_id']}-{number}"},
        )
        for number in (1, 2, 3)
    ]
    planner = HeartbeatAgent(**settings)
    try:
        await planner.start()
        for worker in workers:
            assert worker.stdout
            await worker.stdout.readline()
        for page in range(1, 6):
            answer = await planner.request("pages.summarize", {"page": page}, timeout=60, retries=2)
            print(f"{answer['summary']}, by {answer['by']}, attempt {answer['attempt']}", flush=True)
    finally:
        for worker in workers:
            if worker.returncode is None:
                worker.terminate()
            await worker.wait()
        await planner.stop()


asyncio.run(work() if sys.argv[1:] == ["work"] else plan())
