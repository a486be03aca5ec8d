"""The examples in Python, started as `npm run example` starts them, and the code of the documents."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from agent_heartbeat.testing import FakeService

from .agents import KEY
from .until import until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
ROOT = Path(__file__).parents[2]
DEMO = ROOT / "local" / "app" / "demo" / "agent.py"


class Example:
    def __init__(self, service: FakeService, folder: Path, name: str, **environment: str) -> None:
        key = folder / "key.pem"
        key.write_text(KEY)
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "examples" / name / "main.py")],
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "AGENT_HEARTBEAT_AGENT": "worker-1",
                "AGENT_HEARTBEAT_ORGANIZATION": "acme",
                "AGENT_HEARTBEAT_URL": service.url,
                "AGENT_HEARTBEAT_KEY": str(key),
                **environment,
            },
        )

    async def end(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        output, _ = await asyncio.to_thread(self.process.communicate)
        return output


async def ask(service: FakeService, subject: str, data: Any) -> Any:
    peer = await service.connection()
    await until(lambda: subject in peer.subscriptions)
    peer.send(type="message", messageId="1", subject=subject, data=data, replyTo="_inbox.b.1", **{"from": "b"})
    return (await service.received("publish"))[0]["data"]


async def test_the_production_agent_answers_and_drains(service: FakeService, tmp_path: Path) -> None:
    example = Example(service, tmp_path, "python-production-agent")
    assert await ask(service, "tasks.process", {"text": "hello"}) == {"result": {"summary": "hello"}}
    profile = (await service.received("profile"))[0]
    assert profile["capabilities"] == ["summarize", "translate"]
    output = await example.end()
    assert '{"event": "state", "state": "connected", "reason": "opened"}' in output
    assert '{"event": "ended", "reason": "drained"}' in output


async def test_the_graph_worker_reports_each_step(service: FakeService, tmp_path: Path) -> None:
    example = Example(service, tmp_path, "python-graph-worker")
    answer = await ask(service, "tasks.research", {"question": "why"})
    assert answer == {"result": "an answer to 'why: part 1'\nan answer to 'why: part 2'"}
    assert await example.end() == "connecting\nconnected\ndraining\nstopped\n"


async def test_dispatch_gives_a_task_to_another_worker_when_the_first_dies(tmp_path: Path) -> None:
    async with FakeService() as service:
        example = Example(service, tmp_path, "python-dispatch")
        output, _ = await asyncio.to_thread(example.process.communicate)
    done = re.findall(r"a summary of page (\d), by worker-1-\d, attempt (\d)", output)
    assert done == [("1", "1"), ("2", "1"), ("3", "2"), ("4", "1"), ("5", "1")]


async def test_the_status_api_answers_from_the_fleet(service: FakeService, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    service.options("worker-1", "viewer")
    example = Example(service, tmp_path, "python-status-api", PORT=str(port))
    await service.received("list")

    def get(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    async def ready() -> tuple[int, str]:
        while True:
            try:
                return await asyncio.to_thread(get, "/agents?status=online")
            except urllib.error.URLError:
                await asyncio.sleep(0.05)

    assert await ready() == (200, "[]")
    assert await asyncio.to_thread(get, "/agents/nobody") == (404, '{"detail":"there is no agent nobody"}')
    await example.end()


def test_the_demo_agent_reports_whether_it_can_run() -> None:
    assert subprocess.run([sys.executable, str(DEMO), "--check"], check=False).returncode == 0
    alone = subprocess.run([sys.executable, "-S", "-I", str(DEMO), "--check"], capture_output=True, check=False)
    assert alone.returncode != 0


def blocks() -> list[Any]:
    documents = [ROOT / "README.md", ROOT / "python" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [
        pytest.param(code, id=f"{document.name}-{index}")
        for document in documents
        for index, code in enumerate(re.findall(r"^```python\n(.*?)^```", document.read_text(), re.M | re.S))
    ]


@pytest.mark.parametrize("code", blocks())
def test_the_code_of_the_documents_uses_what_there_is(code: str, tmp_path: Path) -> None:
    file = tmp_path / "block.py"
    # Blocks may await at their top, as the shell of asyncio does, and go on from the agent of the one before.
    file.write_text(
        "from typing import Any\n"
        "from agent_heartbeat import FleetWatcher, HeartbeatAgent, SimpleAgent, StatusReader\n"
        "agent: HeartbeatAgent\n"
        "async def next_chapter() -> str: ...  # type: ignore[empty-body]\n"
        "async def main() -> None:\n" + re.sub(r"^(?=.)", "    ", code, flags=re.M) + "\n    return None\n"
    )
    options = ["--config-file=", "--check-untyped-defs", "--allow-redefinition"]
    command = [sys.executable, "-m", "mypy", *options, str(file)]
    checked = subprocess.run(command, capture_output=True, text=True, cwd=ROOT / "python", check=False)
    assert checked.returncode == 0, checked.stdout
