"""Clocks, timers and WebSockets of an asyncio event loop."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from ..protocol import FRAME_BYTES, MESSAGE_BYTES, SUBPROTOCOL
from ..tasks import Tasks
from .ends import Closed, Failed, Refused
from .http import HttpAnswer, HttpRequest, send_request
from .runtime import Listener

_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class AsyncioRuntime:
    """Made and used on the loop's own thread. `proxy`: a URL, None for none, True for the environment's."""

    def __init__(
        self,
        observed_lag: Callable[[], float] | None = None,
        proxy: str | bool | None = True,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._observed_lag = observed_lag
        self._proxy = proxy
        self._random = random.SystemRandom()

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def boottime(self) -> float | None:
        return None if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)

    def random(self) -> float:
        return self._random.random()

    def call_later(self, delay: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_later(delay, callback)

    def observed_lag(self) -> float | None:
        return self._observed_lag() if self._observed_lag else None

    def request(self, request: HttpRequest, done: Callable[[HttpAnswer | BaseException], None]) -> None:
        def work() -> None:
            answer: HttpAnswer | BaseException
            try:
                answer = send_request(request, self._proxy)
            except Exception as error:
                answer = error
            with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits any more.
                self._loop.call_soon_threadsafe(done, answer)

        # Not the loop's executor, whose threads handlers may occupy, and whose end the program would wait for.
        threading.Thread(target=work, name="agent_heartbeat over HTTP", daemon=True).start()

    def open_socket(self, url: str, token: str, listener: Listener) -> _Socket:
        return _Socket(url, token, listener, self._proxy)


class _Connect(connect):
    """A redirect is a refusal like any other: a login token is for one address only."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _Socket:
    def __init__(
        self,
        url: str,
        token: str,
        listener: Listener,
        proxy: str | bool | None,
    ) -> None:
        self._listener: Listener | None = listener
        self._connection: ClientConnection | None = None
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._queued = 0
        self._tasks = Tasks()
        self._tasks.keep(self._run(url, token, proxy))

    @property
    def buffered(self) -> int:
        waiting = self._connection.transport.get_write_buffer_size() if self._connection else 0
        return self._queued + waiting

    def send(self, text: str) -> None:
        self._queued += len(text)
        self._outgoing.put_nowait(text)

    def close(self, code: int, reason: str) -> None:
        self._tasks.keep(self._close(code, reason))

    def terminate(self) -> None:
        self._listener = None
        for task in self._tasks.running:
            task.cancel()
        if self._connection:
            self._connection.transport.abort()

    async def _run(self, url: str, token: str, proxy: str | bool | None) -> None:
        try:
            connection = await _Connect(
                url,
                subprotocols=[Subprotocol(SUBPROTOCOL), Subprotocol(token)],
                compression=None,
                open_timeout=None,
                ping_interval=None,
                close_timeout=None,
                max_size=MESSAGE_BYTES,
                proxy=proxy,  # type: ignore[arg-type]
            )
        except InvalidStatus as error:
            headers = error.response.headers
            self._end(Refused(error.response.status_code, headers.get("Retry-After"), headers.get("Date")))
            return
        except Exception as error:
            self._end(Failed(error))
            return
        self._connection = connection
        self._tasks.keep(self._send_all(connection))
        if self._listener:
            self._listener.opened()
        try:
            while True:
                frame = await connection.recv()
                if self._listener:
                    self._listener.received(frame if isinstance(frame, str) else None)
        except ConnectionClosed:
            self._end(Closed(connection.close_code or 1006, connection.close_reason or ""))
        except Exception as error:
            self._end(Failed(error))

    async def _send_all(self, connection: ClientConnection) -> None:
        try:
            while True:
                text = await self._outgoing.get()
                # Half a surrogate pair can't be encoded; its escape means the same in JSON.
                data = text.encode(errors="backslashreplace")
                # API Gateway takes no frame that is larger than its limit.
                if len(data) <= FRAME_BYTES:
                    await connection.send(data, text=True)
                else:
                    await connection.send(_frames(data), text=True)
                self._queued -= len(text)
                self._outgoing.task_done()
        except ConnectionClosed:
            pass  # The reader reports it.

    async def _close(self, code: int, reason: str) -> None:
        # What was handed over before is sent before.
        await self._outgoing.join()
        if self._connection:
            await self._connection.close(code, reason)

    def _end(self, end: Closed | Refused | Failed) -> None:
        listener, self._listener = self._listener, None
        if listener:
            listener.ended(end)


def _frames(data: bytes) -> list[bytes]:
    return [data[start : start + FRAME_BYTES] for start in range(0, len(data), FRAME_BYTES)]
