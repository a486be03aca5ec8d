"""Heartbeats without a WebSocket, for scripts and functions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from .connection.asyncio_runtime import AsyncioRuntime
from .connection.ends import Refused, failure_of
from .connection.enrolment import key_loader
from .connection.http import HttpAnswer, checked_http_url, given_http_url
from .connection.keys import KeySource
from .connection.lease_requests import Done, LeaseRequests, ack_in
from .errors import AgentHeartbeatError, ConfigurationError, ConnectionError, LoginRefusedError
from .options import DuplicatePolicy, checked_proxy, lease_terms, login_claims, within
from .protocol import Message


class HttpHeartbeatClient:
    """Shows that an agent lives, by one request for each heartbeat. There is nothing to open or to close.

    The agent is online until its lease ends (`heartbeat_interval` x `heartbeat_timeout_multiplier` after the last
    heartbeat) or it leaves. It gets no messages. An object of this class is one process of the agent: of two, the
    newer takes over.
    """

    def __init__(
        self,
        agent_id: str,
        organization_id: str,
        http_url: str | None = None,
        *,
        private_key: KeySource | None = None,
        private_key_path: str | Path | None = None,
        enrolment_token: str | None = None,
        heartbeat_interval: float = 30,
        heartbeat_timeout_multiplier: float = 3.0,
        on_duplicate: DuplicatePolicy = "replace",
        request_timeout: float = 15,
        proxy: str | bool | None = True,
    ) -> None:
        """The options are those of `HeartbeatAgent`. Raises ConfigurationError if one is out of its limits.

        `http_url`: the output `HttpUrl` of the deployment. Default: the environment variable
        `AGENT_HEARTBEAT_HTTP_URL`. `request_timeout`: how long a request may take, 1 to 60 seconds.
        """
        interval, multiplier = lease_terms(heartbeat_interval, heartbeat_timeout_multiplier)
        self._login = login_claims(agent_id, organization_id, interval, multiplier, on_duplicate)
        self._url = checked_http_url(given_http_url(http_url), "HttpHeartbeatClient")
        self._timeout = within("request_timeout", request_timeout, 1, 60)
        self._proxy = checked_proxy(proxy)
        self.agent_id = agent_id
        self.organization_id = organization_id
        self.instance_id: str = self._login["instance_id"]
        """Identifies this process among all processes of the agent."""
        self._keys = key_loader(
            private_key=private_key,
            path=private_key_path,
            token=enrolment_token,
            http_url=self._url,
            agent_id=agent_id,
            organization_id=organization_id,
            proxy=self._proxy,
            warn=self._warned,
        )
        self._warning = ""
        """A key is used although it could not be registered again. A script need not know, unless it is refused."""
        self._requests: LeaseRequests | None = None
        self._turn = asyncio.Lock()
        """Of two requests at once, the later token could be the first to arrive."""

    async def send_heartbeat(self, activity: Mapping[str, Any] | None = None) -> Message:
        """Renews the lease: the agent is online from now on, until `leaseExpiresAt` of what this returns.

        Calls are sent one after the other. `activity`, such as `{"state": "working"}`, is what readers see it do.

        Raises:
            LoginRefusedError: if the service refuses: `status` is 403 for a token that is not accepted, 409 if
                another process holds the agent, 429 or 503 if it is to be tried again.
            ConnectionError: if there is no answer.
            EnrolmentRefusedError: if there is no key to log in with, because the enrolment does not register it.
            KeyError: if the private key is of no use.
        """
        said = None if activity is None else dict(activity)
        answer = await self._in_turn(lambda requests, done: requests.renew(said, self._timeout, done))
        ack = ack_in(answer)
        if ack is None:
            raise self._refused(answer)
        return ack

    async def leave(self, reason: Literal["client_closed", "drained"] = "client_closed") -> None:
        """Takes the agent offline at once, for a reason that readers see. Raises as `send_heartbeat` does."""
        if reason not in ("client_closed", "drained"):
            raise ConfigurationError(f'reason: expected "client_closed" or "drained", got {reason!r}')
        answer = await self._in_turn(lambda requests, done: requests.leave(reason, self._timeout, done))
        if answer.status != 204:
            raise self._refused(answer)

    async def _in_turn(self, send: Callable[[LeaseRequests, Done], None]) -> HttpAnswer:
        async with self._turn:
            self._warning = ""
            answer = await self._send(send)
            # An ephemeral registration may have vanished since the last heartbeat: the key registers itself again.
            return await self._send(send) if answer.status == 403 and self._keys.refused() else answer

    async def _send(self, send: Callable[[LeaseRequests, Done], None]) -> HttpAnswer:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[HttpAnswer | BaseException] = loop.create_future()

        def take(answer: HttpAnswer | BaseException) -> None:
            if not done.done():
                done.set_result(answer)

        # Each call may be of another event loop.
        runtime = AsyncioRuntime(proxy=self._proxy)
        if self._requests is None:
            self._requests = LeaseRequests(self._url, self._login, self._keys.hand_to, runtime)
        self._requests.runtime = runtime
        late = loop.call_later(self._timeout, take, TimeoutError(f"no answer within {self._timeout:g} s"))
        try:
            send(self._requests, take)
            answer = await done
        finally:
            late.cancel()
        if isinstance(answer, AgentHeartbeatError):
            raise answer
        if isinstance(answer, BaseException):
            why = str(answer) or type(answer).__name__
            raise ConnectionError(f"{self.agent_id}: expected an answer, got: {why}") from answer
        return answer

    def _warned(self, warning: str) -> None:
        self._warning = warning

    def _refused(self, answer: HttpAnswer) -> LoginRefusedError:
        failure = failure_of(Refused(answer.status, answer.retry_after, answer.date))
        message = answer.body.get("message")
        why = f" ({message})" if isinstance(message, str) else ""
        why += f"; {self._warning}" if self._warning else ""
        return LoginRefusedError(
            f"{self.agent_id}: expected an accepted heartbeat, got: {failure.message}{why}", answer.status
        )
