"""The Python client of Agent Heartbeat: presence, messages and health for fleets of agents on AWS."""

from .agent import Agent, HeartbeatAgent, RunEnd, SimpleAgent
from .connection.backoff import ReconnectSchedule
from .connection.health import ConnectionHealth, LastDisconnect
from .connection.state import AgentState, Failure, FailureKind, StateChange
from .errors import (
    AgentHeartbeatError,
    ConfigurationError,
    ConnectionError,
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
from .messaging.dispatcher import MessageContext
from .options import DuplicatePolicy, ReconnectOptions
from .protocol import Profile

__all__ = [
    "Agent",
    "AgentHeartbeatError",
    "AgentState",
    "AttemptFailed",
    "ClockSkew",
    "ConfigurationError",
    "ConnectionError",
    "ConnectionHealth",
    "DuplicatePolicy",
    "Failure",
    "FailureKind",
    "HandlerError",
    "HeartbeatAck",
    "HeartbeatAgent",
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
    "SubjectError",
]
