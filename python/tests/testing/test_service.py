"""The fake service."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent_heartbeat import (
    ConfigurationError,
    FleetWatcher,
    HeartbeatAgent,
    LoginRefusedError,
    NoReceiverError,
    ReconnectOptions,
    RemoteError,
    RequestRefusedError,
)
from agent_heartbeat.testing import FakeService, Refusal


@pytest.fixture
async def service() -> AsyncIterator[FakeService]:
    async with FakeService() as running:
        yield running


async def test_an_agent_is_listed_while_it_is_connected(service: FakeService) -> None:
    async with HeartbeatAgent(**service.options("planner")) as agent:
        assert [each["agentId"] for each in (await agent.list())["agents"]] == ["planner"]
    assert await service.last.ended() == (1000, "drained")
    assert [(each["status"], each["reason"]) for each in service.agents] == [("offline", "drained")]


async def test_watchers_receive_the_draining_of_an_agent(service: FakeService) -> None:
    async with FleetWatcher(**service.options("viewer", "viewer")) as watcher:
        events: list[Any] = []
        watcher.on("change", lambda change: events.append((change.transition or {}).get("event")))
        async with HeartbeatAgent(**service.options("planner")):
            await service.until(lambda: events == ["online"])
        await service.until(lambda: len(events) == 3)
        assert events == ["online", "draining", "offline"]


async def test_agents_come_and_go_on_command(service: FakeService) -> None:
    async with FleetWatcher(**service.options("viewer", "viewer")) as watcher:
        events: list[Any] = []
        watcher.on("change", lambda change: events.append(change.transition["event"]))
        worker = service.agent("worker-1").online()
        worker.stall()
        worker.recover()
        worker.offline("lease_expired")
        await service.until(lambda: len(events) == 4)
        assert events == ["online", "stalled", "recovered", "offline"]
        assert watcher.agents["worker-1"]["reason"] == "lease_expired"
        assert list(watcher.agents) == ["worker-1"]


async def test_messages_reach_subscribers_or_the_named_agent_and_are_recorded(service: FakeService) -> None:
    planner = HeartbeatAgent(**service.options("planner"))
    worker = HeartbeatAgent(**service.options("worker.1"))
    got: list[Any] = []
    worker.on_message("news.*", lambda subject, data, context: got.append((subject, data, context.sender)))
    async with planner, worker:
        assert await planner.publish("news.today", 1) == 1
        assert await planner.publish("other", 2) == 0
        assert service.publish("news.bus", 3, sender="event:alerts") == 1
        await service.until(lambda: len(got) == 2)
    assert sorted(got) == [("news.bus", 3, "event:alerts"), ("news.today", 1, "planner")]
    assert [(each.subject, each.sender, each.reached) for each in service.published] == [
        ("news.today", "planner", 1),
        ("other", "planner", 0),
    ]


async def test_a_message_to_a_group_reaches_one_member_that_takes_work(service: FakeService) -> None:
    got: list[str] = []
    held = asyncio.Event()
    async with HeartbeatAgent(**service.options("planner")) as planner:
        workers = [HeartbeatAgent(**service.options(name), heartbeat_interval=1) for name in ("worker-1", "worker-2")]
        for worker in workers:

            @worker.on_message("tasks.*", group="workers")
            async def handle(subject: str, data: Any, worker: HeartbeatAgent = worker) -> None:
                got.append(worker.agent_id)
                await held.wait()

            await worker.start()
        assert await planner.publish("tasks.a") == 1
        await service.until(lambda: any((each["activity"] or {}).get("state") == "working" for each in service.agents))
        assert await planner.publish("tasks.b") == 1
        await service.until(lambda: len(got) == 2)
        assert sorted(got) == ["worker-1", "worker-2"]
        held.set()
        for worker in workers:
            await worker.drain()
        assert await planner.publish("tasks.c") == 0


async def test_a_handler_gets_what_is_for_its_group_or_for_its_agent_alone(service: FakeService) -> None:
    got: list[str] = []
    agent = HeartbeatAgent(**service.options("worker"))
    agent.on_message("a.b", lambda _, data: got.append(f"plain {data}"))
    agent.on_message("a.*", lambda _, data: got.append(f"g {data}"), group="g")
    agent.on_message("a.b", lambda _, data: got.append(f"h {data}"), group="h")
    async with agent:
        assert service.last.subscriptions == {"a.b", "a.* g", "a.b h"}
        assert service.publish("a.b", 1) == 3
        assert service.publish("a.b", 2, to="worker") == 1
        await service.until(lambda: len(got) == 6)
    assert sorted(got) == ["g 1", "g 2", "h 1", "h 2", "plain 1", "plain 2"]
    with pytest.raises(ConfigurationError, match="option group: expected"):
        agent.on_message("a", print, group="a b")


async def test_a_message_to_a_capability_reaches_one_agent_that_has_it(service: FakeService) -> None:
    got: list[Any] = []
    summarize, translate = {"capabilities": ["summarize"]}, {"capabilities": ["translate"]}
    async with HeartbeatAgent(**service.options("planner")) as planner:
        service.agent("remote").online(profile={**translate, "metadata": {}})
        service.agent("remote").on_message("direct", lambda _, data: data + 1)
        async with HeartbeatAgent(**service.options("worker"), **summarize) as worker:
            worker.on_message("pages.*", lambda subject, data: got.append((subject, data)), group="g")
            await service.until(
                lambda: any(each.get("profile") == {**summarize, "metadata": {}} for each in service.agents)
            )
            assert await planner.publish("pages.a", 1, capability="summarize") == 1
            assert await planner.publish("pages.a", 2, capability="paint") == 0
            assert service.publish("pages.b", 3, capability="summarize") == 1
            assert await planner.request("direct", 1, capability="translate") == 2
            await service.until(lambda: len(got) == 2)
        assert await planner.publish("pages.a", 4, capability="summarize") == 0
        assert got == [("pages.a", 1), ("pages.b", 3)]
        with pytest.raises(ConfigurationError, match="option capability: expected none beside an agent"):
            await planner.publish("a", capability="summarize", to="worker")
        for absurd in ("", "x" * 65, 7):
            with pytest.raises(ConfigurationError, match="option capability: expected a text of 1 to 64 characters"):
                await planner.request("a", capability=absurd)  # type: ignore[arg-type]


async def test_a_request_fails_at_once_when_its_only_receiver_goes_offline(service: FakeService) -> None:
    async with HeartbeatAgent(**service.options("planner")) as planner:
        worker = HeartbeatAgent(**service.options("worker"))
        got: list[Any] = []

        @worker.on_message("tasks.*", group="workers")
        async def handle(subject: str, data: Any) -> None:
            got.append(data)
            await asyncio.Event().wait()

        await worker.start()
        asked = asyncio.ensure_future(planner.request("tasks.a", 1, timeout=3600))
        await service.until(lambda: bool(got))
        await worker.stop()
        with pytest.raises(RemoteError, match=r"worker went offline .* before it answered") as failed:
            await asked
        assert failed.value.code == "receiver_lost"


async def test_played_agents_answer_and_ask(service: FakeService) -> None:
    worker = service.agent("worker.1").online()

    async def work(_subject: str, data: Any) -> dict[str, Any]:
        return {"done": data}

    worker.on_message("tasks.*", work)
    planner = HeartbeatAgent(**service.options("planner"))
    planner.on_message("plan", lambda subject, data: [data])
    async with planner:
        assert await planner.request("tasks.a", 1) == {"done": 1}
        assert await planner.request("tasks.a", 1, to="worker.1") == {"done": 1}
        assert await worker.request("plan", 2, to="planner") == [2]
        with pytest.raises(RemoteError, match="no handler"):
            await worker.request("nothing", to="planner")
        worker.offline()
        with pytest.raises(NoReceiverError):
            await worker.request("tasks.a")


async def test_handshakes_are_refused_and_connections_closed(service: FakeService) -> None:
    options = {"reconnect": ReconnectOptions(schedule=lambda *_: 0.0)}
    async with HeartbeatAgent(**service.options("planner"), **options) as agent:
        codes: list[Any] = []
        agent.on("attempt_failed", lambda event: codes.append(event.failure.code or event.failure.status))
        service.refuse = lambda _: Refusal(503) if len(service.logins) == 2 else None
        service.disconnect("planner")
        await service.connection(2)
        service.disconnect("planner", 1012)
        await service.connection(3)
        assert codes == [1006, 503, 1012]
    service.refuse = Refusal(403)
    with pytest.raises(LoginRefusedError):
        await HeartbeatAgent(**service.options("other"), auto_reconnect=False).run()


async def test_a_second_process_takes_over_or_is_refused_as_it_asks(service: FakeService) -> None:
    options = service.options("planner")
    first = HeartbeatAgent(**options)
    await first.start()
    with pytest.raises(LoginRefusedError):
        await HeartbeatAgent(**options, auto_reconnect=False, on_duplicate="reject").run()
    async with HeartbeatAgent(**options):
        await service.until(lambda: first.has_ended)
        assert first.state == "superseded"
        assert [each["status"] for each in service.agents] == ["online"]


async def test_viewers_may_not_publish(service: FakeService) -> None:
    options = {**service.options("viewer", "viewer"), "heartbeat_process": False}
    async with HeartbeatAgent(**options) as agent:
        with pytest.raises(RequestRefusedError, match="viewer"):
            await agent.publish("news")
    assert service.agents == []


async def test_lists_come_in_pages_by_status_and_with_profiles(service: FakeService) -> None:
    async with HeartbeatAgent(**service.options("a"), capabilities=["plan"]) as agent:
        await service.received("profile")
        service.agent("b").online().offline()
        page = await agent.list(limit=1)
        assert [each["agentId"] for each in page["agents"]] == ["a"]
        rest = await agent.list(cursor=page["cursor"])
        assert [each["agentId"] for each in rest["agents"]] == ["b"]
        assert [each["agentId"] for each in (await agent.list(status="offline"))["agents"]] == ["b"]
        with_profiles = await agent.list(profiles=True)
        assert with_profiles["agents"][0]["profile"]["capabilities"] == ["plan"]


def test_the_tests_of_the_page_on_testing_pass(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "testing.md"
    code = "".join(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S))
    (tmp_path / "test_page.py").write_text(code)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-o",
        "asyncio_mode=auto",
        "-p",
        "no:cacheprovider",
        "test_page.py",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    count = len(re.findall(r"^async def test_", code, re.M))
    assert f"{count} passed" in done.stdout, done.stdout
