"""WebSockets whose heartbeats go over HTTP.

The connection manager sends heartbeats and receives acks as usual; each socket sends scheduled heartbeats over HTTP,
and passes on the ack as if it had come on the WebSocket.

The WebSocket itself carries a connection's first heartbeat, those outside the schedule (when the agent
begins to drain, and after a pause, to test the connection), those that fail over HTTP, and one every few minutes, which
keeps API Gateway from ending the idle connection and shows that it still works.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..protocol import QUIET_WEBSOCKET_SECONDS, Message
from ..wire import encode
from .backoff import Backoff
from .ends import Failed, Refused, enrolment_refusal_in, failure_of, retry_after_seconds
from .health import HttpFailure, HttpHealth
from .heartbeat import HeartbeatTerms
from .http import HttpAnswer
from .lease_requests import LeaseRequests, ack_in
from .runtime import Listener, Runtime, Socket, Timer
from .state import Failure

_LEAST, _MOST = 0.9, 1.5
"""How far the time between two heartbeats may be from the interval of those that are sent on schedule."""
_HEARTBEAT = '{"type":"heartbeat'
"""What every heartbeat's frame begins with. Its type is its first field."""


class HttpHeartbeats:
    def __init__(
        self,
        requests: LeaseRequests,
        terms: HeartbeatTerms,
        connect_timeout: float,
        backoff: Backoff,
        runtime: Runtime,
        warn: Callable[[str], None],
    ) -> None:
        """`warn` is called with the first failure after an ack."""
        self._requests = requests
        self.terms = terms
        self._connect_timeout = connect_timeout
        self._backoff = backoff
        self.runtime = runtime
        self._warn = warn
        self._busy = False
        self._next_attempt_at = 0.0
        self._last_ack: float | None = None
        self._last_failure: HttpFailure | None = None

    def open_socket(self, url: str, token: str, listener: Listener) -> Socket:
        """What the runtime's does, with heartbeats that take the other way."""
        return _HeartbeatSocket(self, lambda events: self.runtime.open_socket(url, token, events), listener)

    def health(self) -> HttpHealth:
        failed = self._backoff.attempts
        return HttpHealth(
            healthy=failed == 0,
            last_heartbeat_ack=self._last_ack,
            failed_attempts=failed,
            last_failure=self._last_failure,
        )

    @property
    def is_ready(self) -> bool:
        """Whether a heartbeat can be sent now.

        They go one after the other, and not while the endpoint is to be left alone.
        """
        return not self._busy and self._next_attempt_at <= self.runtime.monotonic()

    def send(
        self, activity: Message | None, is_wanted: Callable[[], bool], done: Callable[[Message | None], None]
    ) -> None:
        """`done` gets the ack; None if the heartbeat was not accepted, or had no answer in time."""
        self._busy = True
        over = False

        def take(answer: HttpAnswer | BaseException) -> None:
            nonlocal over
            if over:
                return
            over = True
            self._busy = False
            timer.cancel()
            ack = ack_in(answer)
            if ack is not None:
                self._backoff.settled()
                self._last_ack = self.runtime.now()
            elif is_wanted():
                self._failed(answer)
            done(ack)

        # Short enough for the heartbeat to reach the server over the WebSocket while the lease runs.
        spare = self.terms.interval * (self.terms.timeout_multiplier - 1)
        timeout = min(self._connect_timeout, spare / 2)
        late = TimeoutError(f"no answer within {timeout:g} s")
        timer = self.runtime.call_later(timeout, lambda: take(late))
        self._requests.renew(activity, timeout, take)

    def _failed(self, answer: HttpAnswer | BaseException) -> None:
        failure, delay = _failure_in(answer), 0.0
        if isinstance(answer, HttpAnswer):
            delay = retry_after_seconds(_refused(answer), self._requests.clock.now())
        elif refusal := enrolment_refusal_in(Failed(answer)):
            delay = refusal.retry_after
        self._next_attempt_at = self.runtime.monotonic() + self._backoff.next(failure.kind, delay)
        self._last_failure = HttpFailure(status=failure.status, reason=failure.message, at=self.runtime.now())
        if self._backoff.attempts == 1:
            self._warn(
                f"a heartbeat over HTTP failed: {failure.message}; they go over the WebSocket until HTTP works again"
            )


def _refused(answer: HttpAnswer) -> Refused:
    return Refused(answer.status, answer.retry_after, answer.date)


def _failure_in(answer: HttpAnswer | BaseException) -> Failure:
    if isinstance(answer, BaseException):
        return failure_of(Failed(answer))
    failure = failure_of(_refused(answer))
    message = answer.body.get("message")
    if not isinstance(message, str):
        return failure
    return Failure(failure.kind, f"{failure.message}: {message}", status=failure.status)


class _HeartbeatSocket:
    """Towards the manager a socket, and towards the runtime's socket a listener."""

    def __init__(self, http: HttpHeartbeats, open_socket: Callable[[Listener], Socket], listener: Listener) -> None:
        self._http = http
        self._runtime = http.runtime
        self._listener = listener
        self._over = False
        self._last_at: float | None = None
        """When the last heartbeat was sent, by the clock that runs on in sleep; None before the first."""
        self._carried_at = 0.0
        """Monotonic: when the WebSocket carried the last one."""
        self._interval: float | None = None
        """By the server's last ack."""
        self._reconnect_window: Any = None
        """Known only from acks on the WebSocket, for as long as that is open."""
        self._silence: Timer | None = None
        """Runs while a heartbeat on the WebSocket has no answer."""
        self._socket = open_socket(self)

    # Events of the WebSocket.

    def opened(self) -> None:
        self._listener.opened()

    def received(self, text: str | None) -> None:
        self._clear_silence()
        if text and '"heartbeat_ack"' in text:
            self._note_ack(text)
        self._listener.received(text)

    def ended(self, end: Any) -> None:
        self._end()
        self._listener.ended(end)

    # What the manager does.

    @property
    def buffered(self) -> int:
        return self._socket.buffered

    def send(self, text: str) -> None:
        if not text.startswith(_HEARTBEAT):
            self._socket.send(text)
            return
        by_http = self._is_on_schedule() and not self._is_quiet() and self._http.is_ready
        self._last_at = self._clock()
        if by_http:
            self._send_by_http(text)
        else:
            self._carry(text)

    def close(self, code: int, reason: str) -> None:
        self._end()
        self._socket.close(code, reason)

    def terminate(self) -> None:
        self._end()
        self._socket.terminate()

    # Heartbeats.

    def _clock(self) -> float:
        boottime = self._runtime.boottime()
        return self._runtime.now() if boottime is None else boottime

    @property
    def _expected(self) -> float:
        return self._http.terms.interval if self._interval is None else self._interval

    def _is_on_schedule(self) -> bool:
        """What comes after a pause is to show whether the WebSocket has survived it."""
        if self._last_at is None:
            return False
        return _LEAST <= (self._clock() - self._last_at) / self._expected <= _MOST

    def _is_quiet(self) -> bool:
        """Whether the WebSocket would carry nothing for too long if this heartbeat went another way."""
        return self._runtime.monotonic() + self._expected > self._carried_at + QUIET_WEBSOCKET_SECONDS

    def _send_by_http(self, text: str) -> None:
        def done(ack: Message | None) -> None:
            if self._over:
                return
            if ack is None:
                self._carry(text)
                return
            self._follow_interval(ack.get("heartbeatInterval"))
            window = {} if self._reconnect_window is None else {"reconnectWindowMs": self._reconnect_window}
            self._listener.received(encode({**ack, **window}))

        self._http.send(json.loads(text).get("activity"), lambda: not self._over, done)

    def _carry(self, text: str) -> None:
        """Always with an ack: silence would otherwise show nothing."""
        self._carried_at = self._runtime.monotonic()
        self._socket.send(text.replace('"heartbeat_quiet"', '"heartbeat"', 1))
        if self._silence is None:
            # As long as the manager waits, for which the acks of HTTP are as good as others.
            longest = self._http.terms.interval * self._http.terms.timeout_multiplier
            self._silence = self._runtime.call_later(longest, lambda: self._silent(longest))

    def _silent(self, longest: float) -> None:
        self._silence = None
        if not self._over:
            self.terminate()
            self._listener.ended(Failed(TimeoutError(f"no answer on the WebSocket within {longest:g} s")))

    def _note_ack(self, text: str) -> None:
        try:
            ack = json.loads(text)
        except ValueError:
            return  # The listener sees what is wrong with it.
        if isinstance(ack, dict) and ack.get("type") == "heartbeat_ack":
            self._follow_interval(ack.get("heartbeatInterval"))
            self._reconnect_window = ack.get("reconnectWindowMs")

    def _follow_interval(self, seconds: Any) -> None:
        is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds > 0
        self._interval = float(seconds) if is_number else None

    def _end(self) -> None:
        self._over = True
        self._clear_silence()

    def _clear_silence(self) -> None:
        if self._silence:
            self._silence.cancel()
        self._silence = None
