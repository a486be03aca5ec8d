"""Frames of the wire as text and back: strict JSON, which says why it can't carry something."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn

from .errors import MessageError
from .protocol import MESSAGE_BYTES, NESTING, Message

MAX_SAFE_INTEGER = 2**53 - 1


def encode(value: Any) -> str:
    """A checked value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def decode(text: str | None) -> Message | None:
    """The message in a frame; None for an empty frame, and for a type that this version does not know.

    Nothing is raised, whatever comes. A frame that is no JSON object with a `type` is read as an `error` with the
    code `invalid_json`. A required field that is missing or of the wrong type makes an `error` of the message, with
    its `id` and the code `internal`, so that whoever waits for it need not wait. An optional one is left out, as is
    what a later version adds.
    """
    # API Gateway may answer with an empty frame where a function has answered with no body.
    if text == "":
        return None
    value = _parsed(text)
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return _fault("invalid_json", "expected a message of the protocol, got another frame")
    kind = value["type"]
    fields = _MESSAGES.get(kind)
    if fields is None:
        return None
    named = {"id": value["id"]} if isinstance(value.get("id"), str) else {}
    try:
        return {"type": kind, **named, **_object(fields)(value)}
    except TypeError:
        return {**_fault("internal", f"expected a message of the protocol, got another {kind}"), **named}


def transition_in(data: Any) -> Message | None:
    """The transition in a message on `presence.<agent id>`; None if the data is none."""
    try:
        return _object(_TRANSITION)(data)
    except TypeError:
        return None


def parse(text: str) -> Any:
    """The value of strict JSON. Raises ValueError."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("expected fewer levels") from error


def encode_data(value: Any, name: str) -> str:
    """A caller's value as JSON, in which every client reads the same.

    Raises MessageError if it can't be JSON, or would arrive as something else: NaN, keys that are no
    texts, whole numbers beyond 2**53, half a surrogate pair, or more than 64 levels.
    """
    try:
        _check(value, name, 0)
        text = encode(value)
        text.encode()
    except MessageError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise MessageError(f"{name}: expected data that is JSON: {error}") from error
    return text


def _check(value: Any, name: str, depth: int) -> None:
    if depth > NESTING:
        raise MessageError(f"{name}: expected at most {NESTING} levels of data, got more")
    if isinstance(value, dict):
        for key, each in value.items():
            if not isinstance(key, str):
                raise MessageError(f"{name}: expected keys that are texts, got {key!r}")
            _check(each, name, depth + 1)
    elif isinstance(value, (list, tuple)):
        for each in value:
            _check(each, name, depth + 1)
    elif isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER:
        raise MessageError(f"{name}: expected whole numbers up to 2**53 - 1, got a larger one")


def _parsed(text: str | None) -> Any:
    """None where it is no JSON, or longer or deeper than any message."""
    if text is None or len(text) > MESSAGE_BYTES:
        return None
    try:
        value = parse(text)
    except ValueError:
        return None
    return value if _is_shallow(value, _MAX_LEVELS) else None


def _is_shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(each, levels - 1) for each in inner)


def _fault(code: str, message: str) -> Message:
    return {"type": "error", "code": code, "message": message}


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_MAX_LEVELS = NESTING + 4
"""A list of agents has the metadata of each, which may be as deep as a message, below its own levels."""
_Read = Callable[[Any], Any]
"""Returns the value if it is of the type, and raises TypeError otherwise."""
_LEFT_OUT = object()


def _check_that(fits: Callable[[Any], bool]) -> _Read:
    def read(value: Any) -> Any:
        if fits(value):
            return value
        raise TypeError

    return read


def _optional(read: _Read) -> _Read:
    """Without the field where it is of another type."""

    def read_or_leave(value: Any) -> Any:
        try:
            return _LEFT_OUT if value is _LEFT_OUT else read(value)
        except TypeError:
            return _LEFT_OUT

    return read_or_leave


def _or_none(read: _Read) -> _Read:
    return lambda value: None if value is None else read(value)


def _list_of(read: _Read) -> _Read:
    def read_all(value: Any) -> Any:
        if not isinstance(value, list):
            raise TypeError
        return [read(each) for each in value]

    return read_all


def _object(fields: dict[str, _Read]) -> Callable[[Any], Message]:
    def read(value: Any) -> Message:
        if not isinstance(value, dict):
            raise TypeError
        result = {name: read_field(value.get(name, _LEFT_OUT)) for name, read_field in fields.items()}
        return {name: each for name, each in result.items() if each is not _LEFT_OUT}

    return read


def _is_number(value: Any) -> bool:
    # JSON can hold numbers that are too large, which become infinite.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_text = _check_that(lambda value: isinstance(value, str))
_number = _check_that(_is_number)
_true = _check_that(lambda value: value is True)
_record = _check_that(lambda value: isinstance(value, dict))
_activity = _object(
    {
        "state": _text,
        "task": _optional(_text),
        "startedAt": _optional(_number),
        "progressAt": _optional(_number),
        "maxSilenceMs": _optional(_number),
        "note": _optional(_text),
        "inFlight": _optional(_number),
        "eventLoopLagMs": _optional(_number),
    }
)
_PRESENCE: dict[str, _Read] = {
    "agentId": _text,
    "status": _check_that(lambda value: value in ("online", "offline")),
    "since": _number,
    "connectedAt": _number,
    "connectionId": _text,
    "instanceId": _text,
    "lastHeartbeatAt": _number,
    "leaseExpiresAt": _number,
    "leaseMs": _number,
    "heartbeatIntervalMs": _number,
    "activity": _or_none(_activity),
    "stalledSince": _or_none(_number),
}
_TRANSITION: dict[str, _Read] = {
    **_PRESENCE,
    "transitionId": _text,
    "organizationId": _text,
    "event": _text,
    "previousStatus": _or_none(_text),
    "reason": _text,
    "at": _number,
}
_profile = _object({"capabilities": _list_of(_text), "metadata": _record})
_record_of_transition = _object(
    {
        "transitionId": _text,
        "event": _text,
        "reason": _text,
        "at": _number,
        "connectionId": _text,
        "instanceId": _text,
    }
)
_MESSAGES: dict[str, dict[str, _Read]] = {
    "heartbeat_ack": {
        "serverTime": _number,
        "leaseExpiresAt": _number,
        "fencingToken": _optional(_number),
        "heartbeatInterval": _optional(_number),
        "reconnectWindowMs": _optional(_number),
    },
    "profile_ack": {},
    "subscribed": {"subject": _text},
    "unsubscribed": {"subject": _text},
    "published": {"subject": _text, "reached": _number},
    "message": {
        "messageId": _optional(_text),
        "group": _optional(_text),
        "direct": _optional(_true),
        "subject": _text,
        "data": lambda value: None if value is _LEFT_OUT else value,
        "from": _optional(_text),
        "replyTo": _optional(_text),
        "expiresInMs": _optional(_number),
        "attempt": _optional(_number),
        "traceparent": _optional(_text),
        "tracestate": _optional(_text),
    },
    "agents": {
        "agents": _list_of(_object({**_PRESENCE, "reason": _or_none(_text), "profile": _optional(_or_none(_profile))})),
        "cursor": _or_none(_text),
        "serverTime": _number,
        "massExpiry": _optional(_object({"suspectedAt": _number, "heldUntil": _number})),
    },
    "history": {"agentId": _optional(_text), "transitions": _list_of(_record_of_transition)},
    "superseded": {},
    "error": {"code": _text, "message": _text},
}
"""The fields of each message, apart from `type` and `id`."""
