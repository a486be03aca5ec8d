"""The program of a demo agent in Python: works on tasks for some seconds each, and occasionally stalls.

With `--check`, its exit code only says whether it could run here.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3] / "python" / "src"))

from agent_heartbeat import HeartbeatAgent

STUCK_IN = 15
STUCK_SECONDS = 45
MAX_SILENCE = 15
"""Seconds without progress after which a task counts as stalled."""


async def main(settings: dict[str, Any]) -> None:
    agent = HeartbeatAgent(
        agent_id=settings["agentId"],
        organization_id=settings["organizationId"],
        url=settings["url"],
        private_key_path=settings["privateKeyPath"],
        heartbeat_interval=settings["heartbeatInterval"],
        capabilities=settings["capabilities"],
        metadata=settings["metadata"],
        logger=None,
    )

    @agent.on_message(f"tasks.{agent.agent_id}", max_silence=MAX_SILENCE)
    async def work(subject: str, data: Any) -> None:
        if random.random() * STUCK_IN < 1:
            await asyncio.sleep(STUCK_SECONDS)
        steps = random.randint(2, 5)
        for step in range(1, steps + 1):
            await asyncio.sleep(random.uniform(1, 3))
            agent.progress(f"step {step} of {steps}")

    await agent.run()


if sys.argv[1:] != ["--check"]:
    asyncio.run(main(json.loads(sys.argv[1])))
