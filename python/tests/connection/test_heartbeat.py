"""When heartbeats are sent, and when silence ends a connection."""

from __future__ import annotations

from ..fake_runtime import FakeRuntime
from .harness import MakeHarness, heartbeats


def test_a_heartbeat_is_sent_at_once_and_then_every_interval(runtime: FakeRuntime, harness: MakeHarness) -> None:
    one = harness().start()
    assert one.states == [("connecting", "started"), ("connected", "opened")]
    assert heartbeats(one) == 1
    runtime.advance(15)  # the second one at a random moment of the first interval
    assert heartbeats(one) == 2
    runtime.advance(300)
    assert heartbeats(one) == 12


def test_a_silent_connection_is_replaced_after_interval_times_multiplier(
    runtime: FakeRuntime, harness: MakeHarness
) -> None:
    one = harness().start()
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


def test_an_advised_interval_is_followed_within_bounds(runtime: FakeRuntime, harness: MakeHarness) -> None:
    one = harness().start()
    socket = runtime.socket
    socket.acks = False
    for advised, interval in [(10, 10), (0, 1), (-5, 1), (1e9, 540), ("soon", 30), (True, 30), (1e999, 30)]:
        now = round(runtime.wall * 1000)
        socket.tell({"type": "heartbeat_ack", "serverTime": now, "leaseExpiresAt": now, "heartbeatInterval": advised})
        runtime.advance(0)
        assert one.manager.health()["ack_timeout"] == interval * 3, advised


def test_an_ack_is_requested_with_every_nth_heartbeat(runtime: FakeRuntime, harness: MakeHarness) -> None:
    harness(ack_every=3).start()
    runtime.advance(280)
    kinds = runtime.socket.types
    assert kinds == ["heartbeat", "heartbeat_quiet", "heartbeat_quiet"] * 3 + ["heartbeat"]


def test_a_heartbeat_is_left_out_while_the_socket_is_full(runtime: FakeRuntime, harness: MakeHarness) -> None:
    one = harness().start()
    runtime.socket.buffered = 1_000_000
    runtime.advance(60)
    assert heartbeats(one) == 1


def test_a_simple_agent_sends_no_heartbeats(runtime: FakeRuntime, harness: MakeHarness) -> None:
    one = harness(simple=True).start()
    runtime.advance(600)
    assert heartbeats(one) == 0
