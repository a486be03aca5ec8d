"""Renews and releases a process's lease over HTTP: one login token a request, each made later than the one before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Union

from ..protocol import Message
from .http import HttpAnswer, HttpRequest, http_audience_of
from .keys import SigningKey
from .runtime import Runtime
from .stats import ServerClock

Done = Callable[[Union[HttpAnswer, BaseException]], None]
"""Is called once: with the answer, or with what was in the way."""
LoadKey = Callable[[Callable[[Union[SigningKey, BaseException]], None]], None]
"""Reads the key as it is now, and hands it, or what was in the way, to a callback."""


class LeaseRequests:
    """Not to be asked again before the last request is done: the later of two tokens may be the first to arrive."""

    def __init__(self, http_url: str, login: Message, load_key: LoadKey, runtime: Runtime) -> None:
        self._url = http_url
        self._login = {**login, "aud": http_audience_of(http_url)}
        self.load_key = load_key
        self.runtime = runtime
        self.clock = ServerClock(lambda: self.runtime.now())
        self._last_issued_at = 0.0
        """The time of the newest token that may have been accepted."""

    def renew(self, activity: Message | None, timeout: float, done: Done) -> None:
        sent_at = self.runtime.monotonic()

        def take(answer: HttpAnswer | BaseException) -> None:
            ack = ack_in(answer)
            if ack:
                self.clock.learn_from_ack(ack["serverTime"], self.runtime.monotonic() - sent_at)
            done(answer)

        self._request("POST", "/heartbeat", {} if activity is None else {"activity": activity}, timeout, take)

    def leave(self, reason: str, timeout: float, done: Done) -> None:
        query = "?reason=drained" if reason == "drained" else ""
        self._request("DELETE", f"/heartbeat{query}", None, timeout, done)

    def _request(self, method: str, path: str, body: Message | None, timeout: float, done: Done) -> None:
        def take(answer: HttpAnswer | BaseException) -> None:
            refused = isinstance(answer, HttpAnswer) and answer.status in (401, 403)
            # A token with a wrong time is refused like any other; the next one carries the server's time.
            if refused and isinstance(answer, HttpAnswer) and self.clock.learn_from_date(answer.date):
                self._attempt(method, path, body, timeout, done)
            else:
                done(answer)

        self._attempt(method, path, body, timeout, take)

    def _attempt(self, method: str, path: str, body: Message | None, timeout: float, done: Done) -> None:
        def proceed(key: SigningKey | BaseException) -> None:
            if isinstance(key, BaseException):
                done(key)
                return
            # A clock that was set back by the server's must not bring a token that is older than the last.
            issued_at = max(round(self.clock.now(), 3), round(self._last_issued_at + 0.001, 3))

            def take(answer: HttpAnswer | BaseException) -> None:
                if isinstance(answer, BaseException) or answer.status < 400:
                    self._last_issued_at = issued_at
                done(answer)

            try:
                token = key.token(self._login, issued_at, False, issued_at)
                self.runtime.request(HttpRequest(method, self._url + path, token, body, timeout), take)
            except Exception as error:
                done(error)

        self.load_key(proceed)


def ack_in(answer: HttpAnswer | BaseException) -> Message | None:
    """The ack of an accepted heartbeat; None for any other answer, such as a proxy's page."""
    if isinstance(answer, BaseException) or answer.status != 200:
        return None
    body = answer.body
    times = (body.get("serverTime"), body.get("leaseExpiresAt"))
    numbers = all(isinstance(time, (int, float)) and not isinstance(time, bool) for time in times)
    return body if body.get("type") == "heartbeat_ack" and numbers else None
