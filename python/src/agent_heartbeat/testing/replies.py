"""What the fake service answers to each message of a client."""

from __future__ import annotations

from collections.abc import Callable

from ..protocol import INBOX, LIST_PAGE_SIZE, PRESENCE, Message
from ..subject import is_pattern, is_subject
from .connection import FakeConnection
from .fleet import FakeFleet, now_ms

_HEARTBEATS = {"heartbeat", "heartbeat_quiet"}
_READS = {"subscribe", "unsubscribe", "list", "history"}
_PERMISSIONS = {
    "agent": _HEARTBEATS | _READS | {"profile", "publish"},
    "viewer": _HEARTBEATS | _READS,
    "publisher": _HEARTBEATS | {"publish"},
}


def reply_to(
    message: Message,
    role: str,
    connection: FakeConnection,
    fleet: FakeFleet,
    publish: Callable[[Message], int],
) -> Message | None:
    """None for no answer."""
    kind, subject, now = message["type"], message.get("subject"), now_ms()
    if kind not in _PERMISSIONS["agent"]:
        return _fault("unknown_type", f"expected a type of message, got {kind}")
    if kind not in _PERMISSIONS[role]:
        return _fault("forbidden", f"expected a message that a {role} may send, got {kind}")
    if kind in _HEARTBEATS:
        expires_at = now + fleet.agents.get(connection.agent_id, {}).get("leaseMs", 90_000)
        if not connection.superseded:
            fields = {"lastHeartbeatAt": now, "leaseExpiresAt": expires_at, "activity": message.get("activity")}
            fleet.update(connection.agent_id, **fields)
        ack = {"type": "heartbeat_ack", "serverTime": now, "leaseExpiresAt": expires_at}
        return ack if kind == "heartbeat" else None
    if kind == "subscribe":
        if not is_pattern(str(subject)):
            return _fault("invalid_message", "expected a pattern")
        if role != "agent" and message.get("group") is not None:
            return _fault("forbidden", "group: expected none, got one")
        connection.subscriptions.add(_subscription(message))
    elif kind == "unsubscribe":
        connection.subscriptions.discard(_subscription(message))
    elif kind == "profile":
        profile = {"capabilities": message.get("capabilities", []), "metadata": message.get("metadata", {})}
        fleet.update(connection.agent_id, profile=profile)
        return {"type": "profile_ack"}
    elif kind == "list":
        return _page(message, fleet, now)
    elif kind == "history":
        return {"type": "history", "agentId": message.get("agentId"), "transitions": [], "counts": []}
    elif kind == "publish":
        subject = message.get("subject", "direct")
        if not is_subject(subject):
            return _fault("invalid_message", "expected a subject")
        if subject.startswith(f"{PRESENCE}."):
            return _fault("forbidden", "expected a subject that is not reserved, got one of the service")
        if message.get("capability") is not None and ("to" in message or subject.startswith(f"{INBOX}.")):
            return _fault("invalid_message", "capability: expected none beside an agent, got both")
        return {"type": "published", "subject": subject, "reached": publish(message)}
    return {"type": f"{kind}d", "subject": subject}


def _subscription(message: Message) -> str:
    """As `FakeConnection.subscriptions` names it."""
    return f"{message.get('subject')} {message.get('group') or ''}".strip()


def _page(message: Message, fleet: FakeFleet, now: int) -> Message:
    status, cursor = message.get("status"), message.get("cursor") or ""
    found = [each for each in fleet.list() if each["agentId"] > cursor and (status is None or each["status"] == status)]
    shown = found[: message.get("limit", LIST_PAGE_SIZE)]
    more = shown[-1]["agentId"] if len(found) > len(shown) else None
    agents = [{**each, "profile": each.get("profile")} for each in shown]
    if not message.get("profiles"):
        for each in agents:
            del each["profile"]
    return {"type": "agents", "agents": agents, "cursor": more, "serverTime": now}


def _fault(code: str, message: str) -> Message:
    return {"type": "error", "code": code, "message": message}
