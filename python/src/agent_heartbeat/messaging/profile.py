"""What an agent says of itself beside its presence: checked as the server does, and sent once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ..errors import AgentHeartbeatError, ConfigurationError, MessageError, RequestRefusedError
from ..protocol import ACTIVITY_TEXT_LENGTH, CAPABILITIES, PROFILE_BYTES, Message, Profile
from ..wire import encode_data, parse


def is_capability(name: object) -> bool:
    """Whether it may be the name of a capability."""
    return isinstance(name, str) and 0 < len(name) <= ACTIVITY_TEXT_LENGTH


def profile_of(capabilities: Sequence[str] | None, metadata: Mapping[str, Any] | None) -> Profile | None:
    """A profile as it is sent; None where neither part is given.

    Raises ConfigurationError if the server would not take it.
    """
    if capabilities is None and metadata is None:
        return None
    names = capabilities if capabilities is not None else []
    if isinstance(names, (str, bytes)) or not isinstance(names, Sequence):
        names = [None]  # type: ignore[list-item]
    if len(names) > CAPABILITIES or not all(is_capability(each) for each in names):
        raise ConfigurationError(
            f"option capabilities: expected at most {CAPABILITIES} texts of 1 to "
            f"{ACTIVITY_TEXT_LENGTH} characters, got {capabilities!r}"
        )
    if metadata is not None and not isinstance(metadata, Mapping):
        raise ConfigurationError(f"option metadata: expected a mapping, got {metadata!r}")
    try:
        text = encode_data({"capabilities": list(names), "metadata": dict(metadata or {})}, "option metadata")
    except MessageError as error:
        raise ConfigurationError(str(error)) from error
    size = len(text.encode())
    if size > PROFILE_BYTES:
        raise ConfigurationError(
            f"options capabilities and metadata: expected at most {PROFILE_BYTES} bytes, got {size}"
        )
    frozen: Profile = parse(text)
    return frozen


class ProfilePublisher:
    """Sends a profile once, and again only if it has changed or did not arrive."""

    def __init__(
        self,
        profile: Profile | None,
        ask: Callable[[Message], Awaitable[Message]],
        refused: Callable[[AgentHeartbeatError], None],
    ) -> None:
        self._unsent = profile
        self._ask = ask
        self._refused = refused
        self._sending = False

    def set(self, profile: Profile | None) -> None:
        self._unsent = profile or Profile(capabilities=[], metadata={})

    async def send(self) -> None:
        """Call it whenever there is a connection: it does nothing if there is nothing to send."""
        profile = self._unsent
        if profile is None or self._sending:
            return
        self._sending = True
        try:
            await self._ask({"type": "profile", **profile})
            if self._unsent is profile:
                self._unsent = None
        except RequestRefusedError as error:
            # Anything else may go better with the next ack.
            if error.code not in ("internal", "rate_limited"):
                if self._unsent is profile:
                    self._unsent = None
                self._refused(error)
        except AgentHeartbeatError:
            pass
        finally:
            self._sending = False
