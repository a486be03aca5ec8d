"""What the connection takes from its surroundings: clocks, chance, timers and sockets, all replaceable."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .http import HttpAnswer, HttpRequest


class Listener(Protocol):
    """Hears from one WebSocket. After `ended` nothing more comes."""

    def opened(self) -> None: ...
    def received(self, text: str | None) -> None:
        """A text frame, or None for a binary one."""

    def ended(self, end: Any) -> None: ...


class Socket(Protocol):
    """One WebSocket, as far as the client uses it."""

    @property
    def buffered(self) -> int:
        """Bytes handed to `send` that have not left yet."""

    def send(self, text: str) -> None:
        """Sends a text frame. Called only while open."""

    def close(self, code: int, reason: str) -> None:
        """Starts the closing handshake; `ended` follows when the peer has answered."""

    def terminate(self) -> None:
        """Gives the socket up at once, in any state. Nothing is called afterwards."""


class Timer(Protocol):
    def cancel(self) -> None: ...


class Runtime(Protocol):
    """Times are in seconds."""

    def now(self) -> float:
        """Seconds since the epoch by the local clock, which may be off and may jump."""

    def monotonic(self) -> float:
        """Seconds that only grow. Need not advance while the machine sleeps."""

    def boottime(self) -> float | None:
        """Seconds that only grow and go on while the machine sleeps; None where there is no such clock."""

    def random(self) -> float:
        """At least 0, below 1."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer: ...

    def open_socket(self, url: str, token: str, listener: Listener) -> Socket:
        """Nothing is called before it has returned."""

    def request(self, request: HttpRequest, done: Callable[[HttpAnswer | BaseException], None]) -> None:
        """Sends a request over HTTP. `done` is called once, with the answer or with what was in the way."""

    def observed_lag(self) -> float | None:
        """How late the agent's own event loop runs, where that is another one than the caller's."""
