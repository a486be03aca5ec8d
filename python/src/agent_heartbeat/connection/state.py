"""The states of an agent, what may follow what, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

AgentState = Literal["idle", "connecting", "connected", "reconnecting", "draining", "stopped", "superseded"]
"""Where an agent stands.

- `idle`: not started.
- `connecting`: trying to connect for the first time.
- `connected`: the server has accepted the connection.
- `reconnecting`: was connected, is trying to be again.
- `draining`: finishes its work, then leaves: by `drain()`, or because another process has taken over.
- `stopped`: ended, by `stop()`, after a drain, or by a failure where `auto_reconnect` is off.
- `superseded`: ended, because another process with the same agent id has taken over.
"""

FailureKind = Literal["network", "gateway", "throttled", "unavailable", "refused", "conflict", "unresponsive"]

TRANSITIONS: dict[str, tuple[str, ...]] = {
    "idle": ("connecting", "stopped"),
    "connecting": ("connected", "draining", "stopped"),
    "connected": ("reconnecting", "draining", "stopped"),
    "reconnecting": ("connected", "draining", "stopped"),
    "draining": ("stopped", "superseded"),
    "stopped": (),
    "superseded": (),
}


def is_final(state: str) -> bool:
    """Whether an agent in this state has ended for good."""
    return not TRANSITIONS[state]


@dataclass(frozen=True)
class Failure:
    """Why there is no connection."""

    kind: FailureKind
    message: str
    """One clause: what happened."""
    code: int | None = None
    """The WebSocket close code, where there was one."""
    status: int | None = None
    """The HTTP status of a refused handshake, or of a refused enrolment."""
    enrolment: str | None = None
    """Why an enrolment did not register the agent: the `reason` of an `EnrolmentRefusedError`."""


@dataclass(frozen=True)
class StateChange:
    """One change of state. `at` is in seconds since the epoch, by the local clock."""

    state: AgentState
    previous: AgentState
    reason: str
    at: float
    failure: Failure | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(value: dict[str, Any]) -> StateChange:
        failure = value["failure"] and Failure(**value["failure"])
        return StateChange(**{**value, "failure": failure})
