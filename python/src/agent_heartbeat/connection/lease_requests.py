"""Renews and releases a process's lease over HTTP: one login token a request, each made later than the one before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Union

from ..protocol import Message
from .http import HttpAnswer, HttpRequest, http_audience_of
from .keys import SigningKey
from .manager_port import LoadKey
from .runtime import Runtime
from .stats import ServerClock

Done = Callable[[Union[HttpAnswer, BaseException]], None]
"""Is called once: with the answer, or with what was in the way."""


class LeaseRequests:
    """Not to be asked again before the last request is done: the later of two tokens may be the first to arrive."""

    def __init__(self, http_url: str, login: Message, load_key: LoadKey, runtime: Runtime) -> None:
        self._url = http_url
        self._login = {**login, "aud": http_audience_of(http_url)}
        self.load_key = load_key
        self.runtime = runtime
        self.clock = ServerClock(lambda: self.runtime.now())
        self._key: SigningKey | None = None
        """The last one that was loaded; none after a refusal. Loading may cost something, for which heartbeats come too
        often."""
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
        was_known = self._key is not None

        def take(answer: HttpAnswer | BaseException) -> None:
            if not isinstance(answer, HttpAnswer) or answer.status not in (401, 403):
                done(answer)
                return
            # A token with a wrong time, or of a key that was replaced, is refused like any other.
            self._key = None
            learnt = self.clock.learn_from_date(answer.date)
            if learnt or was_known:
                self._attempt(method, path, body, timeout, done)
            else:
                done(answer)

        self._attempt(method, path, body, timeout, take)

    def _attempt(self, method: str, path: str, body: Message | None, timeout: float, done: Done) -> None:
        def proceed(key: SigningKey | BaseException) -> None:
            if isinstance(key, BaseException):
                done(key)
                return
            self._key = key
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

        if self._key is None:
            self.load_key(proceed)
        else:
            proceed(self._key)


def ack_in(answer: HttpAnswer | BaseException) -> Message | None:
    """The ack of an accepted heartbeat; None for any other answer, such as a proxy's page."""
    if isinstance(answer, BaseException) or answer.status != 200:
        return None
    body = answer.body
    times = (body.get("serverTime"), body.get("leaseExpiresAt"))
    numbers = all(isinstance(time, (int, float)) and not isinstance(time, bool) for time in times)
    return body if body.get("type") == "heartbeat_ack" and numbers else None
