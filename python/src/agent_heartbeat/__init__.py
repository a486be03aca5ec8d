"""The Python client of Agent Heartbeat: presence, messages and health for fleets of agents on AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .agent import Agent, RunEnd
from .connection.backoff import ReconnectSchedule
from .connection.health import ConnectionHealth, HttpFailure, HttpHealth, LastDisconnect
from .connection.state import AgentState, Failure, FailureKind, StateChange
from .errors import (
    AgentHeartbeatError,
    ConfigurationError,
    ConnectionError,
    EnrolmentRefusedError,
    KeyError,
    LoginRefusedError,
    MessageError,
    NoReceiverError,
    RemoteError,
    RequestRefusedError,
    RequestTimeoutError,
    SubjectError,
)
from .events import (
    AttemptFailed,
    ClockSkew,
    HandlerError,
    HeartbeatAck,
    MessageDropped,
    ProtocolError,
    Ready,
    Rotated,
)
from .fleet import AgentFleet, FleetChange, FleetState, FleetStateChange, FleetWatcher
from .heartbeat_agent import HeartbeatAgent, SimpleAgent
from .http_client import HttpHeartbeatClient
from .messaging.message import MessageContext
from .messaging.tracing import TracedMessage, TracedSend, Tracing
from .options import DuplicatePolicy, HeartbeatTransport, ReconnectOptions
from .protocol import Profile

if TYPE_CHECKING:
    from .status import StatusReader

__all__ = [
    "Agent",
    "AgentFleet",
    "AgentHeartbeatError",
    "AgentState",
    "AttemptFailed",
    "ClockSkew",
    "ConfigurationError",
    "ConnectionError",
    "ConnectionHealth",
    "DuplicatePolicy",
    "EnrolmentRefusedError",
    "Failure",
    "FailureKind",
    "FleetChange",
    "FleetState",
    "FleetStateChange",
    "FleetWatcher",
    "HandlerError",
    "HeartbeatAck",
    "HeartbeatAgent",
    "HeartbeatTransport",
    "HttpFailure",
    "HttpHealth",
    "HttpHeartbeatClient",
    "KeyError",
    "LastDisconnect",
    "LoginRefusedError",
    "MessageContext",
    "MessageDropped",
    "MessageError",
    "NoReceiverError",
    "Profile",
    "ProtocolError",
    "Ready",
    "ReconnectOptions",
    "ReconnectSchedule",
    "RemoteError",
    "RequestRefusedError",
    "RequestTimeoutError",
    "Rotated",
    "RunEnd",
    "SimpleAgent",
    "StateChange",
    "StatusReader",
    "SubjectError",
    "TracedMessage",
    "TracedSend",
    "Tracing",
]


def __getattr__(name: str) -> Any:
    """`StatusReader` is loaded when it is used: it needs boto3."""
    if name == "StatusReader":
        from .status import StatusReader

        return StatusReader
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
