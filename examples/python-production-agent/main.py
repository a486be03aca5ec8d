"""An agent for production: declares its capabilities, handles tasks, monitors its health and shuts down gracefully."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from agent_heartbeat import HeartbeatAgent

sys.path.insert(0, str(Path(__file__).parents[1]))
from python_settings import settings_from_environment

HEALTH_REPORT = 10.0


def log(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


agent = HeartbeatAgent(
    **settings_from_environment(),
    heartbeat_interval=30,
    heartbeat_timeout_multiplier=3.0,
    drain_timeout=60,
    capabilities=["summarize", "translate"],
    metadata={"version": "1.4.2", "region": os.environ.get("AWS_REGION", "local")},
)
agent.on("state", lambda change: log("state", state=change.state, reason=change.reason))
agent.on("attempt_failed", lambda attempt: log("attempt_failed", error=str(attempt.error)))
agent.on("handler_error", lambda failed: log("handler_failed", subject=failed.subject, error=str(failed.error)))


@agent.on_message("tasks.process")
async def process(subject: str, data: Any) -> dict[str, str]:
    return {"summary": str(data.get("text", ""))[:80]}


async def report() -> None:
    while True:
        await asyncio.sleep(HEALTH_REPORT)
        log("health", **agent.get_connection_health())


async def main() -> None:
    reporting = asyncio.ensure_future(report())
    # Returns after SIGTERM once the current tasks are finished, or when another process takes over.
    log("ended", reason=await agent.run())
    reporting.cancel()


asyncio.run(main())
