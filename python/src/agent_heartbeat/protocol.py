"""Names and limits of the wire protocol, and the shapes of what a caller gets to see of it.

Times that end in `_at`, and other times of the wire, are epoch milliseconds by the server's clock.
"""

from __future__ import annotations

import re
from typing import Any, TypedDict
from urllib.parse import urlsplit

SUBPROTOCOL = "agent-heartbeat.v1"
LOGIN_TOKEN_TTL_SECONDS = 60

MESSAGE_BYTES = 128 * 1024
FRAME_BYTES = 32 * 1024
CONNECTION_DURATION_SECONDS = 2 * 60 * 60
ACTIVITY_TEXT_LENGTH = 64
CAPABILITIES = 50
PROFILE_BYTES = 4096
LIST_PAGE_SIZE = 100
SUBJECT_LENGTH = 256
SUBJECT_TOKENS = 16
NESTING = 64

DEFAULT_INTERVAL_SECONDS = 30.0
MIN_INTERVAL_SECONDS = 1.0
MAX_INTERVAL_SECONDS = 9 * 60.0
QUIET_WEBSOCKET_SECONDS = 5 * 60.0
"""The longest that the WebSocket of a client with heartbeats over HTTP carries none: for API Gateway not to end it, and
for one that is dead to be noticed."""
DEFAULT_TIMEOUT_MULTIPLIER = 3.0
MIN_TIMEOUT_MULTIPLIER = 1.5
MAX_TIMEOUT_MULTIPLIER = 20.0

AGENT_WATCHES_STATUS = 422
"""What answers the handshake of a watcher that has an agent's key."""
INBOX = "_inbox"
PRESENCE = "presence"

ID_PATTERN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.@:/+=%-]{0,127}")
ID_FORM = "1 to 128 letters, digits or _-.@:/+=%, of which the first is a letter, a digit, _ or -"

Message = dict[str, Any]
"""A JSON object of the wire, with its `type`."""


class Profile(TypedDict):
    """What an agent says of itself beside its presence."""

    capabilities: list[str]
    metadata: dict[str, Any]


def audience_of(url: str) -> str:
    """The `aud` of a login token for a URL: `wss://host/stage`, without a default port, query or last slash."""
    parts = urlsplit(url)
    host = host_of(url)
    # The port that goes without saying is another one under each scheme: none of the two is in it.
    unsaid = {443, 80} if parts.scheme.lower() == "ws" else {443}
    port = "" if parts.port is None or parts.port in unsaid else f":{parts.port}"
    return f"wss://{host}{port}{_without_dots(parts.path).rstrip('/')}"


def host_of(url: str) -> str:
    """The host as it is in an `aud`: in lower case, in ASCII, an address of version 6 in brackets."""
    host = (urlsplit(url).hostname or "").lower()
    if ":" in host:
        return f"[{host}]"
    return host if host.isascii() else host.encode("idna").decode("ascii")


def _without_dots(path: str) -> str:
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if len(segments) > 1:
                segments.pop()
        elif segment != ".":
            segments.append(segment)
    return "/".join(segments)


def delivery_key(message: Message) -> str | None:
    """Identifies a delivery: each attempt of a request is a separate one. None without an id."""
    message_id = message.get("messageId")
    return f"{message_id} {message.get('attempt')}" if isinstance(message_id, str) else None
