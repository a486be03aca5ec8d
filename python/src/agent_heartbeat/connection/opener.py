"""Opens connections: each with the key as it is now, and a login token of its own."""

from __future__ import annotations

from collections.abc import Callable

from .ends import Failed
from .keys import SigningKey
from .managed_connection import ManagedConnection
from .manager_options import ManagerOptions
from .manager_port import LoadKey
from .runtime import Listener, Socket
from .stats import ServerClock

OpenSocket = Callable[[str, str, Listener], Socket]
"""Opens a socket to a URL with a token."""


class ConnectionOpener:
    def __init__(self, options: ManagerOptions, load_key: LoadKey, clock: ServerClock, open_socket: OpenSocket) -> None:
        self._options = options
        self._load_key = load_key
        self._clock = clock
        self._open_socket = open_socket

    def open(self, connection: ManagedConnection, is_rotation: Callable[[], bool]) -> None:
        """Gives the connection its socket, or its end. `is_rotation`: whether another one is open by then."""

        def proceed(key: SigningKey | BaseException) -> None:
            if connection.has_ended:
                return
            if isinstance(key, BaseException):
                connection.ended(Failed(key))
                return
            try:
                token = key.token(self._options.login, self._clock.now(), is_rotation())
                connection.socket = self._open_socket(self._options.url, token, connection)
            except Exception as error:
                connection.ended(Failed(error))

        self._load_key(proceed)
