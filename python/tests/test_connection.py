"""The connection manager, in time that moves when a test says so."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from agent_heartbeat import ReconnectOptions
from agent_heartbeat.connection.stats import ServerClock

from .conftest import Link
from .fake_runtime import FakeRuntime

MakeLink = Callable[..., Link]


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


def to_next_attempt(runtime: FakeRuntime) -> None:
    before = len(runtime.sockets)
    while len(runtime.sockets) == before:
        runtime.advance(0.5)


def heartbeats(link: Link) -> int:
    return sum(socket.types.count("heartbeat") for socket in link.runtime.sockets)


def test_a_heartbeat_is_sent_at_once_and_then_every_interval(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link().start()
    assert one.states == [("connecting", "started"), ("connected", "opened")]
    assert heartbeats(one) == 1
    runtime.advance(15)  # the second one at a random moment of the first interval
    assert heartbeats(one) == 2
    runtime.advance(300)
    assert heartbeats(one) == 12


def test_each_attempt_has_a_token_of_its_own(runtime: FakeRuntime, link: MakeLink) -> None:
    runtime.opens_at_once = False
    link().start()
    for _ in range(5):
        runtime.socket.refuse(503)
        to_next_attempt(runtime)
    said = [claims(socket.token) for socket in runtime.sockets]
    assert len({each["jti"] for each in said}) == len(said) == 6
    assert {each["instance_id"] for each in said} == {said[0]["instance_id"]}
    assert all(each["exp"] - each["iat"] == 60 and "rotation" not in each for each in said)


def test_silence_is_death_after_interval_times_multiplier(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link().start()
    runtime.advance(30)
    runtime.socket.acks = False
    last = one.manager.health()["last_ack_monotonic"]
    assert last is not None
    runtime.advance(last + 89.9 - runtime.time)
    assert one.states[-1] == ("connected", "opened")
    first = runtime.socket
    runtime.advance(0.2)
    assert ("reconnecting", "unresponsive") in one.states
    assert first.terminated
    assert one.states[-1] == ("connected", "opened"), "the first attempt after silence does not wait"


@pytest.mark.parametrize(
    ("code", "kind", "window"),
    [(1006, "network", 1), (1001, "gateway", 5), (1012, "gateway", 5), (1008, "throttled", 10), (4000, "network", 1)],
)
def test_a_close_code_decides_the_window(
    runtime: FakeRuntime, link: MakeLink, code: int, kind: str, window: float
) -> None:
    one = link().start()
    runtime.socket.end(code)
    attempt = one.of_type("attempt_failed")[-1]["attempt"]
    assert (attempt["failure"]["kind"], attempt["retry_in"]) == (kind, 0.5 * window)


@pytest.mark.parametrize(
    ("status", "kind", "window"),
    [(401, "refused", 10), (403, "refused", 10), (404, "refused", 10), (409, "conflict", 5), (429, "throttled", 10),
     (500, "unavailable", 2), (503, "unavailable", 2)],
)  # fmt: skip
def test_a_status_decides_the_window(
    runtime: FakeRuntime, link: MakeLink, status: int, kind: str, window: float
) -> None:
    runtime.opens_at_once = False
    one = link().start()
    runtime.socket.refuse(status)
    attempt = one.of_type("attempt_failed")[-1]["attempt"]
    assert (attempt["failure"]["kind"], attempt["retry_in"]) == (kind, 0.5 * window)


def test_windows_double_up_to_their_largest_and_settle_once_stable(runtime: FakeRuntime, link: MakeLink) -> None:
    runtime.opens_at_once = False
    one = link().start()
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
    runtime: FakeRuntime, link: MakeLink
) -> None:
    runtime.opens_at_once = False
    one = link().start()
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
def test_reconnect_waits_where_the_service_asked_for_it(
    runtime: FakeRuntime, link: MakeLink, status: int, retry_after: str | None
) -> None:
    runtime.opens_at_once = False
    one = link().start()
    runtime.socket.refuse(status, retry_after=retry_after)
    one.manager.reconnect()
    delay = one.of_type("attempt_failed")[-1]["attempt"]["retry_in"]
    runtime.advance(delay - 0.1)
    assert len(runtime.sockets) == 1
    runtime.advance(0.2)
    assert len(runtime.sockets) == 2


def test_reconnect_asks_an_open_connection_for_a_sign_of_life(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link().start()
    runtime.advance(60)
    runtime.socket.acks = False
    sent = heartbeats(one)
    one.manager.reconnect()
    assert heartbeats(one) == sent + 1
    runtime.advance(16)
    assert ("reconnecting", "unresponsive") in one.states


def test_what_the_server_asks_for_comes_on_top(runtime: FakeRuntime, link: MakeLink) -> None:
    runtime.opens_at_once = False
    one = link().start()
    runtime.socket.refuse(429, retry_after="7")
    runtime.advance(13)
    runtime.socket.refuse(503, retry_after=formatdate(runtime.wall + 20, usegmt=True))
    first, second = (each["attempt"]["retry_in"] for each in one.of_type("attempt_failed"))
    assert first == 7 + 5
    assert second == pytest.approx(20 + 2, abs=1)


@pytest.mark.parametrize("seconds", [-1, 3601, float("nan"), "soon", None])
def test_a_schedule_that_says_nonsense_is_left_out(runtime: FakeRuntime, link: MakeLink, seconds: Any) -> None:
    one = link(reconnect=ReconnectOptions(schedule=lambda kind, failures: seconds)).start()
    runtime.socket.end(1006)
    assert one.of_type("attempt_failed")[-1]["attempt"]["retry_in"] == 0.5


def test_a_schedule_of_ones_own_replaces_the_windows(runtime: FakeRuntime, link: MakeLink) -> None:
    asked: list[tuple[str, int]] = []

    def schedule(kind: str, failures: int) -> float:
        asked.append((kind, failures))
        if failures == 1:
            raise RuntimeError("broken")
        return 40.0

    one = link(reconnect=ReconnectOptions(schedule=schedule)).start()
    runtime.opens_at_once = False
    runtime.socket.end(1006)
    runtime.advance(21)
    runtime.socket.fail()
    assert asked == [("network", 0), ("network", 1)]
    assert [each["attempt"]["retry_in"] for each in one.of_type("attempt_failed")] == [20, 1]


def test_a_wrong_clock_is_corrected_and_tried_again_at_once(runtime: FakeRuntime, link: MakeLink) -> None:
    runtime.opens_at_once = False
    one = link().start()
    runtime.server_ahead = 600
    runtime.socket.refuse(403, date=formatdate(runtime.server_now(), usegmt=True))
    assert one.of_type("clock_skew")[-1]["clock_skew"] == pytest.approx(-600, abs=2)
    runtime.advance(0)
    assert claims(runtime.socket.token)["iat"] == pytest.approx(runtime.server_now(), abs=2)
    runtime.socket.refuse(403, date=formatdate(runtime.server_now(), usegmt=True))
    assert one.of_type("attempt_failed")[-1]["attempt"]["retry_in"] > 0


def test_a_skew_stays_while_later_round_trips_agree_with_it_as_far_as_they_can_say() -> None:
    clock = ServerClock(lambda: 1000.0)
    skews = []
    for round_trip, skew in [(0.08, 5.0), (0.2, 5.099), (0.02, 4.991), (0.02, 5.011)]:
        clock.learn_from_ack((1000.0 - round_trip / 2 - skew) * 1000, round_trip)
        skews.append(clock.skew)
    assert skews == pytest.approx([5.0, 5.0, 5.0, 5.011])


@pytest.mark.parametrize("how", ["block", "sleep"])
@pytest.mark.parametrize(("seconds", "cut"), [(20, False), (45, False), (100, False), (140, True)])
def test_a_pause_is_asked_about_or_cuts_off(
    runtime: FakeRuntime, link: MakeLink, how: str, seconds: float, cut: bool
) -> None:
    one = link().start()
    runtime.advance(60)
    first = runtime.socket
    sent = heartbeats(one)
    getattr(runtime, how)(seconds)
    runtime.advance(10)
    assert first.terminated is cut
    reason = "blocked" if how == "block" else "woke_from_sleep"
    assert (("reconnecting", reason) in one.states) is cut
    if seconds >= 30:
        assert heartbeats(one) > sent
    assert one.states[-1] == ("connected", "opened")


@pytest.mark.parametrize("step", [120.0, -120.0, 86_400.0])
@pytest.mark.parametrize("has_boottime", [True, False])
def test_a_step_of_the_wall_clock_cuts_nothing(
    runtime: FakeRuntime, link: MakeLink, step: float, has_boottime: bool
) -> None:
    runtime.has_boottime = has_boottime
    one = link().start()
    runtime.advance(60)
    runtime.wall += step
    runtime.advance(200)
    assert len(runtime.sockets) == 1
    assert one.states[-1] == ("connected", "opened")


def test_a_rotation_overlaps_and_loses_no_message(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link(rotate_after=(100, 100))
    one.manager.set_subscriptions(["tasks.>"])
    one.start()
    runtime.advance(99)
    old = runtime.socket
    runtime.opens_at_once = False
    runtime.advance(1.5)
    new = runtime.socket
    assert new is not old
    assert claims(new.token)["rotation"] is True
    new.acks = False
    new.open()

    def deliver(socket: Any, number: int) -> None:
        socket.tell({"type": "message", "messageId": f"m{number}", "subject": "tasks.a", "data": number, "from": "b"})
        runtime.advance(0)

    deliver(old, 1)
    deliver(new, 3)
    deliver(old, 2)
    deliver(old, 3)
    assert old.closed_with is None, "not before the new one has proved itself"
    now = round(runtime.wall * 1000)
    new.tell({"type": "heartbeat_ack", "serverTime": now, "leaseExpiresAt": now})
    for message in new.sent:
        if message["type"] == "subscribe":
            new.tell({"type": "subscribed", "subject": message["subject"], "id": message["id"]})
    runtime.advance(0)
    assert len(one.of_type("rotated")) == 1
    deliver(new, 4)
    runtime.advance(6)
    assert old.closed_with == (1000, "rotated")
    runtime.advance(1)
    assert [each["message"]["data"] for each in one.of_type("message")] == [1, 2, 3, 4]
    assert one.states == [("connecting", "started"), ("connected", "opened")]


def test_subscriptions_are_restored_on_every_connection(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link()
    one.manager.set_subscriptions(["tasks.a", "tasks.b"])
    one.start()
    runtime.socket.end(1006)
    runtime.advance(2)
    for socket in runtime.sockets:
        assert [m["subject"] for m in socket.sent if m["type"] == "subscribe"] == ["tasks.a", "tasks.b"]
    assert len(one.of_type("ready")) == 2


def test_nothing_is_sent_after_superseded_but_what_the_agent_sends(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link().start()
    runtime.advance(40)
    runtime.socket.tell({"type": "superseded"})
    runtime.advance(0)
    assert one.states[-1] == ("draining", "superseded")
    sent = len(runtime.socket.sent)
    runtime.advance(25)
    assert len(runtime.socket.sent) == sent
    one.manager.send({"type": "publish", "subject": "_inbox.b.1", "data": {"result": 1}, "id": "9"})
    assert runtime.socket.types[-1] == "publish"
    runtime.socket.end(1000)
    runtime.advance(3600)
    assert one.states[-1] == ("superseded", "superseded")
    assert len(runtime.sockets) == 1


def test_superseded_on_the_old_connection_of_a_rotation_counts(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link(rotate_after=(100, 100)).start()
    runtime.advance(100.5)
    old, new = runtime.sockets
    assert len(one.of_type("rotated")) == 1
    old.tell({"type": "superseded"})
    runtime.advance(0)
    assert one.states[-1] == ("draining", "superseded")
    assert not new.terminated


def test_revoked_is_a_refusal_at_once(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link().start()
    runtime.socket.tell({"type": "error", "code": "revoked", "message": "the agent was disabled"})
    runtime.advance(0)
    assert ("reconnecting", "revoked") in one.states
    attempt = one.of_type("attempt_failed")[-1]["attempt"]
    assert (attempt["failure"]["kind"], attempt["retry_in"]) == ("refused", 5)


def test_frames_that_are_none_are_reported_and_empty_ones_are_not(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link().start()
    for frame in ["", "null", "[]", "{", '{"type":3}', '{"a":NaN,"type":"x"}', "[" * 100_000, None]:
        runtime.socket.tell(frame)
    runtime.socket.tell({"type": "from_the_future", "more": [1]})
    runtime.advance(0)
    assert [each["message"]["code"] for each in one.of_type("message")] == ["invalid_json"] * 7
    assert one.states[-1] == ("connected", "opened")


def test_an_advised_interval_is_followed_within_bounds(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link().start()
    socket = runtime.socket
    socket.acks = False
    for advised, interval in [(10, 10), (0, 1), (-5, 1), (1e9, 540), ("soon", 30), (True, 30), (1e999, 30)]:
        now = round(runtime.wall * 1000)
        socket.tell({"type": "heartbeat_ack", "serverTime": now, "leaseExpiresAt": now, "heartbeatInterval": advised})
        runtime.advance(0)
        assert one.manager.health()["ack_timeout"] == interval * 3, advised


def test_the_fleets_window_is_used_where_others_may_have_lost_their_connections(
    runtime: FakeRuntime, link: MakeLink
) -> None:
    one = link().start()
    now = round(runtime.wall * 1000)
    runtime.socket.tell(
        {"type": "heartbeat_ack", "serverTime": now, "leaseExpiresAt": now, "reconnectWindowMs": 600_000}
    )
    runtime.advance(0)
    runtime.socket.end(1012)
    assert one.of_type("attempt_failed")[-1]["attempt"]["retry_in"] == 300


def test_economy_acks_are_asked_for_with_every_nth_heartbeat(runtime: FakeRuntime, link: MakeLink) -> None:
    link(ack_every=3).start()
    runtime.advance(280)
    kinds = runtime.socket.types
    assert kinds == ["heartbeat", "heartbeat_quiet", "heartbeat_quiet"] * 3 + ["heartbeat"]


def test_a_heartbeat_is_left_out_while_the_socket_is_full(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link().start()
    runtime.socket.buffered = 1_000_000
    runtime.advance(60)
    assert heartbeats(one) == 1


def test_a_drain_says_so_and_closes_as_drained(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link().start()
    one.manager.set_activity({"state": "draining"})
    one.manager.drain()
    assert runtime.socket.sent[-1]["activity"]["state"] == "draining"
    one.manager.stop("drained")
    runtime.advance(0)
    assert runtime.socket.closed_with == (1000, "drained")
    assert one.states[-1] == ("stopped", "drained")


def test_a_peer_that_does_not_answer_a_close_is_cut_off(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link().start()
    runtime.socket.answers_close = False
    one.manager.stop("stop")
    runtime.advance(1.9)
    assert one.states[-1][0] == "connected"
    runtime.advance(0.2)
    assert one.states[-1] == ("stopped", "stop")
    assert runtime.socket.terminated


def test_without_auto_reconnect_the_first_failure_ends_it(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link(auto_reconnect=False).start()
    runtime.socket.end(1006)
    assert one.states[-1] == ("stopped", "failed")
    runtime.advance(1000)
    assert len(runtime.sockets) == 1


def test_a_simple_agent_sends_no_heartbeats(runtime: FakeRuntime, link: MakeLink) -> None:
    one = link(simple=True).start()
    runtime.advance(600)
    assert heartbeats(one) == 0


def test_a_handshake_that_hangs_is_given_up(runtime: FakeRuntime, link: MakeLink) -> None:
    runtime.opens_at_once = False
    one = link().start()
    first = runtime.socket
    runtime.advance(15.1)
    assert first.terminated
    assert "no handshake within 15 s" in one.of_type("attempt_failed")[-1]["attempt"]["failure"]["message"]


def test_a_key_that_does_not_come_is_not_taken_for_a_handshake(runtime: FakeRuntime) -> None:
    one = Link(runtime, load_key=lambda _: None).start()
    runtime.advance(15.1)
    assert "no private key within 15 s" in one.of_type("attempt_failed")[-1]["attempt"]["failure"]["message"]


def test_a_loop_that_stands_still_elsewhere_reads_as_blocked(runtime: FakeRuntime, link: MakeLink) -> None:
    link().start()
    runtime.lag = 7.0
    runtime.advance(31)
    assert runtime.socket.sent[-1]["activity"] == {"state": "blocked", "eventLoopLagMs": 7000}
    runtime.lag = 0.0
    runtime.advance(30)
    assert runtime.socket.sent[-1]["activity"]["state"] == "idle"
