"""A small service in this process that speaks the protocol as the real one does, or as a test wants it to."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from agent_heartbeat.protocol import SUBPROTOCOL


class Peer:
    """A client that is, or was, connected."""

    def __init__(self, connection: ServerConnection, claims: dict[str, Any]) -> None:
        self.connection, self.claims = connection, claims
        self.received: list[dict[str, Any]] = []
        self.ended = asyncio.Event()
        self.close: tuple[int | None, str | None] = (None, None)

    async def tell(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.received if each["type"] == kind]

    @property
    def subjects(self) -> list[str]:
        return [each["subject"] for each in self.of_type("subscribe")]


class Service:
    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.refuse: Callable[[dict[str, Any]], Response | None] = lambda claims: None
        self.silent: set[str] = set()
        """Types of messages that get no answer."""
        self.reached = 1
        self.handshakes: list[dict[str, Any]] = []
        self._server: Server | None = None
        self.url = ""

    async def __aenter__(self) -> Service:
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._process_request,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
            compression=None,
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/prod"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for peer in self.peers:
            peer.connection.transport.abort()
        await self._server.wait_closed()

    async def peer(self, index: int = -1, count: int = 1) -> Peer:
        """One of the peers, once there have been so many."""
        await until(lambda: len(self.peers) >= count)
        return self.peers[index]

    async def received(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """All messages of a type, from whatever peer, once there are so many."""

        def found() -> list[dict[str, Any]]:
            return [each for peer in self.peers for each in peer.of_type(kind)]

        await until(lambda: len(found()) >= count)
        return found()

    def _process_request(self, _connection: ServerConnection, request: Request) -> Response | None:
        name, token = (each.strip() for each in request.headers["Sec-WebSocket-Protocol"].split(","))
        assert name == SUBPROTOCOL
        claims = decode(token.split(".")[1])
        self.handshakes.append({"header": decode(token.split(".")[0]), "claims": claims, "token": token})
        return self.refuse(claims)

    async def _serve(self, connection: ServerConnection) -> None:
        peer = Peer(connection, self.handshakes[-1]["claims"])
        self.peers.append(peer)
        try:
            async for text in connection:
                message = json.loads(text)
                peer.received.append(message)
                await self._answer(peer, message)
        except ConnectionClosed:
            pass
        peer.close = (connection.close_code, connection.close_reason)
        peer.ended.set()

    async def _answer(self, peer: Peer, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind in self.silent:
            return
        now = round(time.time() * 1000)
        echo = {"id": message["id"]} if "id" in message else {}
        if kind == "heartbeat":
            await peer.tell(type="heartbeat_ack", serverTime=now, leaseExpiresAt=now + 90_000, **echo)
        elif kind in ("subscribe", "unsubscribe"):
            await peer.tell(type=f"{kind}d", subject=message["subject"], **echo)
        elif kind == "profile":
            await peer.tell(type="profile_ack", **echo)
        elif kind == "publish":
            await peer.tell(type="published", subject=message["subject"], reached=self.reached, **echo)
        elif kind == "list":
            await peer.tell(type="agents", agents=[], cursor=None, serverTime=now, **echo)


def decode(part: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def refusal(status: int, **headers: str) -> Response:
    return Response(status, "refused", Headers({"Content-Length": "0", **headers}), b"")


async def until(condition: Callable[[], Any]) -> None:
    """Waits for something for as long as it takes: a test that hangs is ended from outside."""
    while not condition():
        await asyncio.sleep(0.01)
