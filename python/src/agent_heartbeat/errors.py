"""Every error of the client, under one root, so that callers can distinguish them from their own."""

from __future__ import annotations


class AgentHeartbeatError(Exception):
    """The root of all errors that the client raises or reports."""


class ConfigurationError(AgentHeartbeatError, ValueError):
    """An option is missing, of the wrong type or out of its limits."""


class KeyError(AgentHeartbeatError):
    """A private key can't be read, or is of a kind that the service does not accept."""


class EnrolmentRefusedError(KeyError):
    """An enrolment did not register the agent. 429 and 5xx are temporary; all others need an operator.

    `status` is the HTTP status. `reason` is as in docs/protocol.md, such as `name_in_use`; `unauthorized` for 401;
    otherwise the kind of failure, such as `throttled`. `retry_after` says for how many seconds the service is not asked
    again, as of when it answered.
    """

    def __init__(self, message: str, status: int, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class ConnectionError(AgentHeartbeatError):
    """There is no connection, or it ended. `code` is the WebSocket close code, where there was one."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class LoginRefusedError(ConnectionError):
    """The server answered the handshake with another HTTP status than 101."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class RequestRefusedError(AgentHeartbeatError):
    """The server answered a request with an `error`; `code` is its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RequestTimeoutError(AgentHeartbeatError, TimeoutError):
    """No reply to a request came in time."""


class SubjectError(AgentHeartbeatError, ValueError):
    """A subject or pattern is not of the form that the protocol allows."""


class MessageError(AgentHeartbeatError, ValueError):
    """A message can't be sent: it is not JSON, or too large."""


class NoReceiverError(AgentHeartbeatError):
    """A request reached no receiver."""


class RemoteError(AgentHeartbeatError):
    """Whoever was asked answered with an error.

    `code` is `handler_failed`, `no_handler` or `unavailable`; `sender` is the agent that answered.
    """

    def __init__(self, code: str, sender: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.sender = sender
