"""Agents over real sockets, for tests."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent_heartbeat import HeartbeatAgent, ReconnectOptions, SimpleAgent
from agent_heartbeat.testing import FakeService

FAST = ReconnectOptions(base_delay=0.1, max_delay=0.2)
NONSENSE: list[Any] = [float("nan"), float("inf"), -1, "1", None, True, 10**400]


def pem(key: Any = None) -> str:
    return (
        (key or ec.generate_private_key(ec.SECP256R1()))
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


KEY = pem()


def agent_of(service: FakeService, kind: Any = HeartbeatAgent, **options: Any) -> Any:
    given = {"private_key": KEY, "reconnect": FAST, "heartbeat_process": False, "signals": (), **options}
    if kind is SimpleAgent:
        del given["heartbeat_process"]
    return kind("worker-1", "acme", service.url, **given)
