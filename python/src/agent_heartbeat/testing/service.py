"""The service in this process: it speaks the protocol as the real one does, or as a test wants it to."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from typing import Any, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from ..connection.runtime import Listener, Socket
from ..messaging.tracing import trace_of
from ..protocol import AGENT_WATCHES_STATUS, INBOX, PRESENCE, Message
from ..subject import agent_token
from .connection import FakeConnection, Frame, Login, Refusal
from .doors import MemorySocket, WebSocketDoor
from .fleet import FakeFleet, Presence, now_ms
from .http import HttpDoor, HttpHeartbeats, HttpRequest, HttpResponse
from .remote import FakeMessage, RemoteAgent
from .replies import reply_to
from .router import FakeRouter

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
        self._fleet = FakeFleet(organization_id, self._announce)
        self._http = HttpHeartbeats(self._fleet)
        self._http_door = HttpDoor(self._answer_http)
        self._remote: dict[str, RemoteAgent] = {}
        self._router = FakeRouter(self._fleet, lambda: self.open, self._remote, random)
        self._door = WebSocketDoor(self)
        self._key = ed25519.Ed25519PrivateKey.generate()

    async def __aenter__(self) -> FakeService:
        self.url = await self._door.listen()
        self.http_url = await self._http_door.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http_door.close()
        await self._door.close(self.open)

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
            self._remote[agent_id] = RemoteAgent(agent_id, self._fleet, self._router.deliver)
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
        return self._router.deliver(FakeMessage(subject, data, sender, to, capability=capability))

    def disconnect(self, agent_id: str, code: int = 1006, reason: str = "") -> None:
        """Ends the connections of a client: with 1006, as when the network breaks, or with another close code."""
        for connection in self._open_of(agent_id):
            connection.close(code, reason)

    def open_socket(self, _url: str, token: str, listener: Listener) -> Socket:
        """A socket in memory, for a client's runtime."""
        return MemorySocket(self, token, listener)

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
            true = self._router.deliver(sent)
            reached = true if self.reached is None else self.reached
            if not sent.subject.startswith(f"{INBOX}."):
                self.published.append(FakeMessage(**{**vars(sent), "reached": reached}))
            return reached

        return publish

    def _announce(self, transition: dict[str, Any]) -> None:
        agent_id = transition["agentId"]
        self._router.deliver(FakeMessage(f"{PRESENCE}.{agent_token(agent_id)}", transition, "service"))
        if transition["event"] == "offline":
            self._router.answer_for(transition)
