"""What a connection measures."""

from __future__ import annotations

import pytest

from agent_heartbeat.connection.stats import ServerClock

from ..fake_runtime import FakeRuntime
from .harness import MakeHarness


def test_the_clock_skew_changes_only_when_a_round_trip_contradicts_it() -> None:
    clock = ServerClock(lambda: 1000.0)
    skews = []
    for round_trip, skew in [(0.08, 5.0), (0.2, 5.099), (0.02, 4.991), (0.02, 5.011)]:
        clock.learn_from_ack((1000.0 - round_trip / 2 - skew) * 1000, round_trip)
        skews.append(clock.skew)
    assert skews == pytest.approx([5.0, 5.0, 5.0, 5.011])


def test_an_agent_whose_event_loop_is_blocked_reads_as_blocked(runtime: FakeRuntime, harness: MakeHarness) -> None:
    harness().start()
    runtime.lag = 7.0
    runtime.advance(31)
    assert runtime.socket.sent[-1]["activity"] == {"state": "blocked", "eventLoopLagMs": 7000}
    runtime.lag = 0.0
    runtime.advance(30)
    assert runtime.socket.sent[-1]["activity"]["state"] == "idle"
