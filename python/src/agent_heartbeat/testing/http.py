"""The fake service's HTTP endpoint: `POST /heartbeat` and `DELETE /heartbeat`."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from ..protocol import Message
from .connection import FakeConnection, Login
from .fleet import FakeFleet, now_ms


@dataclass(frozen=True)
class HttpRequest:
    """A heartbeat over HTTP, or a process that leaves. `path` has its query; `claims` is empty if it can't be read."""

    method: str
    path: str
    token: str
    claims: Mapping[str, Any]
    activity: Message | None


@dataclass(frozen=True)
class HttpResponse:
    status: int
    body: Message | None = None
    headers: Mapping[str, str] | None = None


class HttpDoor:
    """A server on a free port of this machine. `answer` may return None, which leaves a request without an answer."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse | None]) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def listen(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        for writer in self._open:
            writer.transport.abort()
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            token = headers.get("authorization", "").partition(" ")[2]
            activity = json.loads(body or b"{}").get("activity")
            response = self._answer(HttpRequest(method, path, token, Login.of(token).claims, activity))
            if response is None:
                await reader.read()
                return
            content = b"" if response.body is None else json.dumps(response.body).encode()
            fields = {"Date": formatdate(usegmt=True), **(response.headers or {}), "Content-Length": len(content)}
            lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in fields.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + content)
            await writer.drain()
        except (OSError, ValueError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class HttpHeartbeats:
    """Answers as the service does, which takes an agent's tokens in the order in which they were made."""

    def __init__(self, fleet: FakeFleet) -> None:
        self._fleet = fleet
        self._issued_at: dict[str, float] = {}
        self._superseded: set[str] = set()
        """Processes that have lost their agent to a newer one."""

    def answer(self, request: HttpRequest, connections: list[FakeConnection]) -> HttpResponse:
        """`connections`: those of the agent that are open."""
        claims = request.claims
        agent_id, instance_id = claims.get("sub", ""), claims.get("instance_id", "")
        path, _, query = request.path.partition("?")
        if not agent_id:
            return _refusal(403 if request.token else 401, "The token is not accepted")
        if path != "/heartbeat":
            return _refusal(404, "There is nothing at this path")
        if claims.get("iat", 0) <= self._issued_at.get(agent_id, 0):
            return _refusal(403, "The token is not accepted")
        held = next((each for each in self._fleet.list() if each["agentId"] == agent_id), {})
        holds = held.get("instanceId") == instance_id
        if request.method == "DELETE":
            if any(each.instance_id == instance_id for each in connections):
                return _refusal(409, "A WebSocket of the process is open: close it to leave", "connected")
            self._issued_at[agent_id] = claims["iat"]
            if holds:
                self._fleet.offline(agent_id, "drained" if "reason=drained" in query else "client_closed")
            return HttpResponse(204)
        if held.get("status") == "online" and not holds:
            lost = any(each.superseded and each.instance_id == instance_id for each in connections)
            if lost or instance_id in self._superseded:
                return _refusal(409, "A newer process of the agent holds the lease", "superseded")
            if claims.get("on_duplicate") == "reject":
                return _refusal(409, "Another process of the agent holds the lease", "duplicate")
        self._issued_at[agent_id] = claims["iat"]
        return self._renew(request, held, connections)

    def _renew(self, request: HttpRequest, held: Message, connections: list[FakeConnection]) -> HttpResponse:
        claims = request.claims
        agent_id, instance_id = claims["sub"], claims.get("instance_id", "")
        now, lease = now_ms(), round(claims.get("heartbeat_timeout", 90) * 1000)
        fields = {"lastHeartbeatAt": now, "leaseExpiresAt": now + lease, "activity": request.activity}
        if held.get("status") == "online" and held.get("instanceId") == instance_id:
            self._fleet.update(agent_id, **fields)
        else:
            if held.get("instanceId"):
                self._superseded.add(held["instanceId"])
            for other in connections:
                if other.instance_id != instance_id and not other.superseded:
                    other.send(type="superseded")
                    other.superseded = True
            terms = {"leaseMs": lease, "heartbeatIntervalMs": round(claims.get("heartbeat_interval", 30) * 1000)}
            self._fleet.online(agent_id, {**fields, **terms, "instanceId": instance_id, "connectedAt": now})
        return HttpResponse(200, {"type": "heartbeat_ack", "serverTime": now, "leaseExpiresAt": now + lease})


def _refusal(status: int, message: str, kind: str | None = None) -> HttpResponse:
    return HttpResponse(status, {"message": message, **({"type": kind} if kind else {})})
