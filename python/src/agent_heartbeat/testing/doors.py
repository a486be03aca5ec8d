"""The ways into the fake service: a socket in memory, and real WebSockets on a port of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from ..connection.ends import Closed, Refused
from ..connection.runtime import Listener
from ..protocol import MESSAGE_BYTES, SUBPROTOCOL
from .connection import FakeConnection, Frame, Login, Refusal


class Host(Protocol):
    """What stands behind both."""

    def admit(self, login: Login) -> Refusal | None: ...

    def new_connection(
        self, login: Login, send: Callable[[Frame], None], close: Callable[[int, str], None]
    ) -> FakeConnection: ...

    def receive(self, connection: FakeConnection, text: str | bytes) -> None: ...

    def ended(self, connection: FakeConnection, code: int, reason: str) -> None: ...


class WebSocketDoor:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._server: Server | None = None

    async def listen(self) -> str:
        """Opens a port of this machine. Returns its URL."""
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._process_request,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
            compression=None,
            max_size=MESSAGE_BYTES,
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        return f"ws://127.0.0.1:{port}/prod"

    async def close(self, connections: Iterable[FakeConnection]) -> None:
        """Closes the port, and the connections that are open."""
        assert self._server
        self._server.close()
        for connection in connections:
            connection.close()
        await self._server.wait_closed()

    def _process_request(self, _connection: ServerConnection, request: Request) -> Response | None:
        refusal = self._host.admit(_login_in(request))
        if refusal is None:
            return None
        return Response(refusal.status, "refused", Headers({"Content-Length": "0", **refusal.headers}), b"")

    async def _serve(self, socket: ServerConnection) -> None:
        outgoing: asyncio.Queue[Frame | tuple[int, str]] = asyncio.Queue()

        def close(code: int, reason: str) -> None:
            if code == 1006:
                socket.transport.abort()
            else:
                outgoing.put_nowait((code, reason))

        async def write() -> None:
            while True:
                frame = await outgoing.get()
                if isinstance(frame, tuple):
                    await socket.close(*frame)
                else:
                    await socket.send(frame)

        connection = self._host.new_connection(_login_in(socket.request), outgoing.put_nowait, close)
        writing = asyncio.ensure_future(write())
        try:
            async for text in socket:
                self._host.receive(connection, text)
        except ConnectionClosed:
            pass
        writing.cancel()
        self._host.ended(connection, socket.close_code or 1006, socket.close_reason or "")


def _login_in(request: Request | None) -> Login:
    headers = request.headers if request else {}
    _, _, token = headers.get("Sec-WebSocket-Protocol", "").partition(",")
    return Login.of(token.strip())


class MemorySocket:
    """No port, and no more than the next turn of the event loop."""

    buffered = 0

    def __init__(self, service: Host, token: str, listener: Listener) -> None:
        self._service, self._listener = service, listener
        self._login = Login.of(token)
        self._connection: FakeConnection | None = None
        self._over = False
        self._later(self._open)

    def send(self, text: str) -> None:
        def arrive() -> None:
            if self._connection:
                self._service.receive(self._connection, text)

        self._later(arrive)

    def close(self, code: int, reason: str) -> None:
        self._later(lambda: self._end(code, reason, notify=True))

    def terminate(self) -> None:
        self._end(1006, "", notify=False)

    def _later(self, work: Callable[[], Any]) -> None:
        asyncio.get_running_loop().call_soon(lambda: self._over or work())

    def _open(self) -> None:
        refusal = self._service.admit(self._login)
        if refusal:
            self._over = True
            headers = {name.lower(): value for name, value in refusal.headers.items()}
            self._listener.ended(Refused(refusal.status, headers.get("retry-after"), headers.get("date")))
            return
        self._connection = self._service.new_connection(
            self._login,
            lambda frame: self._later(lambda: self._listener.received(frame if isinstance(frame, str) else None)),
            lambda code, reason: self._later(lambda: self._end(code, reason, notify=True)),
        )
        self._listener.opened()

    def _end(self, code: int, reason: str, *, notify: bool) -> None:
        if self._over:
            return
        self._over = True
        if self._connection:
            self._service.ended(self._connection, code, reason)
        if notify:
            self._listener.ended(Closed(code, reason))
