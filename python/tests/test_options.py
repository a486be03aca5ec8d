"""The options of an agent are checked."""

from __future__ import annotations

from typing import Any

import pytest

from agent_heartbeat import ConfigurationError, HeartbeatAgent, ReconnectOptions

from .agents import KEY, NONSENSE

NUMBERS = [
    "heartbeat_interval", "heartbeat_timeout_multiplier", "ack_every", "message_concurrency", "message_queue",
    "connect_timeout", "close_timeout", "drain_timeout", "request_timeout",
]  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", NONSENSE, ids=lambda value: str(value)[:12])
def test_every_number_is_checked_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"option {name}: expected"):
        HeartbeatAgent("a", "b", "wss://x.example/prod", private_key=KEY, **{name: value})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"agent_id": "a b"}, "option agent_id"),
        ({"organization_id": ""}, "option organization_id"),
        ({"url": "https://x"}, "option url"),
        ({"url": None}, "option url"),
        ({"url": "wss://"}, "option url"),
        ({"url": "wss://x:99999"}, "option url"),
        ({"private_key": None}, "got none"),
        ({"private_key_path": "x"}, "got both"),
        ({"on_duplicate": "maybe"}, "option on_duplicate"),
        ({"auto_reconnect": "yes"}, "option auto_reconnect"),
        ({"remote_drain": 1}, "option remote_drain"),
        ({"capabilities": "text"}, "option capabilities"),
        ({"capabilities": ["x" * 65]}, "option capabilities"),
        ({"metadata": []}, "option metadata"),
        ({"metadata": {"x": float("nan")}}, "option metadata"),
        ({"metadata": {"x": "y" * 5000}}, "4096 bytes"),
        ({"rotate_after": 5}, "option rotate_after"),
        ({"rotate_after": (100, 50)}, "option rotate_after"),
        ({"reconnect": {"base_delay": 1}}, "option reconnect"),
        ({"reconnect": ReconnectOptions(base_delay=0)}, r"option reconnect\.base_delay"),
        ({"reconnect": ReconnectOptions(max_delay=float("nan"))}, r"option reconnect\.max_delay"),
        ({"reconnect": ReconnectOptions(stable_after=0)}, r"option reconnect\.stable_after"),
        ({"reconnect": ReconnectOptions(schedule=5)}, r"option reconnect\.schedule"),  # type: ignore[arg-type]
        ({"heartbeat_process": True, "reconnect": ReconnectOptions(schedule=lambda k, n: 1)}, "got both"),
        ({"logger": "stdout"}, "option logger"),
        ({"proxy": 5}, "option proxy"),
    ],
    ids=str,
)
def test_every_option_is_checked_by_name(options: dict[str, Any], message: str) -> None:
    given = {"agent_id": "a", "organization_id": "b", "url": "wss://x.example/prod", "private_key": KEY, **options}
    with pytest.raises(ConfigurationError, match=message):
        HeartbeatAgent(**given)


def test_an_unknown_option_is_an_error() -> None:
    with pytest.raises(TypeError, match="heartbeat_intervall"):
        HeartbeatAgent("a", "b", "wss://x", private_key=KEY, heartbeat_intervall=3)  # type: ignore[call-arg]
