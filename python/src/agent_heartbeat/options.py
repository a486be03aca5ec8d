"""The options of an agent: what may be given, what is the default, and what is refused."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from .connection.backoff import MAX_WINDOW, ReconnectSchedule, built_in_windows
from .connection.heartbeat import HeartbeatTerms
from .connection.http import checked_http_url, given_http_url
from .connection.manager_options import ManagerOptions
from .errors import ConfigurationError
from .protocol import (
    ID_FORM,
    ID_PATTERN,
    MAX_INTERVAL_SECONDS,
    MAX_TIMEOUT_MULTIPLIER,
    MIN_INTERVAL_SECONDS,
    MIN_TIMEOUT_MULTIPLIER,
    audience_of,
)

DuplicatePolicy = Literal["replace", "reject"]
HeartbeatTransport = Literal["websocket", "http"]


@dataclass(frozen=True)
class ReconnectOptions:
    """When to try again. Each delay is drawn from the whole of a window that doubles with every failure.

    Causes that take longer to pass than a broken connection, such as a refused login, have windows that are a
    multiple of its.
    """

    base_delay: float | None = None
    """The first window after a broken connection, in seconds: 0.1 to 3600. Default: 1, or `max_delay` if less."""
    max_delay: float | None = None
    """Its largest window, in seconds: `base_delay` to 3600. Default: 60, or `base_delay` if more."""
    schedule: ReconnectSchedule | None = None
    """Replaces the windows of all causes. What the server asks for still applies. If it raises, or returns
    anything but 0 to 3600, the built-in window applies. Not together with `heartbeat_process`."""
    stable_after: float = 60.0
    """A connection of this age, in seconds, makes the windows start afresh: 1 to 3600."""


def within(name: str, value: Any, least: float, most: float) -> float:
    """Raises ConfigurationError, which names the option, if the value is not a number within its limits."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # Not a number is neither more nor less.
    if is_number and least <= value <= most:
        return float(value)
    raise ConfigurationError(f"option {name}: expected a number from {least:g} to {most:g}, got {value!r}")


def whole(name: str, value: Any, least: int, most: int) -> int:
    """As `within`, for a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"option {name}: expected a whole number, got {value!r}")
    return int(within(name, value, least, most))


def flag(name: str, value: Any) -> bool:
    """Raises ConfigurationError if the value is neither True nor False."""
    if isinstance(value, bool):
        return value
    raise ConfigurationError(f"option {name}: expected True or False, got {value!r}")


def check_id(name: str, value: Any) -> str:
    if isinstance(value, str) and ID_PATTERN.fullmatch(value):
        return value
    raise ConfigurationError(f"option {name}: expected {ID_FORM}, got {value!r}")


def check_url(value: Any) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except (TypeError, ValueError, AttributeError):
        usable = False
    if usable and isinstance(value, str):
        return value
    raise ConfigurationError(f"option url: expected a wss:// URL, got {value!r}")


def check_logger(value: Any) -> logging.Logger | logging.LoggerAdapter[Any] | None:
    if value is None or (callable(getattr(value, "warning", None)) and callable(getattr(value, "error", None))):
        return value  # type: ignore[no-any-return]
    raise ConfigurationError(f"option logger: expected a logging.Logger or None, got {value!r}")


def checked_proxy(value: Any) -> str | bool | None:
    """None for no proxy. Raises ConfigurationError."""
    if value is None or isinstance(value, (str, bool)):
        return value or None
    raise ConfigurationError(f"option proxy: expected a URL, True or None, got {value!r}")


def manager_options(
    *,
    agent_id: Any,
    organization_id: Any,
    url: Any,
    reconnect: ReconnectOptions,
    rotate_after: Any,
    connect_timeout: Any,
    close_timeout: Any,
    simple: bool = False,
    heartbeat_interval: Any = 30,
    heartbeat_timeout_multiplier: Any = 3,
    ack_every: Any = 1,
    auto_reconnect: Any = True,
    on_duplicate: Any = "replace",
    heartbeat_transport: Any = "websocket",
    http_url: Any = None,
) -> ManagerOptions:
    """Checks what the connection is made of. Raises ConfigurationError."""
    check_url(url)
    interval, multiplier = lease_terms(heartbeat_interval, heartbeat_timeout_multiplier)
    login = login_claims(agent_id, organization_id, interval, multiplier, on_duplicate)
    terms = HeartbeatTerms(interval, multiplier, whole("ack_every", ack_every, 1, 10))
    if heartbeat_transport not in ("websocket", "http"):
        raise ConfigurationError(
            f'option heartbeat_transport: expected "websocket" or "http", got {heartbeat_transport!r}'
        )
    over_http = heartbeat_transport == "http"
    if not isinstance(reconnect, ReconnectOptions):
        raise ConfigurationError(f"option reconnect: expected ReconnectOptions, got {reconnect!r}")
    longest = reconnect.max_delay
    base = within(
        "reconnect.base_delay",
        min(1.0, longest if isinstance(longest, (int, float)) else 1.0)
        if reconnect.base_delay is None
        else reconnect.base_delay,
        0.1,
        MAX_WINDOW,
    )
    longest = within("reconnect.max_delay", max(60.0, base) if longest is None else longest, base, MAX_WINDOW)
    if reconnect.schedule is not None and not callable(reconnect.schedule):
        raise ConfigurationError(f"option reconnect.schedule: expected a function, got {reconnect.schedule!r}")
    try:
        rotate_from, rotate_to = rotate_after
    except (TypeError, ValueError):
        raise ConfigurationError(f"option rotate_after: expected two numbers, got {rotate_after!r}") from None
    rotate_from = within("rotate_after[0]", rotate_from, 10, 7000)
    rotate_to = within("rotate_after[1]", rotate_to, rotate_from, 7000)
    auto = flag("auto_reconnect", auto_reconnect)
    return ManagerOptions(
        url=url,
        login={**login, "aud": audience_of(url)},
        heartbeat=None if simple else terms,
        auto_reconnect=auto and not simple,
        windows=built_in_windows(base, longest),
        stable_after=within("reconnect.stable_after", reconnect.stable_after, 1, 3600),
        connect_timeout=within("connect_timeout", connect_timeout, 1, 60),
        close_timeout=within("close_timeout", close_timeout, 0.1, 30),
        rotate_after=(rotate_from, rotate_to),
        http_url=checked_http_url(given_http_url(http_url), 'heartbeat_transport "http"') if over_http else None,
    )


def lease_terms(interval: Any, multiplier: Any) -> tuple[float, float]:
    """The interval in seconds, and the lease as a multiple of it. Raises ConfigurationError."""
    return (
        within("heartbeat_interval", interval, MIN_INTERVAL_SECONDS, MAX_INTERVAL_SECONDS),
        within("heartbeat_timeout_multiplier", multiplier, MIN_TIMEOUT_MULTIPLIER, MAX_TIMEOUT_MULTIPLIER),
    )


def login_claims(
    agent_id: Any, organization_id: Any, interval: float, multiplier: float, on_duplicate: Any
) -> dict[str, Any]:
    """What a new process's tokens say, wherever they go. Raises ConfigurationError."""
    check_id("agent_id", agent_id)
    check_id("organization_id", organization_id)
    if on_duplicate not in ("replace", "reject"):
        raise ConfigurationError(f'option on_duplicate: expected "replace" or "reject", got {on_duplicate!r}')
    return {
        "iss": agent_id,
        "sub": agent_id,
        "org": organization_id,
        "heartbeat_interval": interval,
        "heartbeat_timeout": interval * multiplier,
        "instance_id": str(uuid.uuid4()),
        "on_duplicate": on_duplicate,
    }
