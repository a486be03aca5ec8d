"""Sends messages, those of one subject one after the other, and matches replies to what was asked."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable

from ..errors import (
    AgentHeartbeatError,
    ConfigurationError,
    MessageError,
    RequestRefusedError,
    RequestTimeoutError,
)
from ..protocol import ACTIVITY_TEXT_LENGTH, ID_PATTERN, MESSAGE_BYTES, Message
from ..subject import check_subject
from ..wire import encode, encode_data, parse
from .profile import is_capability

_MOST_WAITING = 10_000
"""Messages that wait for an earlier one of their subject; a caller who does not wait for any ends here."""


class Pending:
    """Futures that wait for something that has a name."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Message]] = {}

    async def wait(self, name: str, timeout: float, late: str, begin: Callable[[], object]) -> Message:
        """Raises RequestTimeoutError, with the text `late`, after `timeout` seconds."""
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[name] = future
        try:
            begin()
            return await asyncio.wait_for(future, timeout)
        except asyncio.TimeoutError:
            raise RequestTimeoutError(late) from None
        finally:
            self._waiting.pop(name, None)

    def settle(self, name: object, message: Message) -> bool:
        """Returns whether somebody waited for this name."""
        future = self._waiting.pop(name, None) if isinstance(name, str) else None
        if future is None:
            return False
        if not future.done():
            future.set_result(message)
        return True

    def fail(self, error: AgentHeartbeatError, name: object = None) -> None:
        """Fails what waits for a name, or all that waits."""
        for each in list(self._waiting) if name is None else [name]:
            future = self._waiting.pop(each, None) if isinstance(each, str) else None
            if future is not None and not future.done():
                future.set_exception(error)


class Requests:
    """Matches replies to requests by their `id`."""

    def __init__(self) -> None:
        self._pending = Pending()
        self._count = 0

    async def request(self, message: Message, timeout: float, send: Callable[[Message], None]) -> Message:
        """Sends a message with a fresh `id` and waits for its reply."""
        self._count += 1
        request_id = str(self._count)
        late = f'expected a reply to "{message["type"]}" within {timeout:g} s, got none'
        reply = await self._pending.wait(request_id, timeout, late, lambda: send({**message, "id": request_id}))
        if reply["type"] == "error":
            raise RequestRefusedError(str(reply.get("code")), str(reply.get("message")))
        if reply["type"] == "superseded":
            raise RequestRefusedError("superseded", "another process with the same agent id has taken over")
        return reply

    def settle(self, message: Message) -> bool:
        """Returns whether the message was a reply that is waited for."""
        return self._pending.settle(message.get("id"), message)

    def fail(self, error: AgentHeartbeatError, request_id: object = None) -> None:
        """Fails one request, or all of them: no reply can come any more."""
        self._pending.fail(error, request_id)


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
