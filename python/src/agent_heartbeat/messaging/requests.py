"""Matches replies to requests by their `id`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..errors import AgentHeartbeatError, RequestRefusedError, RequestTimeoutError
from ..protocol import Message


class Requests:
    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._count = 0

    async def request(self, message: Message, timeout: float, send: Callable[[Message], None]) -> Message:
        """Sends a message with a fresh `id` and waits for its reply.

        Raises RequestRefusedError if the reply is an `error`, RequestTimeoutError if none comes in `timeout` seconds.
        """
        self._count += 1
        request_id = str(self._count)
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = future
        try:
            send({**message, "id": request_id})
            reply = await asyncio.wait_for(future, timeout)
        except asyncio.TimeoutError:
            late = f'expected a reply to "{message["type"]}" within {timeout:g} s, got none'
            raise RequestTimeoutError(late) from None
        finally:
            self._waiting.pop(request_id, None)
        if reply["type"] == "error":
            raise RequestRefusedError(str(reply.get("code")), str(reply.get("message")))
        if reply["type"] == "superseded":
            raise RequestRefusedError("superseded", "another process with the same agent id has taken over")
        return reply

    def settle(self, message: Message) -> bool:
        """Returns whether the message was a reply that is waited for."""
        future = self._take(message.get("id"))
        if future is None:
            return False
        if not future.done():
            future.set_result(message)
        return True

    def fail(self, error: AgentHeartbeatError, request_id: object = None) -> None:
        """Fails one request, or all of them: no reply can come any more."""
        for each in list(self._waiting) if request_id is None else [request_id]:
            future = self._take(each)
            if future is not None and not future.done():
                future.set_exception(error)

    def _take(self, request_id: object) -> asyncio.Future[Message] | None:
        return self._waiting.pop(request_id, None) if isinstance(request_id, str) else None
