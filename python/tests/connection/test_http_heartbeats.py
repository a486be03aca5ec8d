"""Heartbeats of agents over HTTP."""

from __future__ import annotations

import itertools
from email.utils import formatdate
from typing import Any

import pytest

from agent_heartbeat import ConfigurationError, HeartbeatAgent
from agent_heartbeat.connection.http import HttpAnswer, HttpRequest
from agent_heartbeat.testing import FakeService, HttpResponse

from ..fake_runtime import FakeRuntime
from .harness import ManagerHarness, claims

URL = "https://abc.lambda-url.eu-west-1.on.aws"
INTERVAL = 30


@pytest.fixture
def runtime() -> FakeRuntime:
    # The second heartbeat of a connection follows a whole interval after the first.
    return FakeRuntime(random=lambda: 1.0)


@pytest.fixture
def one(runtime: FakeRuntime) -> ManagerHarness:
    return ManagerHarness(runtime, heartbeat_transport="http", http_url=URL + "/").start()


def on_websocket(runtime: FakeRuntime) -> int:
    return sum(kind.startswith("heartbeat") for kind in runtime.socket.types)


def http(harness: ManagerHarness) -> Any:
    return harness.manager.health()["http"]


def test_heartbeats_are_posted_on_schedule_each_with_a_later_token(runtime: FakeRuntime, one: ManagerHarness) -> None:
    runtime.advance(2 * INTERVAL)
    assert on_websocket(runtime) == 1
    first, second = runtime.requests
    assert (first.method, first.url) == ("POST", f"{URL}/heartbeat")
    assert first.body
    assert first.body["activity"]["state"] == "idle"
    login = claims(runtime.socket.token)
    for name in ("sub", "org", "instance_id", "heartbeat_interval", "heartbeat_timeout"):
        assert claims(first.token)[name] == login[name]
    assert claims(first.token)["aud"] == URL
    assert claims(second.token)["iat"] > claims(first.token)["iat"]
    assert len(one.of_type("acked")) == 3
    assert http(one) == {
        "healthy": True,
        "last_heartbeat_ack": runtime.now(),
        "failed_attempts": 0,
        "last_failure": None,
    }


def test_the_websocket_carries_a_heartbeat_at_least_every_five_minutes(
    runtime: FakeRuntime, one: ManagerHarness
) -> None:
    carried = [runtime.time]
    for _ in range(40):
        before = on_websocket(runtime)
        runtime.advance(INTERVAL)
        if on_websocket(runtime) > before:
            carried.append(runtime.time)
    gaps = [later - earlier for earlier, later in itertools.pairwise(carried)]
    assert gaps == [300.0] * 4
    assert one.states[-1] == ("connected", "opened")


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (HttpAnswer(503, {"message": "busy"}), {"status": 503, "reason": "refused with status 503: busy"}),
        (HttpAnswer(403, {}), {"status": 403, "reason": "refused with status 403"}),
        (HttpAnswer(409, {"type": "superseded"}), {"status": 409, "reason": "refused with status 409"}),
        (HttpAnswer(200, {}), {"status": 200, "reason": "refused with status 200"}),
        (OSError("no route to host"), {"status": None, "reason": "no route to host"}),
        (None, {"status": None, "reason": "no answer within 15 s"}),
    ],
)
def test_heartbeats_go_over_the_websocket_while_http_fails(
    runtime: FakeRuntime, one: ManagerHarness, answer: Any, failure: dict[str, Any]
) -> None:
    runtime.answer = lambda _: answer
    runtime.advance(INTERVAL + 16)
    assert on_websocket(runtime) == 2
    assert http(one)["healthy"] is False
    assert http(one)["failed_attempts"] == 1
    assert http(one)["last_failure"].items() >= failure.items()
    assert [each["message"] for each in one.of_type("warning")] == [
        f"a heartbeat over HTTP failed: {failure['reason']}; they go over the WebSocket until HTTP works again"
    ]
    runtime.answer = runtime.acknowledge
    runtime.advance(10 * INTERVAL)
    assert http(one)["healthy"] is True
    assert one.states[-1] == ("connected", "opened")


def test_retry_after_is_honoured(runtime: FakeRuntime, one: ManagerHarness) -> None:
    runtime.answer = lambda _: HttpAnswer(503, {}, retry_after="100")
    runtime.advance(INTERVAL)
    runtime.answer = runtime.acknowledge
    runtime.advance(3 * INTERVAL)
    assert (len(runtime.requests), on_websocket(runtime)) == (1, 5)
    runtime.advance(INTERVAL)
    assert (len(runtime.requests), on_websocket(runtime)) == (2, 5)
    assert http(one)["failed_attempts"] == 0


def test_there_are_never_two_requests_at_once(runtime: FakeRuntime) -> None:
    ManagerHarness(runtime, heartbeat_transport="http", http_url=URL, heartbeat_interval=10, connect_timeout=60).start()
    waiting: list[HttpRequest] = []
    runtime.answer = waiting.append  # type: ignore[assignment,func-returns-value]
    runtime.advance(10)
    assert len(waiting) == 1
    runtime.advance(9.9)
    assert (len(waiting), on_websocket(runtime)) == (1, 1)
    runtime.advance(0.1)
    assert (len(waiting), on_websocket(runtime)) == (1, 3)


def test_the_key_is_loaded_again_only_after_a_refusal(runtime: FakeRuntime) -> None:
    one = ManagerHarness(runtime, heartbeat_transport="http", http_url=URL)
    loaded: list[object] = []
    load = one.manager._opener._load_key
    http_requests = one.manager._http._requests  # type: ignore[union-attr]
    http_requests.load_key = lambda proceed: (loaded.append(1), load(proceed))
    one.start()
    runtime.advance(2 * INTERVAL)
    assert len(loaded) == 1
    runtime.answer = lambda request: runtime.acknowledge(request) if len(runtime.requests) != 3 else HttpAnswer(403, {})
    runtime.advance(INTERVAL)
    assert (len(loaded), len(runtime.requests), on_websocket(runtime)) == (2, 4, 1)


def test_a_wrong_clock_is_corrected_at_once_and_tokens_stay_in_order(runtime: FakeRuntime, one: ManagerHarness) -> None:
    runtime.server_ahead = -3600

    def by_clock(request: HttpRequest) -> HttpAnswer | BaseException | None:
        if abs(claims(request.token)["iat"] - runtime.server_now()) < 60:
            return runtime.acknowledge(request)
        return HttpAnswer(403, {}, date=formatdate(runtime.server_now(), usegmt=True))

    runtime.answer = by_clock
    runtime.advance(2 * INTERVAL)
    assert len(runtime.requests) == 3
    assert http(one)["failed_attempts"] == 0
    # A little ahead all the while: what was accepted stays the least that the next one has.
    runtime.server_ahead = -3620
    runtime.advance(INTERVAL)
    issued = [claims(request.token)["iat"] for request in runtime.requests[1:]]
    assert issued == sorted(set(issued))


def test_the_websocket_itself_is_probed_after_a_pause(runtime: FakeRuntime, one: ManagerHarness) -> None:
    runtime.sleep(60)
    runtime.advance(INTERVAL)
    assert on_websocket(runtime) >= 2
    assert runtime.requests == []
    one.manager.drain()
    assert runtime.requests == []


def test_acks_of_http_do_not_hide_a_silent_websocket(runtime: FakeRuntime, one: ManagerHarness) -> None:
    runtime.socket.acks = False
    runtime.advance(300)
    assert on_websocket(runtime) == 2
    runtime.advance(89)
    assert one.states[-1] == ("connected", "opened")
    runtime.advance(2)
    assert ("reconnecting", "connection_lost") in one.states
    assert one.manager.health()["last_disconnect"]["reason"] == "no answer on the WebSocket within 90 s"  # type: ignore[index]


def test_an_answer_after_the_end_of_the_connection_is_ignored(runtime: FakeRuntime, one: ManagerHarness) -> None:
    runtime.answer = lambda _: None
    runtime.advance(INTERVAL)
    one.manager.stop("stop")
    runtime.advance(60)
    assert one.states[-1][0] == "stopped"
    assert on_websocket(runtime) == 1
    assert http(one)["failed_attempts"] == 0


def test_the_reconnect_window_of_the_websocket_is_kept(runtime: FakeRuntime, one: ManagerHarness) -> None:
    runtime.socket.tell({"type": "heartbeat_ack", "serverTime": 0, "leaseExpiresAt": 0, "reconnectWindowMs": 600_000})
    runtime.advance(INTERVAL)
    runtime.socket.end(1012)
    assert one.of_type("attempt_failed")[-1]["attempt"]["retry_in"] == 600


def test_an_advised_interval_is_followed(runtime: FakeRuntime) -> None:
    ManagerHarness(runtime, heartbeat_transport="http", http_url=URL, heartbeat_interval=5).start()
    advice = {"type": "heartbeat_ack", "serverTime": 0, "leaseExpiresAt": 0, "heartbeatInterval": 20}
    runtime.socket.acks = False
    runtime.socket.tell(advice)
    runtime.advance(5)
    runtime.socket.tell(advice)
    before = on_websocket(runtime)
    runtime.answer = lambda request: HttpAnswer(200, {**advice, "serverTime": runtime.now() * 1000})
    runtime.advance(60)
    assert len(runtime.requests) == 3
    assert on_websocket(runtime) == before


@pytest.mark.parametrize("process", [True, False])
async def test_an_agent_is_online_by_its_http_heartbeats(process: bool) -> None:
    async with FakeService() as service:
        options = {**service.options("worker-1"), "heartbeat_process": process}
        agent = HeartbeatAgent(**options, heartbeat_transport="http", http_url=service.http_url, heartbeat_interval=1)
        await agent.start()
        await service.until(lambda: len(service.http_requests) >= 2)
        await service.until(lambda: (agent.get_connection_health()["http"] or {}).get("last_heartbeat_ack"))
        health = agent.get_connection_health()
        assert health["healthy"]
        assert health["http"]
        assert health["http"]["healthy"]
        assert service.agents[0]["status"] == "online"
        await agent.drain()
        await service.until(lambda: service.agents[0]["status"] == "offline")
        assert service.agents[0]["reason"] == "drained"


async def test_an_agent_warns_of_http_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    import logging

    async with FakeService() as service:
        service.answer_http = lambda _: HttpResponse(503)
        options = {**service.options("worker-1"), "heartbeat_process": True, "logger": logging.getLogger("here")}
        agent = HeartbeatAgent(**options, heartbeat_transport="http", http_url=service.http_url, heartbeat_interval=1)
        await agent.start()
        await service.until(lambda: "a heartbeat over HTTP failed: refused with status 503" in caplog.text)
        await agent.stop()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heartbeat_transport": "pigeon"}, 'expected "websocket" or "http"'),
        ({"heartbeat_transport": "http"}, 'option http_url: .* which heartbeat_transport "http" needs'),
        ({"heartbeat_transport": "http", "http_url": "wss://x.test"}, "option http_url: expected"),
    ],
)
def test_an_invalid_http_option_of_an_agent_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        HeartbeatAgent("a", "o", "wss://x.test/prod", private_key="k", **options)
