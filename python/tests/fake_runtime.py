"""Time that only moves when it is told to, and sockets that do what a test says."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable
from typing import Any

from agent_heartbeat.connection.ends import Closed, Failed, Refused
from agent_heartbeat.connection.http import HttpAnswer, HttpRequest


class _Timer:
    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self.at, self.callback, self.cancelled = at, callback, False

    def cancel(self) -> None:
        self.cancelled = True


class FakeSocket:
    """The server's end of a connection too: what it sends, and how it ends."""

    def __init__(self, runtime: FakeRuntime, url: str, token: str, listener: Any) -> None:
        self.runtime, self.url, self.token, self.listener = runtime, url, token, listener
        self.sent: list[dict[str, Any]] = []
        self.closed_with: tuple[int, str] | None = None
        self.terminated = False
        self.buffered = 0
        self.acks = True
        self.answers_close = True

    def send(self, text: str) -> None:
        message = json.loads(text)
        self.sent.append(message)
        if not self.acks:
            return
        if message["type"] == "heartbeat":
            now = round(self.runtime.server_now() * 1000)
            self.tell({"type": "heartbeat_ack", "serverTime": now, "leaseExpiresAt": now + 90_000})
        elif message["type"] in ("subscribe", "unsubscribe"):
            self.tell({"type": message["type"] + "d", "subject": message["subject"], "id": message["id"]})

    def close(self, code: int, reason: str) -> None:
        self.closed_with = (code, reason)
        if self.answers_close:
            self.runtime.soon(lambda: self.listener.ended(Closed(code, reason)))

    def terminate(self) -> None:
        self.terminated = True

    def open(self) -> None:
        self.listener.opened()

    def tell(self, message: Any) -> None:
        text = message if isinstance(message, str) or message is None else json.dumps(message)
        self.runtime.soon(lambda: self.terminated or self.listener.received(text))

    def end(self, code: int = 1006, reason: str = "") -> None:
        if not self.terminated:
            self.listener.ended(Closed(code, reason))

    def refuse(self, status: int, retry_after: str | None = None, date: str | None = None) -> None:
        self.listener.ended(Refused(status, retry_after, date))

    def fail(self) -> None:
        self.listener.ended(Failed(OSError("no route to host")))

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.sent]


class FakeRuntime:
    def __init__(self, random: Callable[[], float] = lambda: 0.5) -> None:
        self.time = 1000.0
        self.wall = 1_700_000_000.0
        self.asleep = 0.0
        self.has_boottime = True
        self.server_ahead = 0.0
        self.lag: float | None = None
        self.sockets: list[FakeSocket] = []
        self.opens_at_once = True
        self.requests: list[HttpRequest] = []
        self.answer: Callable[[HttpRequest], HttpAnswer | BaseException | None] = self.acknowledge
        self.random = random
        self._timers: list[tuple[float, int, _Timer]] = []
        self._count = itertools.count()

    def now(self) -> float:
        return self.wall

    def server_now(self) -> float:
        return self.wall + self.server_ahead

    def monotonic(self) -> float:
        return self.time

    def boottime(self) -> float | None:
        return self.time + self.asleep if self.has_boottime else None

    def observed_lag(self) -> float | None:
        return self.lag

    def call_later(self, delay: float, callback: Callable[[], None]) -> _Timer:
        timer = _Timer(self.time + delay, callback)
        heapq.heappush(self._timers, (timer.at, next(self._count), timer))
        return timer

    def soon(self, callback: Callable[[], Any]) -> None:
        self.call_later(0, callback)

    def open_socket(self, url: str, token: str, listener: Any) -> FakeSocket:
        socket = FakeSocket(self, url, token, listener)
        self.sockets.append(socket)
        if self.opens_at_once:
            self.soon(lambda: socket.terminated or socket.open())
        return socket

    def request(self, request: HttpRequest, done: Callable[[HttpAnswer | BaseException], None]) -> None:
        """Answered at once, as `answer` says; None leaves it without an answer."""
        self.requests.append(request)
        answer = self.answer(request)
        if answer is not None:
            given = answer
            self.soon(lambda: done(given))

    def acknowledge(self, _: HttpRequest) -> HttpAnswer | BaseException | None:
        now = round(self.server_now() * 1000)
        return HttpAnswer(200, {"type": "heartbeat_ack", "serverTime": now, "leaseExpiresAt": now + 90_000})

    def advance(self, seconds: float) -> None:
        """Lets time pass, and everything happen that is due in it."""
        end = self.time + seconds
        while self._timers and self._timers[0][0] <= end:
            at, _, timer = heapq.heappop(self._timers)
            self.wall += max(0.0, at - self.time)
            self.time = max(self.time, at)
            if not timer.cancelled:
                timer.callback()
        self.wall += end - self.time
        self.time = end

    def sleep(self, seconds: float) -> None:
        """The machine sleeps: only the wall clock and the boot clock go on."""
        self.wall += seconds
        self.asleep += seconds

    def block(self, seconds: float) -> None:
        """The event loop is blocked: all clocks go on, no timer fires."""
        self.wall += seconds
        self.time += seconds

    @property
    def socket(self) -> FakeSocket:
        return self.sockets[-1]
