"""The one answer to a request, whatever number of handlers it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Answer:
    """The first value that a handler returns; without one, the first error; without that, None.

    An error of a handler comes before `unavailable`, on which the request may be sent to others again.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self._send = send
        self._open = 0
        self._fault: dict[str, Any] | None = None
        self._sent = False

    def expect(self, handlers: int) -> None:
        """How many will return or fail."""
        self._open = handlers
        if handlers == 0:
            self.failed("no_handler", "there is no handler for the subject")

    def returned(self, value: Any) -> None:
        self._open -= 1
        if value is not None:
            self._answer({"result": value})
        else:
            self._last()

    def failed(self, code: str, error: object) -> None:
        self._open -= 1
        if self._fault is None or self._fault["error"]["code"] == "unavailable":
            self._fault = {"error": {"code": code, "message": text_of(error)}}
        self._last()

    def _last(self) -> None:
        if self._open <= 0:
            self._answer(self._fault or {"result": None})

    def _answer(self, reply: dict[str, Any]) -> None:
        if not self._sent:
            self._sent = True
            self._send(reply)


def text_of(error: object) -> str:
    """What an error says, as far as a message carries it; its kind where it says nothing, or fails to."""
    try:
        said = str(error) or type(error).__name__
    except Exception:
        said = type(error).__name__
    return said[:_LONGEST].encode(errors="backslashreplace").decode()


_LONGEST = 4000
"""Characters of an error."""
