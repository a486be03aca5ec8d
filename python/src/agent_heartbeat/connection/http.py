"""Requests with JSON to the deployment's HTTP endpoint."""

from __future__ import annotations

import functools
import json
import os
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ..protocol import Message, host_of

URL_VARIABLE = "AGENT_HEARTBEAT_HTTP_URL"
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True)
class HttpRequest:
    """`url` and `token` say where and as whom."""

    method: str
    url: str
    token: str
    body: Message | None
    timeout: float
    """In seconds, for each step of it."""


@dataclass(frozen=True)
class HttpAnswer:
    """What the service answered. `body`: empty if it is no JSON object."""

    status: int
    body: dict[str, Any]
    retry_after: str | None = None
    date: str | None = None


def send_request(request: HttpRequest, proxy: str | bool | None) -> HttpAnswer:
    """Waits for the answer. Raises OSError or ValueError if there is none."""
    sent = urllib.request.Request(
        request.url,
        None if request.body is None else json.dumps(request.body).encode(),
        {"Authorization": f"Bearer {request.token}", "Content-Type": "application/json"},
        method=request.method,
    )
    proxies = {"http": proxy, "https": proxy} if isinstance(proxy, str) else {}
    handlers: list[urllib.request.BaseHandler] = [] if proxy is True else [urllib.request.ProxyHandler(proxies)]
    if request.url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=_trust()))
    opener = urllib.request.build_opener(_NoRedirects, *handlers)
    try:
        response = opener.open(sent, timeout=request.timeout)
    except urllib.error.HTTPError as refusal:
        response = refusal
    with response:
        headers = response.headers
        body = _object(response.read(_MOST_BYTES))
        return HttpAnswer(response.status, body, headers.get("Retry-After"), headers.get("Date"))


@functools.cache
def _trust() -> ssl.SSLContext:
    """Made once: to load the system's certificates takes longer than a request."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def given_http_url(option: str | None) -> str | None:
    """The option, else the environment variable."""
    return option if option is not None else os.environ.get(URL_VARIABLE, "").strip() or None


def checked_http_url(http_url: Any, user: str) -> str:
    """The URL without a slash at its end. `user`: what needs it. Raises ConfigurationError if it is none."""
    try:
        parts = urlsplit(http_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (TypeError, ValueError, AttributeError):
        usable = False
    if usable and isinstance(http_url, str):
        return http_url.rstrip("/")
    raise ConfigurationError(
        f"option http_url: expected the https:// URL of the deployment (its output HttpUrl), which {user} "
        f"needs, got {http_url!r}"
    )


def http_audience_of(http_url: str) -> str:
    """The `aud` of a token for HTTP: `https://host`, without a default port or path."""
    parts = urlsplit(http_url)
    default = 443 if parts.scheme == "https" else 80
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host_of(http_url)}{port}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token is sent to no other host."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
