"""What a connection manager has measured and lived through, and how far the local clock is off the server's."""

from __future__ import annotations

from collections.abc import Callable

from ..protocol import Message
from .ends import advised_window, http_date
from .health import LastDisconnect, ManagerHealth
from .heartbeat import Heartbeat, HeartbeatTerms
from .managed_connection import ManagedConnection
from .runtime import Runtime
from .state import AgentState, Failure

_TELLING = 5.0
"""A `Date` header has whole seconds and an answer takes its time: a smaller difference says nothing."""
_BLOCKED_AFTER = 5.0
"""A loop that another process sees standing still for this long is reported as `blocked`."""


class ServerClock:
    """The local clock with its error, as far as it is known."""

    def __init__(self, local_now: Callable[[], float]) -> None:
        self._local_now = local_now
        self.skew: float | None = None
        """How far the local clock is ahead of the server's, in seconds; None until it is known."""

    def now(self) -> float:
        """Seconds since the epoch by the server's clock, as well as it is known."""
        return self._local_now() - (self.skew or 0.0)

    def learn_from_date(self, date: str | None) -> bool:
        """Learns from a refused handshake; returns whether the next token carries a notably different time."""
        server_time = http_date(date)
        if server_time is None:
            return False
        # The header is cut to the second: half a second is the best guess of the rest.
        skew = self._local_now() - (server_time + 0.5)
        if abs(skew - (self.skew or 0.0)) < _TELLING:
            return False
        self.skew = skew
        return True

    def learn_from_ack(self, server_time_ms: float, round_trip: float) -> None:
        """Learns from an ack, whose time was taken within the round trip.

        What agrees as far as that can say changes nothing: times of the past, such as when work began, stay the
        same from heartbeat to heartbeat.
        """
        error = round_trip / 2
        skew = self._local_now() - server_time_ms / 1000 - error
        if self.skew is None or abs(skew - self.skew) > error:
            self.skew = skew


class Stats:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.clock = ServerClock(runtime.now)
        self.last_ack: tuple[float, float] | None = None
        """By the local clock, and by the monotonic one."""
        self.round_trip: float | None = None
        self.last_disconnect: LastDisconnect | None = None
        self.reconnect_window = 0.0
        """Over how long the fleet is to come back, by the last ack; 0 where it did not say."""
        self.lag = 0.0
        self.activity: Message = {"state": "idle"}
        """What the agent says that it does. Its times are milliseconds by the local clock."""

    def acked(self, heartbeat: Heartbeat | None, ack: Message) -> float | None:
        """Returns the round trip in seconds, where it could be measured."""
        self.reconnect_window = advised_window(ack.get("reconnectWindowMs"))
        now = self._runtime.monotonic()
        round_trip = heartbeat.received_ack(now, ack.get("heartbeatInterval")) if heartbeat else None
        if round_trip is not None:
            self.round_trip = round_trip
            self.clock.learn_from_ack(ack["serverTime"], round_trip)
        self.last_ack = (self._runtime.now(), now)
        return round_trip

    def health(
        self, state: AgentState, connection: ManagedConnection | None, terms: HeartbeatTerms | None, attempts: int
    ) -> ManagerHealth:
        own = terms.interval * (terms.ack_every - 1 + terms.timeout_multiplier) if terms else None
        observed = self._runtime.observed_lag()
        return ManagerHealth(
            state=state,
            connected=connection is not None and connection.is_open,
            last_ack_at=self.last_ack and self.last_ack[0],
            last_ack_monotonic=self.last_ack and self.last_ack[1],
            ack_timeout=connection.heartbeat.ack_timeout if connection and connection.heartbeat else own,
            reconnect_attempts=attempts,
            round_trip=self.round_trip,
            clock_skew=self.clock.skew,
            event_loop_lag=self.lag if observed is None else observed,
            last_disconnect=self.last_disconnect,
            http=None,
        )

    def lost(self, failure: Failure) -> None:
        self.last_disconnect = LastDisconnect(code=failure.code, reason=failure.message, at=self._runtime.now())

    def activity_now(self) -> Message:
        """The activity for a heartbeat, with the lag of the event loop that the agent's handlers run on."""
        observed = self._runtime.observed_lag()
        activity = dict(self.activity)
        for name in ("startedAt", "progressAt"):
            if name in activity:
                skew_ms = (self.clock.skew or 0.0) * 1000
                activity[name] = max(0, round(activity[name] - skew_ms))
        if observed is not None and observed >= _BLOCKED_AFTER:
            activity["state"] = "blocked"
        activity["eventLoopLagMs"] = round((self.lag if observed is None else observed) * 1000)
        return activity
