"""Reads the end of a connection: why it ended, by which schedule to try again, and what the server wishes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Union

from ..errors import AgentHeartbeatError, ConnectionError, EnrolmentRefusedError, LoginRefusedError
from ..protocol import CONNECTION_DURATION_SECONDS
from .state import Failure, FailureKind


@dataclass(frozen=True)
class Closed:
    """It was open, and was closed or broke (1006)."""

    code: int
    reason: str


@dataclass(frozen=True)
class Refused:
    """The handshake was answered with another status than 101."""

    status: int
    retry_after: str | None = None
    date: str | None = None


@dataclass(frozen=True)
class Failed:
    """It could not be made."""

    error: BaseException


End = Union[Closed, Refused, Failed]

GATEWAY_CODES = frozenset({1001, 1012, 1013})
"""API Gateway: going away (idle, two hours, restart), restart, try again later."""
_DOUBTFUL_CODES = frozenset({1005, 1006, 1011})
"""No close frame came, or one that blames the server."""
_THROTTLED_CODE = 1008
_MAX_RETRY_AFTER = 3600.0
"""The longest delay that the server may ask for, so that a wrong header can't park an agent."""
_FOLLOWED_WINDOW = (1.0, 3600.0)
_MAX_DOUBTFUL_WINDOW = 30.0
"""The longest window after an end that names no cause: most such ends befall one agent alone."""
_AGE_TOLERANCE = 10.0
"""How much earlier than announced the gateway's own clock may end a connection for its age."""


def failure_of(end: End, revoked: bool = False) -> Failure:
    """What an end means for the next attempt. `revoked`: the server had said that the agent is locked out."""
    if isinstance(end, Refused):
        return Failure(kind_of_status(end.status), f"refused with status {end.status}", status=end.status)
    if revoked:
        code = end.code if isinstance(end, Closed) else None
        return Failure("refused", "the agent was disabled or removed", code=code)
    refusal = enrolment_refusal_in(end)
    if refusal is not None:
        # A lease ends by itself, a name that belongs to another key does not come free.
        kind = "refused" if refusal.status == 409 else kind_of_status(refusal.status)
        return Failure(kind, str(refusal), status=refusal.status, enrolment=refusal.reason)
    if isinstance(end, Failed):
        return Failure("network", str(end.error) or type(end.error).__name__)
    reason = f" ({end.reason})" if end.reason else ""
    return Failure(_kind_of_code(end.code), f"closed with code {end.code}{reason}", code=end.code)


def enrolment_refusal_in(end: End) -> EnrolmentRefusedError | None:
    """Why there was nothing to log in with, if an enrolment was refused."""
    return end.error if isinstance(end, Failed) and isinstance(end.error, EnrolmentRefusedError) else None


_ADVICE: dict[str, str] = {
    "refused": "; `agent-heartbeat doctor` checks the URL, the clock, and whether the key is registered",
    "conflict": '; another process of the agent is connected, and on_duplicate is "reject": end it, '
    "or wait until its lease ends",
}
"""What to do next, by what has failed."""


def error_of(agent_id: str, failure: Failure) -> AgentHeartbeatError:
    """A failure as an error to raise or report."""
    message = f"{agent_id}: expected a connection, got: {failure.message}"
    if failure.status is not None and failure.enrolment is not None:
        return EnrolmentRefusedError(message, failure.status, failure.enrolment)
    if failure.status is not None:
        return LoginRefusedError(message + _ADVICE.get(failure.kind, ""), failure.status)
    return ConnectionError(message, failure.code)


def not_connected(agent_id: str) -> ConnectionError:
    return ConnectionError(f"{agent_id}: expected an open connection, got none; try again when connected")


def fleet_window(end: End, age: float, advised: float) -> float:
    """The window, in seconds, to draw the next delay from because others may have lost their connections too.

    0 where only this agent can be meant. `age` is how long the connection was open; `advised` is the window for
    the whole fleet, 0 where the server has not said.
    """
    # A handshake that reached no server may only say something about this agent's own network.
    if isinstance(end, Failed):
        return 0.0
    if isinstance(end, Refused):
        return advised if end.status == 429 or end.status >= 500 else 0.0
    # Each connection reaches its greatest age at a time of its own.
    if age >= CONNECTION_DURATION_SECONDS - _AGE_TOLERANCE:
        return 0.0
    if end.code in GATEWAY_CODES:
        return advised
    return min(advised, _MAX_DOUBTFUL_WINDOW) if end.code in _DOUBTFUL_CODES else 0.0


def advised_window(milliseconds: object) -> float:
    """The window in an ack, in seconds, within its limits; 0 where there is none that makes sense."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, (int, float)):
        return 0.0
    shortest, longest = _FOLLOWED_WINDOW
    return min(milliseconds / 1000, longest) if milliseconds / 1000 >= shortest else 0.0


def retry_after_seconds(end: Refused, now: float) -> float:
    """The delay that `Retry-After` asks for, in seconds; 0 without one. `now`: by the server's clock."""
    if not end.retry_after:
        return 0.0
    try:
        delay = float(end.retry_after)
    except ValueError:
        at = http_date(end.retry_after)
        if at is None:
            return 0.0
        delay = at - (http_date(end.date) or now)
    return min(max(delay, 0.0), _MAX_RETRY_AFTER) if math.isfinite(delay) else 0.0


def http_date(text: str | None) -> float | None:
    """A `Date` header in seconds since the epoch; None if it is none."""
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, OverflowError, OSError):
        return None


def kind_of_status(status: int) -> FailureKind:
    """The kind of failure that an HTTP status is."""
    if status == 409:
        return "conflict"
    if status == 429:
        return "throttled"
    # 401 and 403, and whatever else says that trying again soon will not help, such as 404.
    return "unavailable" if status >= 500 else "refused"


def _kind_of_code(code: int) -> FailureKind:
    if code in GATEWAY_CODES:
        return "gateway"
    return "throttled" if code == _THROTTLED_CODE else "network"
