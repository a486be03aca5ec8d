"""A client's connection as the fake service sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

from .. import base64url
from ..protocol import Message

Frame = Union[str, bytes]


@dataclass(frozen=True)
class Login:
    """What a client offered in its handshake. `header` and `claims` are empty if they can't be read."""

    token: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @classmethod
    def of(cls, token: str) -> Login:
        header, claims = (*token.split("."), "", "")[:2]
        return cls(token, _decoded(header), _decoded(claims))


def _decoded(part: str) -> dict[str, Any]:
    try:
        value = json.loads(base64url.decoded(part))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Refusal:
    """What answers a handshake in place of a connection.

    401 and 403 refuse the login, 409 a duplicate, 429 and 503 ask to come again later.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


class FakeConnection:
    """One connection of a client, and all that came on it."""

    def __init__(
        self,
        connection_id: str,
        login: Login,
        send: Callable[[Frame], None],
        close: Callable[[int, str], None],
    ) -> None:
        self.connection_id = connection_id
        self.login = login
        self.messages: list[Message] = []
        """Every message of the client, in order."""
        self.subscriptions: set[str] = set()
        """The patterns that the client is subscribed to, each followed by a space and its group where it has one."""
        self.closed: tuple[int, str] | None = None
        """Close code and reason; None while it is open. 1006 stands for a connection that broke."""
        self.superseded = False
        """Whether a newer process of the agent has taken over."""
        self._send = send
        self._close = close
        self._ended = asyncio.Event()

    @property
    def agent_id(self) -> str:
        return str(self.login.claims.get("sub", ""))

    @property
    def instance_id(self) -> str:
        return str(self.login.claims.get("instance_id", ""))

    def send(self, message: Mapping[str, Any] | Frame | None = None, /, **fields: Any) -> None:
        """Sends the client a message, or the one of these fields; text and bytes go out as they are."""
        if self.closed is None:
            self._send(message if isinstance(message, (str, bytes)) else json.dumps({**(message or {}), **fields}))

    def close(self, code: int = 1006, reason: str = "") -> None:
        """Ends the connection; 1006 breaks it."""
        if self.closed is None:
            self._close(code, reason)

    def of_type(self, *kinds: str) -> list[Message]:
        """What the client sent of these types."""
        return [each for each in self.messages if each["type"] in kinds]

    async def ended(self) -> tuple[int, str]:
        """Close code and reason, once the connection has ended."""
        await self._ended.wait()
        assert self.closed
        return self.closed

    def has_ended(self, code: int, reason: str) -> None:
        self.closed = self.closed or (code, reason)
        self._ended.set()
