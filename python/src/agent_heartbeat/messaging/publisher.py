"""Sends messages: those of one subject one after the other, so that they arrive in order."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable

from ..errors import ConfigurationError, MessageError, RequestTimeoutError
from ..protocol import ACTIVITY_TEXT_LENGTH, ID_PATTERN, MESSAGE_BYTES, Message
from ..subject import check_subject
from ..wire import encode, encode_data, parse
from .profile import is_capability

_MOST_WAITING = 10_000
"""Messages that wait for an earlier one of their subject; a caller who does not wait for any ends here."""


Ask = Callable[[Message, float], Awaitable[Message]]
"""Sends a message and waits for its reply, for so many seconds."""


class Publisher:
    def __init__(self, agent_id: str, ask: Ask) -> None:
        self._agent_id = agent_id
        self._ask = ask
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def publish(self, message: Message, timeout: float) -> int:
        """Returns how many processes it reached. What has not been sent after `timeout` seconds never is."""
        subject = message["subject"]
        check_subject(subject)
        _check_receiver(message.get("to"), message.get("capability"))
        text = self._pack(message)
        deadline = time.monotonic() + timeout
        lock, waiting = self._locks.get(subject, (asyncio.Lock(), 0))
        if waiting >= _MOST_WAITING:
            raise MessageError(f"{subject}: expected at most {_MOST_WAITING} messages that wait, got more")
        self._locks[subject] = (lock, waiting + 1)
        late = f"{subject}: expected a reply within {timeout:g} s, got none"
        try:
            try:
                await asyncio.wait_for(lock.acquire(), timeout)
            except asyncio.TimeoutError:
                raise RequestTimeoutError(f"{late}; the message was not sent") from None
            try:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise RequestTimeoutError(f"{late}; the message was not sent")
                reply = await self._ask(parse(text), left)
            finally:
                lock.release()
        finally:
            _, waiting = self._locks[subject]
            if waiting <= 1:
                del self._locks[subject]
            else:
                self._locks[subject] = (lock, waiting - 1)
        reached = reply.get("reached")
        return reached if isinstance(reached, int) else 0

    def _pack(self, message: Message) -> str:
        """The message as it is now: it may wait, and its data be changed meanwhile."""
        subject = message["subject"]
        data = encode_data(message.get("data"), subject)
        envelope = {**message, "type": "publish", "data": None}
        overhead = {**envelope, "messageId": str(uuid.UUID(int=0)), "from": self._agent_id}
        size = len(data.encode()) + len(encode(overhead).encode())
        if size > MESSAGE_BYTES:
            expected = f"expected a message of at most {MESSAGE_BYTES} bytes with its envelope"
            raise MessageError(f"{subject}: {expected}, got {size}")
        del envelope["data"]
        return f'{encode(envelope)[:-1]},"data":{data}}}'


def _check_receiver(to: object, capability: object) -> None:
    if to is not None and not (isinstance(to, str) and ID_PATTERN.fullmatch(to)):
        raise ConfigurationError(f"option to: expected an agent id, got {to!r}")
    if capability is None:
        return
    if to is not None:
        raise ConfigurationError(f"option capability: expected none beside an agent in `to`, got {capability!r}")
    if not is_capability(capability):
        expected = f"a text of 1 to {ACTIVITY_TEXT_LENGTH} characters"
        raise ConfigurationError(f"option capability: expected {expected}, got {capability!r}")
