"""Agents over real sockets, against a service in this process."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent_heartbeat import (
    ConfigurationError,
    ConnectionError,
    HeartbeatAgent,
    KeyError,
    LoginRefusedError,
    MessageContext,
    MessageError,
    NoReceiverError,
    ReconnectOptions,
    RemoteError,
    RequestRefusedError,
    RequestTimeoutError,
    SimpleAgent,
    StateChange,
    SubjectError,
)
from agent_heartbeat.testing import FakeService, Refusal

from .until import until

FAST = ReconnectOptions(base_delay=0.1, max_delay=0.2)
NONSENSE: list[Any] = [float("nan"), float("inf"), -1, "1", None, True, 10**400]


def pem(key: Any = None) -> str:
    return (
        (key or ec.generate_private_key(ec.SECP256R1()))
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


KEY = pem()


@pytest.fixture
async def service() -> AsyncIterator[FakeService]:
    async with FakeService() as running:
        running.reached = 1
        yield running


def agent_of(service: FakeService, kind: Any = HeartbeatAgent, **options: Any) -> Any:
    given = {"private_key": KEY, "reconnect": FAST, "heartbeat_process": False, "signals": (), **options}
    if kind is SimpleAgent:
        del given["heartbeat_process"]
    return kind("worker-1", "acme", service.url, **given)


@pytest.fixture(params=[False, True], ids=["loop", "process"])
def in_process(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def test_the_agent_of_the_guide(service: FakeService, in_process: bool) -> None:
    agent = agent_of(service, heartbeat_process=in_process, capabilities=["a"], metadata={"v": 1})
    heard: list[Any] = []

    @agent.on_message("tasks.process")
    async def process_task(subject: str, data: Any) -> None:
        heard.append((subject, data))

    running = asyncio.ensure_future(agent.run())
    await service.received("profile")
    await service.received("subscribe")
    peer = await service.connection()
    peer.send(type="message", messageId="m1", subject="tasks.process", data={"n": 1}, **{"from": "b"})
    await until(lambda: heard)
    assert heard == [("tasks.process", {"n": 1})]
    health = agent.get_connection_health()
    assert health["healthy"]
    assert health["seconds_since_ack"] < 60
    assert time.time() - health["last_heartbeat_ack"] < 60
    await agent.stop()
    assert await running == "stop"
    await peer.ended()
    assert peer.closed == (1000, "stopped")
    assert peer.of_type("profile")[0]["capabilities"] == ["a"]


async def test_a_simple_agent_is_a_drop_in(service: FakeService) -> None:
    agent = agent_of(service, SimpleAgent, logger=None)
    await agent.start()
    assert await agent.publish("a.b", 1) == 1
    assert not (await service.connection()).of_type("heartbeat")
    await agent.stop()


async def test_every_handler_may_raise_and_the_agent_goes_on(service: FakeService, in_process: bool) -> None:
    agent = agent_of(service, heartbeat_process=in_process, logger=BrokenLogger())
    errors: list[Any] = []

    async def rejects(_: Any) -> None:
        raise RuntimeError("listener")

    def raises(_: Any) -> None:
        raise RuntimeError("listener")

    for name in ("state", "ready", "heartbeat_ack", "handler_error", "attempt_failed"):
        agent.on(name, rejects)
        agent.on(name, raises)
    agent.on("handler_error", lambda event: errors.append(event.error))

    @agent.on_message("a.>")
    async def handle(subject: str, data: Any) -> None:
        raise Unspeakable

    await agent.start()
    peer = await service.connection()
    peer.send(type="message", messageId="1", subject="a.b", data=1, replyTo="_inbox.b.1", **{"from": "b"})
    answers = await service.received("publish")
    assert answers[0]["data"] == {"error": {"code": "handler_failed", "message": "Unspeakable"}}
    assert len(errors) == 1
    assert agent.state == "connected"
    await agent.stop()


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


class BrokenLogger(logging.Logger):
    def __init__(self) -> None:
        super().__init__("broken")

    def warning(self, *_: Any, **__: Any) -> None:
        raise OSError("disk full")

    error = warning  # type: ignore[assignment]


async def test_handlers_run_in_order_by_subject_and_functions_in_threads(service: FakeService) -> None:
    agent = agent_of(service)
    order: list[Any] = []
    threads: set[int] = set()

    def slow(subject: str, data: Any, context: Any) -> int:
        threads.add(threading.get_ident())
        time.sleep(0.05 if data == 0 else 0)
        agent.progress(f"at {data}")
        order.append((data, context.sender))
        return int(data)

    remove = agent.on_message("work.*", slow, max_silence=60)
    await agent.start()
    peer = await service.connection()
    for number in range(3):
        message = {"subject": "work.a", "data": number, "replyTo": f"_inbox.b.{number}", "from": "b"}
        peer.send(type="message", messageId=str(number), **message)
    answers = await service.received("publish", 3)
    assert [each["data"] for each in answers] == [{"result": 0}, {"result": 1}, {"result": 2}]
    assert order == [(0, "b"), (1, "b"), (2, "b")]
    assert threading.get_ident() not in threads
    remove()
    await service.received("unsubscribe")
    await agent.stop()


async def test_a_message_that_comes_twice_is_handled_once(service: FakeService) -> None:
    agent = agent_of(service)
    heard: list[Any] = []
    agent.on_message("a.b", lambda subject, data: heard.append(data))
    await agent.start()
    peer = await service.connection()
    for message_id in ("1", "1", "2"):
        peer.send(type="message", messageId=message_id, subject="a.b", data=message_id, **{"from": "b"})
    await until(lambda: "2" in heard)
    assert heard == ["1", "2"]
    await agent.stop()


async def test_a_request_is_answered(service: FakeService, in_process: bool) -> None:
    agent = agent_of(service, heartbeat_process=in_process)
    await agent.start()

    async def answer(reply: Any) -> Any:
        before = len((await service.connection()).of_type("publish"))
        asked = asyncio.ensure_future(agent.request("tasks.do", {"x": 1}))
        published = (await service.received("publish", before + 1))[-1]
        (await service.connection()).send(
            type="message", messageId=published["replyTo"], subject=published["replyTo"], data=reply, **{"from": "b"}
        )
        return await asked

    assert await answer({"result": [1, None]}) == [1, None]
    assert await answer({"result": None}) is None
    assert await answer(7) == 7
    assert await answer({"no": "reply"}) == {"no": "reply"}
    with pytest.raises(RemoteError, match="b answered handler_failed: no") as failed:
        await answer({"error": {"code": "handler_failed", "message": "no"}})
    assert (failed.value.code, failed.value.sender) == ("handler_failed", "b")
    service.reached = 0
    with pytest.raises(NoReceiverError):
        await agent.request("tasks.do")
    await agent.stop()


async def ask_and_answer(service: FakeService, agent: Any, *replies: Any, **options: Any) -> tuple[Any, list[Any]]:
    """The result of a request, each attempt of which gets a reply, and the attempts."""
    peer = await service.connection()
    before = len(peer.of_type("publish"))
    asked = asyncio.ensure_future(agent.request("tasks.do", 1, **options))
    for number, reply in enumerate(replies, start=1):
        published = (await service.received("publish", before + number))[-1]
        subject = published["replyTo"]
        peer.send(type="message", messageId=f"{subject}-{number}", subject=subject, data=reply, **{"from": "service"})
    return await asyncio.gather(asked, return_exceptions=True), peer.of_type("publish")[before:]


async def test_a_cancelled_request_is_forgotten_and_not_sent_if_it_waits_for_its_turn(service: FakeService) -> None:
    agent = agent_of(service)
    await agent.start()
    service.silent.add("publish")
    asked = [asyncio.ensure_future(agent.request("tasks.add", number, timeout=60)) for number in (1, 2)]
    (sent,) = await service.received("publish")
    for each in asked:
        each.cancel()
    for each in asked:
        with pytest.raises(asyncio.CancelledError):
            await each
    service.silent.clear()
    # The answer comes late.
    service.last.send({"subject": sent["replyTo"], "data": {"result": 1}}, type="message")
    service.agent("worker-2").online().on_message("tasks.add", lambda subject, data: data)
    service.reached = None
    assert await agent.request("tasks.add", 3, to="worker-2") == 3
    assert [each["data"] for each in await service.received("publish", 2)] == [1, 3]
    assert not agent._messaging._questions._open
    assert not agent._messaging._publisher._locks
    assert not agent._connection._requests._waiting
    await agent.stop()


async def test_a_request_goes_to_another_agent_if_the_first_one_is_lost(service: FakeService) -> None:
    lost = {"error": {"code": "receiver_lost", "message": "w1 went offline before it answered"}}
    agent = agent_of(service)
    await agent.start()
    [result], attempts = await ask_and_answer(service, agent, lost, {"result": 7}, retries=1)
    assert result == 7
    assert [each["attempt"] for each in attempts] == [1, 2]
    assert len({each["replyTo"] for each in attempts}) == 1
    assert all(0 < each["expiresInMs"] <= 10_000 for each in attempts)
    [error], attempts = await ask_and_answer(service, agent, lost)
    assert (type(error), error.code, len(attempts)) == (RemoteError, "receiver_lost", 1)
    with pytest.raises(ConfigurationError, match="option retries: expected"):
        await agent.request("tasks.do", retries=-1)
    await agent.stop()


async def test_a_second_error_about_an_attempt_does_not_count_for_the_next(service: FakeService) -> None:
    lost = {"error": {"code": "receiver_lost", "message": "w1 went offline before it answered"}, "attempt": 1}
    ends = {"error": {"code": "unavailable", "message": "the message was dropped: ended"}, "attempt": 1}
    agent = agent_of(service)
    await agent.start()
    peer = await service.connection()
    for first, second in ((ends, lost), (lost, ends)):
        before = len(peer.of_type("publish"))
        asked = asyncio.ensure_future(agent.request("tasks.do", 1, retries=3))
        subject = (await service.received("publish", before + 1))[-1]["replyTo"]

        def answer(number: int, reply: Any, subject: str = subject) -> None:
            peer.send(type="message", messageId=f"{subject}-{number}", subject=subject, data=reply, **{"from": "b"})

        answer(1, first)
        # Before the next attempt is sent, and after.
        answer(2, second)
        assert (await service.received("publish", before + 2))[-1]["attempt"] == 2
        answer(3, second)
        answer(4, {"result": 7, "attempt": 1})
        assert await asked == 7
        assert len(peer.of_type("publish")) == before + 2
    await agent.stop()


async def test_a_request_that_nobody_has_handled_is_sent_again(service: FakeService) -> None:
    ends = {"error": {"code": "unavailable", "message": "the message was dropped: ended"}}
    agent = agent_of(service)
    await agent.start()
    [result], attempts = await ask_and_answer(service, agent, ends, {"result": 7})
    assert (result, [each["attempt"] for each in attempts]) == (7, [1, 2])
    await agent.stop()


async def test_a_handler_learns_the_attempt_and_when_nobody_waits_any_more(service: FakeService) -> None:
    agent = agent_of(service)
    contexts: list[MessageContext] = []
    go = asyncio.Event()
    dropped: list[str] = []
    agent.on("message_dropped", lambda event: dropped.append(event.reason))

    @agent.on_message("a.b")
    async def handle(subject: str, data: Any, context: MessageContext) -> None:
        contexts.append(context)
        await go.wait()

    await agent.start()
    message = {"type": "message", "messageId": "b.1", "subject": "a.b", "replyTo": "_inbox.b.1", "from": "b"}
    sent_at = time.monotonic()
    for attempt, timeout_ms in ((1, 60_000), (1, 60_000), (2, 1)):
        service.connections[0].send({**message, "data": 1, "attempt": attempt, "expiresInMs": timeout_ms})
    await until(lambda: bool(contexts) and agent._messaging._dispatcher._waiting == 1)
    assert (contexts[0].message_id, contexts[0].attempt, contexts[0].is_expired) == ("b.1", 1, False)
    assert contexts[0].time_left is not None
    assert contexts[0].time_left <= 60
    await until(lambda: time.monotonic() > sent_at + 0.1)
    go.set()
    await until(lambda: bool(dropped))
    assert (len(contexts), dropped) == (1, ["expired"])
    await agent.stop()


async def test_a_handler_takes_as_many_of_a_subject_at_once_as_its_concurrency_allows(service: FakeService) -> None:
    agent = agent_of(service)
    started: list[Any] = []
    gates = {each: asyncio.Event() for each in ("hangs", 1, 2, 3)}

    @agent.on_message("n.*", concurrency=2)
    async def handle(subject: str, data: Any) -> None:
        started.append(data)
        await gates[data].wait()

    await agent.start()
    for number, data in enumerate(gates):
        service.connections[0].send(type="message", messageId=f"m{number}", subject="n.a", data=data, **{"from": "b"})
    await until(lambda: len(started) == 2)
    gates[1].set()
    gates[2].set()
    await until(lambda: len(started) == 4)
    assert started == ["hangs", 1, 2, 3]
    await agent.stop()


async def test_a_time_out_counts_from_the_call_and_what_has_timed_out_is_not_sent(service: FakeService) -> None:
    service.silent = {"publish"}
    agent = agent_of(service)
    await agent.start()
    results = await asyncio.gather(
        *(agent.request("slow.one", n, timeout=0.3) for n in range(50)), return_exceptions=True
    )
    assert {type(each) for each in results} == {RequestTimeoutError}
    assert len((await service.connection()).of_type("publish")) == 1
    await agent.stop()


@pytest.mark.parametrize(
    "data",
    [float("nan"), float("inf"), 2**53, -(2**70), {1: "a"}, {"a": {None: 1}}, object(), b"x", {1, 2}, "\ud800", 1j],
    ids=repr,
)
async def test_what_json_can_not_carry_is_refused(service: FakeService, data: Any) -> None:
    agent = agent_of(service)
    await agent.start()
    for send in (agent.publish, agent.request):
        with pytest.raises(MessageError, match=r"a\.b: expected"):
            await send("a.b", data)
    await agent.stop()


async def test_bad_arguments_are_refused_in_words(service: FakeService) -> None:
    agent = agent_of(service)
    await agent.start()
    for subject in ("", "a..b", "a.*", ">", "a b", 7, None, "a." * 20 + "b", "x" * 300):
        with pytest.raises(SubjectError, match="subject: expected"):
            await agent.publish(subject)
    for pattern in ("", "a.>.b", "_inbox.x", "ä", None, 3):
        with pytest.raises(SubjectError, match="subject: expected"):
            agent.on_message(pattern, print)
    with pytest.raises(ConfigurationError, match="option to"):
        await agent.publish("a.b", to="not an id")
    with pytest.raises(MessageError, match="131072 bytes"):
        await agent.publish("a.b", "x" * 140_000)
    with pytest.raises(ConfigurationError, match="name of an event"):
        agent.on("states", print)
    for seconds in NONSENSE:
        if seconds is not None:
            with pytest.raises(ConfigurationError, match="option timeout"):
                await agent.request("a.b", timeout=seconds)
            with pytest.raises(ConfigurationError, match="option max_silence"):
                agent.on_message("a.b", print, max_silence=seconds)
    await agent.stop()


NUMBERS = [
    "heartbeat_interval", "heartbeat_timeout_multiplier", "ack_every", "message_concurrency", "message_queue",
    "connect_timeout", "close_timeout", "drain_timeout", "request_timeout",
]  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", NONSENSE, ids=lambda value: str(value)[:12])
def test_every_number_is_checked_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"option {name}: expected"):
        HeartbeatAgent("a", "b", "wss://x.example/prod", private_key=KEY, **{name: value})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"agent_id": "a b"}, "option agent_id"),
        ({"organization_id": ""}, "option organization_id"),
        ({"url": "https://x"}, "option url"),
        ({"url": None}, "option url"),
        ({"url": "wss://"}, "option url"),
        ({"url": "wss://x:99999"}, "option url"),
        ({"private_key": None}, "got none"),
        ({"private_key_path": "x"}, "got both"),
        ({"on_duplicate": "maybe"}, "option on_duplicate"),
        ({"auto_reconnect": "yes"}, "option auto_reconnect"),
        ({"remote_drain": 1}, "option remote_drain"),
        ({"capabilities": "text"}, "option capabilities"),
        ({"capabilities": ["x" * 65]}, "option capabilities"),
        ({"metadata": []}, "option metadata"),
        ({"metadata": {"x": float("nan")}}, "option metadata"),
        ({"metadata": {"x": "y" * 5000}}, "4096 bytes"),
        ({"rotate_after": 5}, "option rotate_after"),
        ({"rotate_after": (100, 50)}, "option rotate_after"),
        ({"reconnect": {"base_delay": 1}}, "option reconnect"),
        ({"reconnect": ReconnectOptions(base_delay=0)}, r"option reconnect\.base_delay"),
        ({"reconnect": ReconnectOptions(max_delay=float("nan"))}, r"option reconnect\.max_delay"),
        ({"reconnect": ReconnectOptions(stable_after=0)}, r"option reconnect\.stable_after"),
        ({"reconnect": ReconnectOptions(schedule=5)}, r"option reconnect\.schedule"),  # type: ignore[arg-type]
        ({"heartbeat_process": True, "reconnect": ReconnectOptions(schedule=lambda k, n: 1)}, "got both"),
        ({"logger": "stdout"}, "option logger"),
        ({"proxy": 5}, "option proxy"),
    ],
    ids=str,
)
def test_every_option_is_checked_by_name(options: dict[str, Any], message: str) -> None:
    given = {"agent_id": "a", "organization_id": "b", "url": "wss://x.example/prod", "private_key": KEY, **options}
    with pytest.raises(ConfigurationError, match=message):
        HeartbeatAgent(**given)


def test_an_unknown_option_is_an_error() -> None:
    with pytest.raises(TypeError, match="heartbeat_intervall"):
        HeartbeatAgent("a", "b", "wss://x", private_key=KEY, heartbeat_intervall=3)  # type: ignore[call-arg]


async def test_a_drain_lets_handlers_finish_and_answers_go_out(service: FakeService, in_process: bool) -> None:
    agent = agent_of(service, heartbeat_process=in_process)
    begun, go = asyncio.Event(), asyncio.Event()

    @agent.on_message("a.b")
    async def handle(subject: str, data: Any) -> str:
        begun.set()
        await go.wait()
        return "done"

    running = asyncio.ensure_future(agent.run())
    await service.received("subscribe")
    peer = await service.connection()
    for number in ("1", "2"):
        peer.send(type="message", messageId=number, subject="a.b", data=1, replyTo=f"_inbox.b.{number}",
                        **{"from": "b"})  # fmt: skip
    await begun.wait()
    await until(lambda: agent._messaging._dispatcher._waiting == 1)
    draining = asyncio.ensure_future(agent.drain())
    await service.received("publish")
    assert agent.state == "draining"
    assert not agent.get_connection_health()["healthy"]
    go.set()
    await draining
    assert await running == "drained"
    await peer.ended()
    assert peer.closed == (1000, "drained")
    answers = {each["subject"]: each["data"] for each in peer.of_type("publish")}
    assert answers["_inbox.b.1"] == {"result": "done"}
    assert answers["_inbox.b.2"]["error"]["code"] == "unavailable"
    beats = [each.get("activity", {}).get("state") for each in peer.of_type("heartbeat")]
    assert beats[-1] == "draining"
    await agent.drain()
    await agent.stop()


@pytest.mark.parametrize("how", ["drain", "stop"])
async def test_a_handler_may_end_its_own_agent(service: FakeService, how: str) -> None:
    agent = agent_of(service)
    reached: list[str] = []

    @agent.on_message("a.b")
    async def handle(subject: str, data: Any) -> str:
        await getattr(agent, how)()
        await getattr(agent, how)()
        reached.append(how)
        return "ended"

    running = asyncio.ensure_future(agent.run())
    await service.received("subscribe")
    peer = await service.connection()
    peer.send(type="message", messageId="1", subject="a.b", data=1, replyTo="_inbox.b.1", **{"from": "b"})
    assert await running == {"drain": "drained", "stop": "stop"}[how]
    await until(lambda: reached)
    if how == "drain":
        assert peer.of_type("publish")[0]["data"] == {"result": "ended"}


async def test_handlers_that_wait_for_the_same_drain_do_not_wait_for_each_other(service: FakeService) -> None:
    agent = agent_of(service, drain_timeout=86_400)

    @agent.on_message("a.*")
    async def handle(subject: str, data: Any) -> str:
        await agent.drain()
        await agent.stop()
        return subject

    @agent.on_message("b")
    def block(subject: str, data: Any) -> str:
        asyncio.run_coroutine_threadsafe(agent.drain(), loop).result()
        return subject

    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(agent.run())
    await service.received("subscribe")
    await service.received("subscribe")
    peer = await service.connection()
    for subject in ("a.1", "a.2", "b"):
        peer.send(type="message", messageId=subject, subject=subject, data=1, replyTo=f"_inbox.b.{subject}",
                        **{"from": "b"})  # fmt: skip
    assert await running == "drained"
    answers = {each["data"]["result"] for each in peer.of_type("publish")}
    assert answers == {"a.1", "a.2", "b"}


async def test_a_drain_in_a_handler_waits_for_those_that_work(service: FakeService) -> None:
    agent = agent_of(service)
    begun, go = asyncio.Event(), asyncio.Event()
    order: list[str] = []

    @agent.on_message("work")
    async def work(subject: str, data: Any) -> None:
        begun.set()
        await go.wait()
        order.append("worked")

    @agent.on_message("end")
    async def end(subject: str, data: Any) -> None:
        await agent.drain()
        order.append("drained")

    running = asyncio.ensure_future(agent.run())
    await service.received("subscribe")
    await service.received("subscribe")
    peer = await service.connection()
    peer.send(type="message", messageId="1", subject="work", data=1, **{"from": "b"})
    await begun.wait()
    peer.send(type="message", messageId="2", subject="end", data=1, **{"from": "b"})
    await until(lambda: agent.state == "draining")
    assert order == []
    go.set()
    assert await running == "drained"
    assert order == ["worked", "drained"]


@pytest.mark.parametrize("make", [HeartbeatAgent, SimpleAgent])
async def test_listeners_are_called_once_or_until_they_are_taken_away(make: type[HeartbeatAgent]) -> None:
    class Counter:
        def __init__(self) -> None:
            self.calls: list[str] = []

        def listen(self, event: Any) -> None:
            self.calls.append(event.state)

    agent = make("a", "b", "wss://x.example/prod", private_key=KEY)
    counter, once, nested = Counter(), Counter(), Counter()
    emit = agent._news.emit

    def change(state: str) -> StateChange:
        return StateChange(state, "idle", "start", 0)  # type: ignore[arg-type]

    def again(event: Any) -> None:
        agent.off("state", again)
        emit(change("connected"))

    agent.on("state", counter.listen)
    agent.on("state", counter.listen)
    agent.once("state", once.listen)
    agent.once("state", never := Counter().listen)()
    agent.once("state", taken := counter.listen)
    agent.on("state", again)
    agent.once("state", nested.listen)
    emit(change("connecting"))
    assert once.calls == ["connecting"]
    assert nested.calls == ["connected"]
    assert counter.calls == ["connecting"] * 3 + ["connected"] * 2
    agent.off("state", taken)
    agent.off("state", never)
    emit(change("stopped"))
    assert "stopped" not in counter.calls
    for call in (agent.once, agent.off):
        with pytest.raises(ConfigurationError, match="got 'states'"):
            call("states", counter.listen)  # type: ignore[arg-type]


async def test_a_signal_drains_and_a_second_one_stops(service: FakeService) -> None:
    agent = agent_of(service, signals=(signal.SIGUSR1,))
    begun = asyncio.Event()

    @agent.on_message("a.b")
    async def handle(subject: str, data: Any) -> None:
        begun.set()
        await asyncio.sleep(3600)

    before = signal.getsignal(signal.SIGUSR1)
    running = asyncio.ensure_future(agent.run())
    await service.received("subscribe")
    (await service.connection()).send(type="message", messageId="1", subject="a.b", data=1, **{"from": "b"})
    await begun.wait()
    signal.raise_signal(signal.SIGUSR1)
    await until(lambda: agent.state == "draining")
    signal.raise_signal(signal.SIGUSR1)
    assert await running == "stop"
    assert signal.getsignal(signal.SIGUSR1) is before


async def test_a_superseded_process_answers_what_it_has_and_ends(service: FakeService, in_process: bool) -> None:
    agent = agent_of(service, heartbeat_process=in_process)
    begun, go = asyncio.Event(), asyncio.Event()

    @agent.on_message("a.b")
    async def handle(subject: str, data: Any) -> str:
        begun.set()
        await go.wait()
        return "late"

    running = asyncio.ensure_future(agent.run())
    await service.received("subscribe")
    peer = await service.connection()
    peer.send(type="message", messageId="1", subject="a.b", data=1, replyTo="_inbox.b.1", **{"from": "b"})
    await begun.wait()
    peer.send(type="superseded")
    await until(lambda: agent.state == "draining")
    go.set()
    assert await running == "superseded"
    assert peer.of_type("publish")[0]["data"] == {"result": "late"}
    assert len(service.connections) == 1


async def test_a_cancelled_run_stops_the_agent(service: FakeService) -> None:
    agent = agent_of(service)
    running = asyncio.ensure_future(agent.run())
    peer = await service.connection()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await peer.ended()
    assert agent.state == "stopped"


async def test_a_key_file_that_is_replaced_is_read_again(
    service: FakeService, in_process: bool, tmp_path: Path
) -> None:
    path = tmp_path / "key.pem"
    path.write_text(KEY)
    agent = agent_of(service, heartbeat_process=in_process, private_key=None, private_key_path=path)
    await agent.start()
    first = service.logins[-1].header["kid"]
    path.write_text(pem())
    service.refuse = lambda login: Refusal(403) if login.header["kid"] == first else None
    service.last.close(1012)
    await service.connection(2)
    assert service.logins[-1].header["kid"] != first
    path.write_text("not a key")
    failed: list[Any] = []
    agent.on("attempt_failed", lambda event: failed.append(event.failure.message))
    service.last.close(1012)
    await until(lambda: any("key.pem" in each for each in failed))
    path.write_text(KEY)
    service.refuse = None
    await service.connection(3)
    await agent.stop()


async def test_a_function_gives_the_key_of_each_login(service: FakeService, in_process: bool) -> None:
    asked: list[int] = []

    async def key() -> str:
        asked.append(1)
        if len(asked) == 3:
            raise OSError("the secret manager is down")
        return pem()

    failed: list[Any] = []
    agent = agent_of(service, heartbeat_process=in_process, private_key=key)
    agent.on("attempt_failed", lambda event: failed.append(event.failure.message))
    await agent.start()
    service.last.close(1012)
    await service.connection(2)
    assert any("the secret manager is down" in each for each in failed)
    assert len({each.header["kid"] for each in service.logins}) == 2
    await agent.stop()


async def test_a_start_with_bad_credentials_ends_in_time_and_says_what_was_tried(service: FakeService) -> None:
    service.refuse = Refusal(403)
    agent = agent_of(service)
    with pytest.raises(ConnectionError, match=r"within 0\.3 s, got: \d+ attempts? failed.*status 403"):
        await agent.start(timeout=0.3)
    assert agent.state == "stopped"
    with pytest.raises(KeyError, match=r"missing\.pem could not be read"):
        await agent_of(service, private_key=None, private_key_path="/missing.pem").start()


async def test_without_auto_reconnect_run_raises(service: FakeService) -> None:
    service.refuse = Refusal(403)
    with pytest.raises(LoginRefusedError) as refused:
        await agent_of(service, auto_reconnect=False).run()
    assert refused.value.status == 403


async def test_a_redirect_is_a_refusal(service: FakeService) -> None:
    service.refuse = Refusal(302, {"Location": service.url})
    with pytest.raises(LoginRefusedError, match="302"):
        await agent_of(service, auto_reconnect=False).run()
    assert len(service.logins) == 1


async def test_a_large_message_travels_in_frames_that_the_gateway_takes(service: FakeService, in_process: bool) -> None:
    agent = agent_of(service, heartbeat_process=in_process)
    await agent.start()
    data = "ü" * 60_000
    assert await agent.publish("a.b", data) == 1
    assert (await service.received("publish"))[0]["data"] == data
    await agent.stop()


async def test_a_refusal_of_a_request_is_an_error_with_its_code(service: FakeService) -> None:
    service.silent = {"list"}
    agent = agent_of(service)
    await agent.start()
    peer = await service.connection()
    asked = asyncio.ensure_future(agent.list(status="online", limit=5))
    message = (await service.received("list"))[0]
    assert (message["status"], message["limit"]) == ("online", 5)
    peer.send(type="error", code="rate_limited", message="slow down", id=message["id"])
    with pytest.raises(RequestRefusedError, match="slow down") as refused:
        await asked
    assert refused.value.code == "rate_limited"
    await agent.stop()
    with pytest.raises(ConnectionError):
        await agent.list()


async def test_the_context_manager_drains(service: FakeService) -> None:
    agent = agent_of(service)
    async with agent:
        assert agent.state == "connected"
    assert agent.state == "stopped"
    assert (await service.connection()).closed == (1000, "drained")


async def test_changes_of_state_are_those_from_the_call_on(service: FakeService) -> None:
    agent = agent_of(service)
    changes = agent.state_changes()
    await agent.start()
    await agent.stop()
    assert [change.state async for change in changes] == ["connecting", "connected", "stopped"]


@pytest.mark.parametrize("in_process", [True, False])
async def test_half_a_surrogate_pair_in_a_text_stops_nothing(service: FakeService, in_process: bool) -> None:
    agent = agent_of(service, heartbeat_process=in_process, heartbeat_interval=1)

    @agent.on_message("a.b")
    async def handle(subject: str, data: Any) -> None:
        agent.progress("half \ud83d")
        await service.received("heartbeat", len(service.connections[0].of_type("heartbeat")) + 2)
        raise ValueError("broken \ud83d " + "long" * 100_000)

    await agent.start()
    peer = service.connections[0]
    peer.send(type="message", messageId="1", subject="a.b", data=1, replyTo="_inbox.b.1", **{"from": "b"})
    fault = (await service.received("publish"))[0]["data"]["error"]
    assert fault["message"].startswith("broken \\ud83d long")
    assert "half \ud83d" in [beat.get("activity", {}).get("note") for beat in peer.of_type("heartbeat")]
    await agent.stop()


async def test_a_handler_that_failed_counts_before_one_that_never_ran(service: FakeService) -> None:
    # On "unavailable" the requester asks again, and what was begun here would be done twice.
    agent = agent_of(service, message_concurrency=1, message_queue=1)
    go = asyncio.Event()

    @agent.on_message("a.b")
    async def fail(subject: str, data: Any) -> None:
        await go.wait()
        raise ValueError("no")

    for _ in range(2):
        agent.on_message("a.*", lambda subject, data: None)
    await agent.start()
    service.connections[0].send(
        type="message", messageId="1", subject="a.b", data=1, replyTo="_inbox.b.1", **{"from": "b"}
    )
    await until(lambda: bool(agent._messaging._dispatcher.running))
    go.set()
    assert (await service.received("publish"))[0]["data"] == {"error": {"code": "handler_failed", "message": "no"}}
    await agent.stop()
