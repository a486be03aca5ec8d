"""When an agent connects again."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest

from agent_heartbeat import ReconnectOptions

from ..fake_runtime import FakeRuntime
from .harness import MakeHarness, claims, heartbeats, to_next_attempt


@pytest.mark.parametrize(
    ("code", "kind", "window"),
    [(1006, "network", 1), (1001, "gateway", 5), (1012, "gateway", 5), (1008, "throttled", 10), (4000, "network", 1)],
)
def test_a_close_code_decides_the_window(
    runtime: FakeRuntime, harness: MakeHarness, code: int, kind: str, window: float
) -> None:
    one = harness().start()
    runtime.socket.end(code)
    attempt = one.of_type("attempt_failed")[-1]["attempt"]
    assert (attempt["failure"]["kind"], attempt["retry_in"]) == (kind, 0.5 * window)


@pytest.mark.parametrize(
    ("status", "kind", "window"),
    [(401, "refused", 10), (403, "refused", 10), (404, "refused", 10), (409, "conflict", 5), (429, "throttled", 10),
     (500, "unavailable", 2), (503, "unavailable", 2)],
)  # fmt: skip
def test_a_status_decides_the_window(
    runtime: FakeRuntime, harness: MakeHarness, status: int, kind: str, window: float
) -> None:
    runtime.opens_at_once = False
    one = harness().start()
    runtime.socket.refuse(status)
    attempt = one.of_type("attempt_failed")[-1]["attempt"]
    assert (attempt["failure"]["kind"], attempt["retry_in"]) == (kind, 0.5 * window)


def test_windows_double_up_to_their_largest_and_settle_once_stable(runtime: FakeRuntime, harness: MakeHarness) -> None:
    runtime.opens_at_once = False
    one = harness().start()
    for _ in range(9):
        runtime.socket.fail()
        to_next_attempt(runtime)
    drawn = [each["attempt"]["retry_in"] for each in one.of_type("attempt_failed")]
    assert drawn == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    runtime.opens_at_once = True
    runtime.socket.open()
    runtime.advance(59)
    assert one.manager.health()["reconnect_attempts"] == 9
    runtime.advance(2)
    assert one.manager.health()["reconnect_attempts"] == 0


def test_reconnect_ends_the_wait_at_a_random_moment_and_in_a_loop_makes_no_storm(
    runtime: FakeRuntime, harness: MakeHarness
) -> None:
    runtime.opens_at_once = False
    one = harness().start()
    for _ in range(8):
        runtime.socket.fail()
        to_next_attempt(runtime)
    runtime.socket.fail()
    attempts = len(runtime.sockets)
    for _ in range(10):
        one.manager.reconnect()
    runtime.advance(0.4)
    assert len(runtime.sockets) == attempts
    runtime.advance(0.2)
    assert len(runtime.sockets) == attempts + 1


@pytest.mark.parametrize(("status", "retry_after"), [(503, None), (429, None), (403, "60")])
def test_reconnect_keeps_a_delay_that_the_service_asked_for(
    runtime: FakeRuntime, harness: MakeHarness, status: int, retry_after: str | None
) -> None:
    runtime.opens_at_once = False
    one = harness().start()
    runtime.socket.refuse(status, retry_after=retry_after)
    one.manager.reconnect()
    delay = one.of_type("attempt_failed")[-1]["attempt"]["retry_in"]
    runtime.advance(delay - 0.1)
    assert len(runtime.sockets) == 1
    runtime.advance(0.2)
    assert len(runtime.sockets) == 2


def test_reconnect_probes_an_open_connection(runtime: FakeRuntime, harness: MakeHarness) -> None:
    one = harness().start()
    runtime.advance(60)
    runtime.socket.acks = False
    sent = heartbeats(one)
    one.manager.reconnect()
    assert heartbeats(one) == sent + 1
    runtime.advance(16)
    assert ("reconnecting", "unresponsive") in one.states


def test_retry_after_is_added_to_the_drawn_delay(runtime: FakeRuntime, harness: MakeHarness) -> None:
    runtime.opens_at_once = False
    one = harness().start()
    runtime.socket.refuse(429, retry_after="7")
    runtime.advance(13)
    runtime.socket.refuse(503, retry_after=formatdate(runtime.wall + 20, usegmt=True))
    first, second = (each["attempt"]["retry_in"] for each in one.of_type("attempt_failed"))
    assert first == 7 + 5
    assert second == pytest.approx(20 + 2, abs=1)


@pytest.mark.parametrize("seconds", [-1, 3601, float("nan"), "soon", None])
def test_an_invalid_window_of_a_schedule_is_ignored(runtime: FakeRuntime, harness: MakeHarness, seconds: Any) -> None:
    one = harness(reconnect=ReconnectOptions(schedule=lambda kind, failures: seconds)).start()
    runtime.socket.end(1006)
    assert one.of_type("attempt_failed")[-1]["attempt"]["retry_in"] == 0.5


def test_a_custom_schedule_replaces_the_windows(runtime: FakeRuntime, harness: MakeHarness) -> None:
    asked: list[tuple[str, int]] = []

    def schedule(kind: str, failures: int) -> float:
        asked.append((kind, failures))
        if failures == 1:
            raise RuntimeError("broken")
        return 40.0

    one = harness(reconnect=ReconnectOptions(schedule=schedule)).start()
    runtime.opens_at_once = False
    runtime.socket.end(1006)
    runtime.advance(21)
    runtime.socket.fail()
    assert asked == [("network", 0), ("network", 1)]
    assert [each["attempt"]["retry_in"] for each in one.of_type("attempt_failed")] == [20, 1]


def test_a_wrong_clock_is_corrected_and_the_login_repeated_at_once(runtime: FakeRuntime, harness: MakeHarness) -> None:
    runtime.opens_at_once = False
    one = harness().start()
    runtime.server_ahead = 600
    runtime.socket.refuse(403, date=formatdate(runtime.server_now(), usegmt=True))
    assert one.of_type("clock_skew")[-1]["clock_skew"] == pytest.approx(-600, abs=2)
    runtime.advance(0)
    assert claims(runtime.socket.token)["iat"] == pytest.approx(runtime.server_now(), abs=2)
    runtime.socket.refuse(403, date=formatdate(runtime.server_now(), usegmt=True))
    assert one.of_type("attempt_failed")[-1]["attempt"]["retry_in"] > 0


def test_the_reconnect_window_of_the_fleet_applies_when_others_may_have_lost_their_connections(
    runtime: FakeRuntime, harness: MakeHarness
) -> None:
    one = harness().start()
    now = round(runtime.wall * 1000)
    runtime.socket.tell(
        {"type": "heartbeat_ack", "serverTime": now, "leaseExpiresAt": now, "reconnectWindowMs": 600_000}
    )
    runtime.advance(0)
    runtime.socket.end(1012)
    assert one.of_type("attempt_failed")[-1]["attempt"]["retry_in"] == 300
