"""Frames of the wire as text and back: strict JSON, which says why it can't carry something."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from .errors import MessageError
from .protocol import NESTING, Message

MAX_SAFE_INTEGER = 2**53 - 1


def encode(value: Any) -> str:
    """A checked value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def decode(text: str | None) -> Message | None:
    """The message in a frame; None if the frame is no JSON object with a `type`."""
    if text is None:
        return None
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        return value
    return None


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


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
