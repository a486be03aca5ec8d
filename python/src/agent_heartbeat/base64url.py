"""Base64 for URLs without padding, as tokens and JWKs have it."""

from __future__ import annotations

import base64


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    """Raises ValueError if it is none."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
