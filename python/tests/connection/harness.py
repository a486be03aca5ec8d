"""A connection manager in a fake world, for tests."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519

from agent_heartbeat.connection.keys import SigningKey
from agent_heartbeat.connection.manager import ConnectionManager
from agent_heartbeat.options import ReconnectOptions, manager_options

from ..fake_runtime import FakeRuntime

KEY = ed25519.Ed25519PrivateKey.generate()


class ManagerHarness:
    """A connection manager in a fake world, and its events."""

    def __init__(self, runtime: FakeRuntime, **options: Any) -> None:
        self.runtime = runtime
        self.events: list[dict[str, Any]] = []
        self.key: Any = SigningKey.of(KEY)
        load_key = options.pop("load_key", lambda proceed: proceed(self.key))
        reconnect = options.pop("reconnect", ReconnectOptions())
        given: dict[str, Any] = {
            "agent_id": "worker-1",
            "organization_id": "acme",
            "url": "wss://presence.example/prod",
            "reconnect": reconnect,
            "rotate_after": (5400, 6600),
            "connect_timeout": 15,
            "close_timeout": 2,
            **options,
        }
        self.manager = ConnectionManager(
            manager_options(**given),
            runtime,
            load_key,
            self.events.append,
            reconnect.schedule,
        )

    def start(self) -> ManagerHarness:
        self.manager.start()
        self.runtime.advance(0)
        return self

    @property
    def states(self) -> list[tuple[str, str]]:
        return [(each["change"]["state"], each["change"]["reason"]) for each in self.events if each["type"] == "state"]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.events if each["type"] == kind]


MakeHarness = Callable[..., ManagerHarness]


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


def to_next_attempt(runtime: FakeRuntime) -> None:
    before = len(runtime.sockets)
    while len(runtime.sockets) == before:
        runtime.advance(0.5)


def heartbeats(harness: ManagerHarness) -> int:
    return sum(socket.types.count("heartbeat") for socket in harness.runtime.sockets)
