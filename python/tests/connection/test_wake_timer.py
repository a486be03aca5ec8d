"""Pauses: the machine slept, the event loop was blocked, or a clock was set."""

from __future__ import annotations

import pytest

from ..fake_runtime import FakeRuntime
from .harness import MakeHarness, heartbeats


@pytest.mark.parametrize("how", ["block", "sleep"])
@pytest.mark.parametrize(("seconds", "cut"), [(20, False), (45, False), (100, False), (140, True)])
def test_a_short_pause_probes_the_connection_and_a_long_one_replaces_it(
    runtime: FakeRuntime, harness: MakeHarness, how: str, seconds: float, cut: bool
) -> None:
    one = harness().start()
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
def test_a_step_of_the_wall_clock_breaks_no_connection(
    runtime: FakeRuntime, harness: MakeHarness, step: float, has_boottime: bool
) -> None:
    runtime.has_boottime = has_boottime
    one = harness().start()
    runtime.advance(60)
    runtime.wall += step
    runtime.advance(200)
    assert len(runtime.sockets) == 1
    assert one.states[-1] == ("connected", "opened")
