"""What is known of an agent's connection, and what of it counts as healthy."""

from __future__ import annotations

from typing import TypedDict

from .state import AgentState


class LastDisconnect(TypedDict):
    """The last connection's end. `at` is in seconds since the epoch, by the local clock."""

    code: int | None
    reason: str
    at: float


class HttpFailure(TypedDict):
    """How a heartbeat over HTTP failed. `status`: None where no answer came. `at` is by the local clock."""

    status: int | None
    reason: str
    at: float


class HttpHealth(TypedDict):
    """How heartbeats over HTTP fare. Times are in seconds."""

    healthy: bool
    """Whether the last one was accepted. If not, heartbeats go over the WebSocket until the next attempt."""
    last_heartbeat_ack: float | None
    """When the last one was acknowledged, in seconds since the epoch by the local clock; None before the first."""
    failed_attempts: int
    """How many failed since then."""
    last_failure: HttpFailure | None


class ManagerHealth(TypedDict):
    """What a connection manager knows of itself at a moment: plain data, so that it can cross processes."""

    state: AgentState
    connected: bool
    last_ack_at: float | None
    """Seconds since the epoch by the local clock."""
    last_ack_monotonic: float | None
    """The same by the monotonic clock, which all processes of a machine share."""
    ack_timeout: float | None
    """How old an ack may be; None where no heartbeats are sent."""
    reconnect_attempts: int
    round_trip: float | None
    clock_skew: float | None
    event_loop_lag: float
    last_disconnect: LastDisconnect | None
    http: HttpHealth | None


class ConnectionHealth(TypedDict):
    """An agent's own view of its connection. Times are in seconds."""

    healthy: bool
    """Connected, not draining, and the last ack is younger than the heartbeat timeout."""
    connected: bool
    state: AgentState
    last_heartbeat_ack: float | None
    """When the last ack came, in seconds since the epoch by the local clock; None before the first."""
    seconds_since_ack: float | None
    reconnect_attempts: int
    """Failed attempts since the last connection that proved stable."""
    round_trip: float | None
    """From heartbeat to ack."""
    clock_skew: float | None
    """How far the local clock is ahead of the server's; None until it is known."""
    event_loop_lag: float
    """How late the event loop ran when it last looked."""
    last_disconnect: LastDisconnect | None
    http: HttpHealth | None
    """Of `heartbeat_transport="http"`, whose other fields are those of the WebSocket. None without it."""


def health_before(state: AgentState) -> ManagerHealth:
    """The health without a connection manager, or before its first event."""
    return ManagerHealth(
        state=state,
        connected=False,
        last_ack_at=None,
        last_ack_monotonic=None,
        ack_timeout=None,
        reconnect_attempts=0,
        round_trip=None,
        clock_skew=None,
        event_loop_lag=0.0,
        last_disconnect=None,
        http=None,
    )


def judge_health(known: ManagerHealth, monotonic_now: float) -> ConnectionHealth:
    """Judges what a manager knows, at a time by the monotonic clock."""
    acked_at, timeout = known["last_ack_monotonic"], known["ack_timeout"]
    age = None if acked_at is None else max(0.0, monotonic_now - acked_at)
    acked = timeout is None or (age is not None and age < timeout)
    return ConnectionHealth(
        healthy=known["connected"] and acked and known["state"] == "connected",
        connected=known["connected"],
        state=known["state"],
        last_heartbeat_ack=known["last_ack_at"],
        seconds_since_ack=age,
        reconnect_attempts=known["reconnect_attempts"],
        round_trip=known["round_trip"],
        clock_skew=known["clock_skew"],
        event_loop_lag=known["event_loop_lag"],
        last_disconnect=known["last_disconnect"],
        http=known["http"],
    )
