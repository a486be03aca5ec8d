"""The service in this process: it speaks the protocol as the real one does, or as a test wants it to."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from ..connection.ends import Closed, Refused
from ..connection.runtime import Listener, Socket
from ..messaging.tracing import trace_of
from ..protocol import AGENT_WATCHES_STATUS, INBOX, MESSAGE_BYTES, PRESENCE, SUBPROTOCOL, Message
from ..subject import agent_token
from .connection import FakeConnection, Frame, Login, Refusal
from .fleet import FakeFleet, Presence, now_ms
from .http import HttpDoor, HttpHeartbeats, HttpRequest, HttpResponse
from .remote import FakeMessage, RemoteAgent
from .replies import reply_to
from .routing import less_busy, receivers_of

Role = Literal["agent", "viewer", "publisher"]
_LOOK_AGAIN = 0.005


class FakeService:
    """`async with FakeService() as service` opens a port of this machine, and closes it at the end.

    Clients connect at `url`, or with the options that `options()` returns.
    """

    def __init__(
        self,
        organization_id: str = "acme",
        *,
        roles: Mapping[str, Role] | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        """`roles`: what clients may do that are no agents, by their ids. `random` draws the members of groups."""
        self.organization_id = organization_id
        self.url = ""
        self.http_url = ""
        """Where clients send heartbeats over HTTP."""
        self.connections: list[FakeConnection] = []
        """Every connection so far, in order."""
        self.logins: list[Login] = []
        """Every login so far, also those that were refused."""
        self.http_requests: list[HttpRequest] = []
        """Every request over HTTP so far, also those that were refused."""
        self.answer_http: Callable[[HttpRequest], HttpResponse | None] | None = None
        """Answers requests over HTTP in place of the fake; None leaves them without an answer."""
        self.published: list[FakeMessage] = []
        """Every message that clients have published, apart from answers."""
        self.refuse: Refusal | Callable[[Login], Refusal | None] | None = None
        """Refuses handshakes: all of them, or those for which a function says so."""
        self.silent: set[str] = set()
        """Types of messages that get no answer."""
        self.answer: Callable[[Message, FakeConnection], Message | None] | None = None
        """Answers messages in place of the fake; None leaves the answer to it."""
        self.reached: int | None = None
        """How many processes a message reaches, in place of the true number."""
        self._roles: dict[str, Role] = dict(roles or {})
        self._random = random
        self._fleet = FakeFleet(organization_id, self._announce)
        self._http = HttpHeartbeats(self._fleet)
        self._http_door = HttpDoor(self._answer_http)
        self._remote: dict[str, RemoteAgent] = {}
        self._open_requests: dict[str, tuple[str, int | None]] = {}
        """Who alone has been asked, by the subject of the answer."""
        self._server: Server | None = None
        self._ids = itertools.count(1)
        self._key = ed25519.Ed25519PrivateKey.generate()

    async def __aenter__(self) -> FakeService:
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
        self.url = f"ws://127.0.0.1:{port}/prod"
        self.http_url = await self._http_door.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        await self._http_door.close()
        self._server.close()
        for connection in self.open:
            connection.close()
        await self._server.wait_closed()

    def options(self, agent_id: str, role: Role = "agent") -> dict[str, Any]:
        """Arguments for a `HeartbeatAgent`, a `SimpleAgent` or, with the role `viewer`, a `FleetWatcher`."""
        self._roles[agent_id] = role
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        given = {
            "agent_id": agent_id,
            "organization_id": self.organization_id,
            "url": self.url,
            "private_key": pem.decode(),
            "logger": None,
        }
        return given if role == "viewer" else {**given, "heartbeat_process": False, "signals": ()}

    def agent(self, agent_id: str) -> RemoteAgent:
        """An agent elsewhere, which the test plays. The same one at every call with its id."""
        if agent_id not in self._remote:
            self._remote[agent_id] = RemoteAgent(agent_id, self._fleet, self._deliver)
        return self._remote[agent_id]

    @property
    def agents(self) -> list[Presence]:
        """Every agent that is or was online, as readers see it now."""
        return self._fleet.list()

    @property
    def open(self) -> list[FakeConnection]:
        """The connections that are open."""
        return [each for each in self.connections if each.closed is None]

    @property
    def last(self) -> FakeConnection:
        """The newest connection."""
        return self.connections[-1]

    async def connection(self, count: int = 1) -> FakeConnection:
        """Connection number `count`, as soon as it is there."""
        await self.until(lambda: len(self.connections) >= count)
        return self.connections[count - 1]

    async def received(self, kind: str, count: int = 1) -> list[Message]:
        """All messages of a type, from whatever connection, once there are so many."""

        def found() -> list[Message]:
            return [each for connection in self.connections for each in connection.of_type(kind)]

        await self.until(lambda: len(found()) >= count)
        return found()

    async def until(self, condition: Callable[[], Any]) -> None:
        """Waits for something for as long as it takes."""
        while not condition():
            await asyncio.sleep(_LOOK_AGAIN)

    def publish(
        self,
        subject: str,
        data: Any = None,
        *,
        sender: str = "event:test",
        to: str | None = None,
        capability: str | None = None,
    ) -> int:
        """Publishes a message as the event bus does; returns how many processes it reached."""
        return self._deliver(FakeMessage(subject, data, sender, to, capability=capability))

    def disconnect(self, agent_id: str, code: int = 1006, reason: str = "") -> None:
        """Ends the connections of a client: with 1006, as when the network breaks, or with another close code."""
        for connection in self._open_of(agent_id):
            connection.close(code, reason)

    def open_socket(self, _url: str, token: str, listener: Listener) -> Socket:
        """A socket in memory, for a client's runtime."""
        return _MemorySocket(self, token, listener)

    # Inside.

    def admit(self, login: Login) -> Refusal | None:
        self.logins.append(login)
        refusal = self.refuse(login) if callable(self.refuse) else self.refuse
        if refusal:
            return refusal
        if login.claims.get("watches") and self._roles.get(login.claims.get("sub", "")) == "agent":
            return Refusal(AGENT_WATCHES_STATUS)
        rivals = [
            each
            for each in self._open_of(login.claims.get("sub", ""))
            if each.instance_id != login.claims.get("instance_id")
        ]
        return Refusal(409) if rivals and login.claims.get("on_duplicate") == "reject" else None

    def _answer_http(self, request: HttpRequest) -> HttpResponse | None:
        self.http_requests.append(request)
        if self.answer_http:
            return self.answer_http(request)
        return self._http.answer(request, self._open_of(request.claims.get("sub", "")))

    def accept(self, connection: FakeConnection) -> None:
        agent_id, instance_id, claims = connection.agent_id, connection.instance_id, connection.login.claims
        others = self._open_of(agent_id)
        self.connections.append(connection)
        if self._role_of(agent_id) != "agent":
            return
        for other in others:
            if other.instance_id != instance_id and not other.superseded:
                other.send(type="superseded")
                other.superseded = True
        now, lease = now_ms(), round(claims.get("heartbeat_timeout", 90) * 1000)
        fields = {
            "leaseMs": lease,
            "leaseExpiresAt": now + lease,
            "heartbeatIntervalMs": round(claims.get("heartbeat_interval", 30) * 1000),
            "connectionId": connection.connection_id,
            "instanceId": instance_id,
            "connectedAt": now,
            "lastHeartbeatAt": now,
        }
        if any(other.instance_id == instance_id for other in others):
            self._fleet.update(agent_id, **fields)
        else:
            self._fleet.online(agent_id, fields)

    def receive(self, connection: FakeConnection, text: str | bytes) -> None:
        message = json.loads(text)
        connection.messages.append(message)
        if message["type"] in self.silent:
            return
        own = self.answer(message, connection) if self.answer else None
        reply = own or reply_to(
            message, self._role_of(connection.agent_id), connection, self._fleet, self._publish_of(connection)
        )
        if reply:
            connection.send(reply, **({"id": message["id"]} if "id" in message else {}))

    def ended(self, connection: FakeConnection, code: int, reason: str) -> None:
        connection.has_ended(code, reason)
        agent_id, held = connection.agent_id, self._fleet.agents.get(connection.agent_id, {})
        others = [each for each in self._open_of(agent_id) if each.instance_id == connection.instance_id]
        if held.get("instanceId") == connection.instance_id and not others:
            drained = reason == "drained" or (held.get("activity") or {}).get("state") == "draining"
            lost = "connection_lost" if code == 1006 else "client_closed"
            self._fleet.offline(agent_id, "drained" if drained else lost)

    def new_connection(
        self, login: Login, send: Callable[[Frame], None], close: Callable[[int, str], None]
    ) -> FakeConnection:
        connection = FakeConnection(f"connection-{len(self.connections) + 1}", login, send, close)
        self.accept(connection)
        return connection

    def _role_of(self, agent_id: str) -> Role:
        return self._roles.get(agent_id, "agent")

    def _open_of(self, agent_id: str) -> list[FakeConnection]:
        return [each for each in self.open if each.agent_id == agent_id]

    def _publish_of(self, connection: FakeConnection) -> Callable[[Message], int]:
        def publish(message: Message) -> int:
            sent = FakeMessage(
                message.get("subject", "direct"),
                message.get("data"),
                connection.agent_id,
                message.get("to"),
                message.get("replyTo"),
                message.get("expiresInMs"),
                message.get("attempt"),
                capability=message.get("capability"),
                trace=trace_of(message),
            )
            true = self._deliver(sent)
            reached = true if self.reached is None else self.reached
            if not sent.subject.startswith(f"{INBOX}."):
                self.published.append(FakeMessage(**{**vars(sent), "reached": reached}))
            return reached

        return publish

    def _announce(self, transition: dict[str, Any]) -> None:
        agent_id = transition["agentId"]
        self._deliver(FakeMessage(f"{PRESENCE}.{agent_token(agent_id)}", transition, "service"))
        if transition["event"] != "offline":
            return
        # Nobody else can answer what only this agent was asked.
        text = f"{agent_id} went offline ({transition['reason']}) before it answered"
        error = {"code": "receiver_lost", "message": text}
        for inbox, (asked, attempt) in list(self._open_requests.items()):
            if asked == agent_id:
                self._deliver(FakeMessage(inbox, {"error": error, "attempt": attempt}, "service"))

    def _deliver(self, message: FakeMessage) -> int:
        if message.capability is not None:
            to = self._capable(message.capability)
            return 0 if to is None else self._deliver(replace(message, to=to, capability=None))
        targets = self._receivers(message)
        wire = {"subject": message.subject, "data": message.data, "from": message.sender, **message.trace}
        if message.reply_to:
            wire["replyTo"] = message.reply_to
            wire.update({"expiresInMs": message.timeout_ms, "attempt": message.attempt})
        self._open_requests.pop(message.subject, None)
        number = next(self._ids)
        is_attempt = message.reply_to and message.attempt
        message_id = str(message.reply_to).removeprefix(f"{INBOX}.") if is_attempt else f"message-{number}"
        for connection, how in targets:
            group = how.get("group")
            connection.send({**wire, **how}, type="message", messageId=f"{message_id}:{group}" if group else message_id)
        remote = [agent for agent in self._remote.values() if agent.takes(message)]
        asked = [each.agent_id for each, how in targets if how]
        asked += [each.agent_id for each in remote if message.to is not None]
        if message.reply_to and message.timeout_ms and asked and len(targets) + len(remote) == 1:
            self._open_requests[message.reply_to] = (asked[0], message.attempt)
        for agent in remote:
            agent.receive(message)
        return len({how.get("group", (each.instance_id,)) for each, how in targets}) + len(remote)

    def _capable(self, capability: str) -> str | None:
        """One agent that has a capability and takes work: a client, or one that the test plays."""
        presence = {each["agentId"]: each for each in self._fleet.list()}
        here = {*self._remote, *(each.agent_id for each in self.open)}
        has = [
            agent_id
            for agent_id, each in presence.items()
            if agent_id in here and capability in (each.get("profile") or {}).get("capabilities", [])
        ]
        return less_busy(has, presence, self._random)

    def _receivers(self, message: FakeMessage) -> list[tuple[FakeConnection, Message]]:
        presence = {each["agentId"]: each for each in self._fleet.list()}
        return receivers_of(message, self.open, presence, self._random)

    def _process_request(self, _connection: ServerConnection, request: Request) -> Response | None:
        _, _, token = request.headers.get("Sec-WebSocket-Protocol", "").partition(",")
        refusal = self.admit(Login.of(token.strip()))
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

        _, _, token = (
            (socket.request.headers if socket.request else {}).get("Sec-WebSocket-Protocol", "").partition(",")
        )
        connection = self.new_connection(Login.of(token.strip()), outgoing.put_nowait, close)
        writing = asyncio.ensure_future(write())
        try:
            async for text in socket:
                self.receive(connection, text)
        except ConnectionClosed:
            pass
        writing.cancel()
        self.ended(connection, socket.close_code or 1006, socket.close_reason or "")


class _MemorySocket:
    """No port, and no more than the next turn of the event loop."""

    buffered = 0

    def __init__(self, service: FakeService, token: str, listener: Listener) -> None:
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
        self._later(lambda: self._end(code, reason, told=True))

    def terminate(self) -> None:
        self._end(1006, "", told=False)

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
            lambda code, reason: self._later(lambda: self._end(code, reason, told=True)),
        )
        self._listener.opened()

    def _end(self, code: int, reason: str, *, told: bool) -> None:
        if self._over:
            return
        self._over = True
        if self._connection:
            self._service.ended(self._connection, code, reason)
        if told:
            self._listener.ended(Closed(code, reason))
