"""Keeps an agent connected: one state machine, and one loop that sets one timer for what is due next.

The loop is woken with a named reason, inspects the state, runs whatever is due, and sleeps until the next
deadline. Nothing here waits: everything that takes time is a callback of the runtime.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence

from ..protocol import Message
from .backoff import Backoff, ReconnectSchedule
from .connection_set import ConnectionSet
from .ends import End, Failed, failure_of
from .health import ManagerHealth
from .heartbeat import Heartbeat
from .http_heartbeats import HttpHeartbeats
from .lease_requests import LeaseRequests
from .managed_connection import ManagedConnection
from .manager_options import ManagerOptions
from .manager_port import Emit, LoadKey
from .opener import ConnectionOpener
from .outbox import Outbox
from .pause import pause_of
from .retries import Retries, RetryHint
from .runtime import Runtime
from .state import TRANSITIONS, AgentState, Failure, StateChange, is_final
from .stats import Stats
from .wake_timer import WakeTimer

_log = logging.getLogger("agent_heartbeat.connection")

_PAUSE_CHECK = 10.0
"""The longest timer while connected: timers stand still while the machine sleeps."""


class ConnectionManager:
    """Emits its events as plain data: objects with a `type`, which can cross processes."""

    def __init__(
        self,
        options: ManagerOptions,
        runtime: Runtime,
        load_key: LoadKey,
        emit: Emit,
        schedule: ReconnectSchedule | None = None,
    ) -> None:
        self._options = options
        self._runtime = runtime
        self._state: AgentState = "idle"
        self._stop_cause: str | None = None
        self._superseded = False
        """A newer process has the agent: answers still go out, nothing else does, no connection follows."""
        self._outbox = Outbox(emit)
        self._connections = ConnectionSet(options.close_timeout)
        self._timer = WakeTimer(runtime, lambda: self._wake("timer"))
        self._stats = Stats(runtime)
        self._retries = Retries(lambda: self._new_backoff(schedule), runtime.random, self._stats, self._outbox.put)
        self._http = self._http_heartbeats(load_key, schedule)
        open_socket = self._http.open_socket if self._http else runtime.open_socket
        self._opener = ConnectionOpener(options, load_key, self._stats.clock, open_socket)

    def _new_backoff(self, schedule: ReconnectSchedule | None) -> Backoff:
        return Backoff(self._options.windows, schedule, self._runtime.random)

    def _http_heartbeats(self, load_key: LoadKey, schedule: ReconnectSchedule | None) -> HttpHeartbeats | None:
        options, runtime = self._options, self._runtime
        if options.http_url is None or options.heartbeat is None:
            return None
        requests = LeaseRequests(options.http_url, options.login, load_key, runtime)

        def warn(message: str) -> None:
            self._pass({"type": "warning", "message": message})

        backoff = self._new_backoff(schedule)
        return HttpHeartbeats(requests, options.heartbeat, options.connect_timeout, backoff, runtime, warn)

    # Calls of the agent.

    def start(self) -> None:
        if self._state == "idle":
            self._enter("connecting", "started")
            self._wake("start")

    def drain(self) -> None:
        """Reports by a heartbeat that the agent ends, and continues until `stop()`."""
        if self._state in ("idle", "draining") or is_final(self._state):
            return
        self._enter("draining", "drain")
        if heartbeat := self._connections.heartbeat:
            heartbeat.send_now(self._runtime.monotonic())
        self._wake("drain")

    def stop(self, cause: str) -> None:
        """Ends: closes what is open, and waits for the peer's answer for as long as `close_timeout`."""
        if self._stop_cause or is_final(self._state):
            return
        self._stop_cause = cause
        if self._state == "idle":
            self._enter("stopped", cause)
        reason = "superseded" if self._superseded else "drained" if cause == "drained" else "stopped"
        self._connections.close(reason, self._runtime.monotonic())
        self._wake("stop")

    def reconnect(self) -> None:
        """Makes the next attempt soon, and probes an open connection."""
        now = self._runtime.monotonic()
        self._retries.reconnect(now, self._options.windows["network"].base)
        if heartbeat := self._connections.heartbeat:
            heartbeat.probe(now, self._options.connect_timeout)
        self._wake("reconnect")

    def send(self, message: Message) -> None:
        primary = self._connections.primary
        if not (primary and primary.send(message)):
            self._emit({"type": "unsent", "id": message.get("id")})
        self._flush()

    def set_subscriptions(self, patterns: Sequence[str]) -> None:
        self._connections.want(patterns)
        if self._connections.primary:
            self._wake("subscriptions")

    async def activity_sent(self) -> None:
        """Heartbeats are sent from here."""

    def set_activity(self, activity: Message) -> None:
        self._stats.activity = activity

    def health(self) -> ManagerHealth:
        attempts = self._retries.backoff.attempts
        known = self._stats.health(self._state, self._connections.primary, self._options.heartbeat, attempts)
        return {**known, "http": self._http.health()} if self._http else known

    # The loop.

    def _wake(self, reason: str) -> None:
        _log.debug("%s: %s, woken by %s", self._options.login.get("sub"), self._state, reason)
        if self._state != "idle" and not is_final(self._state):
            self._reconcile()
        self._flush()

    def _reconcile(self) -> None:
        now = self._runtime.monotonic()
        self._connections.leaving.work(now)
        if self._stop_cause:
            if len(self._connections.leaving) == 0:
                self._enter_final(self._stop_cause)
        elif not self._superseded:
            self._notice_pause(now)
            self._give_up_silent(now)
            self._connect_when_due(now)
            self._rotate_when_due(now)
            for connection in self._connections:
                connection.send_heartbeat(now, self._stats.activity_now)
                connection.subscribe(now)
            if self._stable_at() <= now:
                self._retries.backoff.settled()
        due_at = min(self._deadlines(now), default=math.inf)
        if is_final(self._state) or due_at == math.inf:
            self._timer.clear()
        else:
            self._timer.set(due_at)

    def _notice_pause(self, now: float) -> None:
        """The process was stopped, the machine slept, or the event loop was blocked: the timer came late."""
        lateness = self._timer.lateness()
        if lateness is None:
            return
        if lateness.late >= 0:
            self._stats.lag = lateness.late
        primary, heartbeat = self._connections.primary, self._connections.heartbeat
        if primary is None or heartbeat is None:
            return
        pause = pause_of(lateness, heartbeat)
        if pause == "doubtful":
            heartbeat.probe(now, self._options.connect_timeout)
        elif pause:
            self._connections.drop_candidate()
            self._lose(primary, *pause)

    def _give_up_silent(self, now: float) -> None:
        timeout = self._options.connect_timeout
        candidate = self._connections.candidate
        if candidate and candidate.awaited_until(timeout) <= now:
            failure = Failure("network", f"no {candidate.awaited} within {timeout:g} s")
            self._lose(candidate, failure, "unresponsive")
        primary = self._connections.primary
        if primary and primary.heartbeat and primary.heartbeat.deadline <= now:
            failure = Failure("unresponsive", f"no ack within {primary.heartbeat.ack_timeout:g} s")
            self._lose(primary, failure, "unresponsive")

    def _connect_when_due(self, now: float) -> None:
        wanting = not any(self._connections) and not is_final(self._state)
        if wanting and self._retries.next_at <= now:
            self._open(now)

    def _rotate_when_due(self, now: float) -> None:
        primary = self._connections.primary
        if self._connections.may_rotate and primary and primary.rotate_at <= now:
            self._open(now)

    def _open(self, now: float) -> None:
        shortest, longest = self._options.rotate_after
        connection = ManagedConnection(
            self._on_opened,
            self._on_received,
            self._on_ended,
            now,
            now + shortest + self._runtime.random() * (longest - shortest),
            self._runtime.random,
            self._options.connect_timeout,
        )
        self._connections.add(connection)
        self._opener.open(connection, lambda: (old := self._connections.primary) is not None and old.is_open)

    # Events of connections.

    def _on_opened(self, connection: ManagedConnection) -> None:
        now = self._runtime.monotonic()
        terms = self._options.heartbeat
        connection.opened_at = now
        connection.heartbeat = Heartbeat(terms, self._runtime.random, now) if terms else None
        if self._connections.opened(connection):
            self._promoted(connection)
        self._wake("opened")

    def _on_received(self, connection: ManagedConnection, message: Message) -> None:
        kind = message["type"]
        if kind == "heartbeat_ack":
            if connection not in self._connections.leaving and not self._superseded:
                self._on_ack(connection, message)
        elif kind == "superseded":
            # Whatever was asked with this id is not going to be done.
            if isinstance(message.get("id"), str):
                self._emit({"type": "message", "message": message})
            self._on_superseded(connection)
            self._wake("superseded")
        elif kind == "error" and message.get("code") == "revoked":
            self._on_revoked(connection, message)
        elif connection.subscriptions.answered(message, self._runtime.monotonic()):
            if kind == "error":
                self._emit({"type": "message", "message": message})
            self._complete_rotation(connection)
            if connection is self._connections.primary and connection.is_ready:
                self._emit({"type": "ready"})
            self._wake("subscriptions")
        elif kind != "message" or self._connections.admits(connection, message):
            self._pass({"type": "message", "message": message})

    def _on_superseded(self, connection: ManagedConnection) -> None:
        """Lets what is being handled be answered on the present connection, as long as the server lets it."""
        if self._superseded or self._stop_cause:
            return
        self._superseded = True
        self._connections.supersede(connection)
        if self._state != "draining":
            self._enter("draining", "superseded")

    def _on_revoked(self, connection: ManagedConnection, message: Message) -> None:
        self._emit({"type": "message", "message": message})
        if connection in self._connections.leaving:
            self._flush()
            return
        self._connections.drop_candidate(but=connection)
        self._lose(connection, failure_of(Failed(Exception()), revoked=True), "revoked")
        self._wake("ended")

    def _on_ack(self, connection: ManagedConnection, ack: Message) -> None:
        round_trip = self._stats.acked(connection.heartbeat, ack)
        self._complete_rotation(connection)
        token = ack.get("fencingToken") or ack["serverTime"]
        self._emit({"type": "acked", "round_trip": round_trip, "fencing_token": token})
        self._wake("ack")

    def _on_ended(self, connection: ManagedConnection, end: End) -> None:
        if not self._connections.leaving.ended(connection):
            now = self._runtime.monotonic()
            age = 0.0 if connection.opened_at is None else now - connection.opened_at
            self._lose(connection, failure_of(end), "connection_lost", self._retries.hint_after(end, age))
        self._wake("ended")

    # Changes.

    def _complete_rotation(self, connection: ManagedConnection) -> None:
        if self._connections.complete_rotation(connection, self._runtime.monotonic()):
            self._retries.rotation_backoff.settled()
            self._emit({"type": "rotated"})

    def _promoted(self, connection: ManagedConnection) -> None:
        """It has become the one that counts, where there was none."""
        if self._state in ("connecting", "reconnecting"):
            self._enter("connected", "opened")
        if connection.is_ready:
            self._emit({"type": "ready"})

    def _lose(
        self,
        connection: ManagedConnection,
        failure: Failure,
        reason: str,
        hint: RetryHint = RetryHint(),  # noqa: B008
    ) -> None:
        """A connection, or an attempt at one, is over. Plans what comes next."""
        now = self._runtime.monotonic()
        if not self._connections.lose(connection):
            assert self._connections.primary
            self._connections.primary.rotate_at = self._retries.rotation_at(failure, hint, now)
            return
        self._stats.lost(failure)
        self._emit({"type": "broken"})
        if self._superseded:
            self._end("superseded", "superseded")
            return
        candidate = self._connections.candidate
        # A rotation was under way: its connection is the next one already.
        if candidate and candidate.is_open:
            self._connections.promote(candidate)
            self._promoted(candidate)
            return
        if not self._options.auto_reconnect:
            self._retries.fail(failure)
            self._end("stopped", "failed", failure)
            return
        if self._state == "connected":
            self._enter("reconnecting", reason, failure)
        if candidate is None:
            self._retries.plan(failure, hint, now)

    def _stable_at(self) -> float:
        primary = self._connections.primary
        return primary.stable_at(self._options.stable_after) if primary else math.inf

    def _end(self, state: AgentState, reason: str, failure: Failure | None = None) -> None:
        """Ends for good, without waiting for anything."""
        self._connections.cut_off()
        self._timer.clear()
        self._enter(state, reason, failure)

    def _enter_final(self, cause: str) -> None:
        if self._superseded:
            self._enter("superseded", "superseded")
        else:
            self._enter("stopped", cause)

    def _enter(self, state: AgentState, reason: str, failure: Failure | None = None) -> None:
        previous = self._state
        if state not in TRANSITIONS[previous]:
            raise AssertionError(f"expected a state that may follow {previous}, got {state}")
        self._state = state
        change = StateChange(state, previous, reason, self._runtime.now(), failure)
        self._emit({"type": "state", "change": change.to_json()})

    def _deadlines(self, now: float) -> Iterator[float]:
        primary, candidate = self._connections.primary, self._connections.candidate
        yield from self._connections.leaving.deadlines
        # Whoever drains has a time limit, and the server closes the connection in the end.
        if self._superseded:
            return
        for connection in self._connections:
            if connection.heartbeat:
                yield connection.heartbeat.next_at
            if connection.is_open:
                yield connection.subscriptions.next_at
        if candidate:
            yield candidate.awaited_until(self._options.connect_timeout)
        elif not primary and not self._stop_cause:
            yield self._retries.next_at
        if primary and primary.heartbeat:
            yield primary.heartbeat.deadline
            if self._connections.may_rotate:
                yield primary.rotate_at
            yield now + _PAUSE_CHECK
        if self._retries.backoff.attempts > 0:
            yield self._stable_at()

    def _pass(self, event: Message) -> None:
        """For what changes nothing in the connections themselves."""
        self._emit(event)
        self._flush()

    def _emit(self, event: Message) -> None:
        self._outbox.put(event)

    def _flush(self) -> None:
        for message in self._connections.release():
            self._emit({"type": "message", "message": message})
        self._outbox.flush()
