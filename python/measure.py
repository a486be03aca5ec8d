"""What the heartbeat process costs: its memory, and the time until an agent is connected, with and without it."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519

from agent_heartbeat import HeartbeatAgent
from agent_heartbeat.testing import FakeService

RUNS = 7


def memory(pid: int | str) -> float:
    """Megabytes that a process has to itself, by `/proc`: what it shares with others is shared out."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


async def connect(service: FakeService, own_process: bool) -> tuple[float, float]:
    key = ed25519.Ed25519PrivateKey.generate()
    agent = HeartbeatAgent("worker-1", "acme", service.url, private_key=key, signals=(), heartbeat_process=own_process)
    started = time.perf_counter()
    await agent.start()
    elapsed = time.perf_counter() - started
    process = getattr(agent._manager, "_process", None)
    megabytes = memory(process.pid) if process else 0.0
    await agent.stop()
    return elapsed, megabytes


async def main() -> None:
    async with FakeService() as service:
        print("heartbeat process  until connected  memory of its own")
        for own_process in (False, True):
            runs = [await connect(service, own_process) for _ in range(RUNS)]
            elapsed, megabytes = (statistics.median(each) for each in zip(*runs, strict=True))
            print(f"{'yes' if own_process else 'no':17}  {elapsed * 1000:12.0f} ms  {megabytes:14.1f} MB")


if __name__ == "__main__":
    asyncio.run(main())
