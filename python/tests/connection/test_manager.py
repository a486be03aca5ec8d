"""The connection manager, in time that moves when a test says so: states, rotation, messages and the end."""

from __future__ import annotations

from typing import Any

from ..fake_runtime import FakeRuntime
from .harness import MakeHarness, ManagerHarness, claims, to_next_attempt


def test_each_attempt_has_a_token_of_its_own(runtime: FakeRuntime, harness: MakeHarness) -> None:
    runtime.opens_at_once = False
    harness().start()
    for _ in range(5):
        runtime.socket.refuse(503)
        to_next_attempt(runtime)
    said = [claims(socket.token) for socket in runtime.sockets]
    assert len({each["jti"] for each in said}) == len(said) == 6
    assert {each["instance_id"] for each in said} == {said[0]["instance_id"]}
    assert all(each["exp"] - each["iat"] == 60 and "rotation" not in each for each in said)


def test_a_rotation_overlaps_and_loses_no_message(runtime: FakeRuntime, harness: MakeHarness) -> None:
    one = harness(rotate_after=(100, 100))
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


def test_subscriptions_are_restored_on_every_connection(runtime: FakeRuntime, harness: MakeHarness) -> None:
    one = harness()
    one.manager.set_subscriptions(["tasks.a", "tasks.b"])
    one.start()
    runtime.socket.end(1006)
    runtime.advance(2)
    for socket in runtime.sockets:
        assert [m["subject"] for m in socket.sent if m["type"] == "subscribe"] == ["tasks.a", "tasks.b"]
    assert len(one.of_type("ready")) == 2


def test_a_superseded_connection_sends_only_what_the_agent_sends(runtime: FakeRuntime, harness: MakeHarness) -> None:
    one = harness().start()
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


def test_superseded_on_the_old_connection_of_a_rotation_supersedes_the_agent(
    runtime: FakeRuntime, harness: MakeHarness
) -> None:
    one = harness(rotate_after=(100, 100)).start()
    runtime.advance(100.5)
    old, new = runtime.sockets
    assert len(one.of_type("rotated")) == 1
    old.tell({"type": "superseded"})
    runtime.advance(0)
    assert one.states[-1] == ("draining", "superseded")
    assert not new.terminated


def test_a_revoked_agent_counts_as_refused_at_once(runtime: FakeRuntime, harness: MakeHarness) -> None:
    one = harness().start()
    runtime.socket.tell({"type": "error", "code": "revoked", "message": "the agent was disabled"})
    runtime.advance(0)
    assert ("reconnecting", "revoked") in one.states
    attempt = one.of_type("attempt_failed")[-1]["attempt"]
    assert (attempt["failure"]["kind"], attempt["retry_in"]) == ("refused", 5)


def test_invalid_frames_are_reported_and_empty_ones_are_ignored(runtime: FakeRuntime, harness: MakeHarness) -> None:
    one = harness().start()
    for frame in ["", "null", "[]", "{", '{"type":3}', '{"a":NaN,"type":"x"}', "[" * 100_000, None]:
        runtime.socket.tell(frame)
    runtime.socket.tell({"type": "from_the_future", "more": [1]})
    runtime.advance(0)
    assert [each["message"]["code"] for each in one.of_type("message")] == ["invalid_json"] * 7
    assert one.states[-1] == ("connected", "opened")


def test_a_drain_sends_a_heartbeat_and_closes_as_drained(runtime: FakeRuntime, harness: MakeHarness) -> None:
    one = harness().start()
    one.manager.set_activity({"state": "draining"})
    one.manager.drain()
    assert runtime.socket.sent[-1]["activity"]["state"] == "draining"
    one.manager.stop("drained")
    runtime.advance(0)
    assert runtime.socket.closed_with == (1000, "drained")
    assert one.states[-1] == ("stopped", "drained")


def test_a_peer_that_does_not_answer_a_close_is_cut_off(runtime: FakeRuntime, harness: MakeHarness) -> None:
    one = harness().start()
    runtime.socket.answers_close = False
    one.manager.stop("stop")
    runtime.advance(1.9)
    assert one.states[-1][0] == "connected"
    runtime.advance(0.2)
    assert one.states[-1] == ("stopped", "stop")
    assert runtime.socket.terminated


def test_without_auto_reconnect_the_first_failure_ends_the_agent(runtime: FakeRuntime, harness: MakeHarness) -> None:
    one = harness(auto_reconnect=False).start()
    runtime.socket.end(1006)
    assert one.states[-1] == ("stopped", "failed")
    runtime.advance(1000)
    assert len(runtime.sockets) == 1


def test_a_handshake_that_hangs_is_given_up(runtime: FakeRuntime, harness: MakeHarness) -> None:
    runtime.opens_at_once = False
    one = harness().start()
    first = runtime.socket
    runtime.advance(15.1)
    assert first.terminated
    assert "no handshake within 15 s" in one.of_type("attempt_failed")[-1]["attempt"]["failure"]["message"]


def test_a_key_that_does_not_load_is_not_reported_as_a_handshake(runtime: FakeRuntime) -> None:
    one = ManagerHarness(runtime, load_key=lambda _: None).start()
    runtime.advance(15.1)
    assert "no private key within 15 s" in one.of_type("attempt_failed")[-1]["attempt"]["failure"]["message"]
