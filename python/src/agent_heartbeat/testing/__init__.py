"""A service in the test's own process, and an agent for tests of handlers alone."""

from __future__ import annotations

from .agent import FakeAgent, fake_agent
from .connection import FakeConnection, Login, Refusal
from .fleet import fake_presence, fake_transition
from .http import HttpRequest, HttpResponse
from .remote import FakeMessage, RemoteAgent
from .service import FakeService

__all__ = [
    "FakeAgent",
    "FakeConnection",
    "FakeMessage",
    "FakeService",
    "HttpRequest",
    "HttpResponse",
    "Login",
    "Refusal",
    "RemoteAgent",
    "fake_agent",
    "fake_presence",
    "fake_transition",
]
