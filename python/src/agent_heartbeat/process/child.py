"""The process that keeps an agent's connection: its manager, its timers and its socket, and nothing else.

It speaks to its agent by lines of JSON on standard input and output, and ends with it, however that ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable

from ..connection.asyncio_runtime import AsyncioRuntime
from ..connection.backoff import Window
from ..connection.heartbeat import HeartbeatTerms
from ..connection.keys import SigningKey
from ..connection.manager import ConnectionManager
from ..connection.manager_options import ManagerOptions
from ..connection.state import is_final
from ..errors import EnrolmentRefusedError, KeyError
from ..protocol import Message

PULSE = 1.0
"""How often the agent's event loop reports that it runs, in seconds."""
_PARENT_CHECK = 0.5


def main(parent: int) -> None:
    """Runs until the agent has ended. `parent` is the agent's process id."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # What is sent to the whole group is for the agent, which may want to drain.
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    asyncio.run(_serve())


def _end_with(parent: int) -> None:
    """Input that ends says that the agent has; but another process may have inherited its other end."""
    while os.name != "posix" or os.getppid() == parent:
        time.sleep(_PARENT_CHECK)
    os._exit(0)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    outgoing: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    writer = threading.Thread(target=_write, args=(outgoing,), daemon=True)
    writer.start()
    child = _Child(
        lambda line: outgoing.put(json.dumps(line)),
        lambda: done.set_result(None),
    )

    def read() -> None:
        for line in sys.stdin.buffer:
            loop.call_soon_threadsafe(child.take, json.loads(line))
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    await done
    outgoing.put(None)
    await loop.run_in_executor(None, writer.join)
    # The thread that reads would hold the interpreter's end up.
    os._exit(0)


def _write(outgoing: queue.SimpleQueue[str | None]) -> None:
    while (line := outgoing.get()) is not None:
        try:
            sys.stdout.buffer.write(line.encode() + b"\n")
            sys.stdout.buffer.flush()
        except OSError:
            os._exit(0)


class _Child:
    def __init__(self, write: Callable[[Message], None], ended: Callable[[], None]) -> None:
        self._write = write
        self._ended = ended
        self._manager: ConnectionManager | None = None
        self._pulse_at = time.monotonic()
        self._key: dict[str, str] | None = None
        self._waiting: list[Callable[[SigningKey | BaseException], None]] = []

    def take(self, line: Message) -> None:
        """A call of the agent's."""
        call = line["call"]
        if call == "pulse":
            self._pulse_at = time.monotonic()
        elif call == "key":
            self._take_key(line)
        elif call == "begin":
            self._begin(line)
        elif self._manager:
            getattr(self._manager, call)(*line.get("arguments", ()))

    def _begin(self, line: Message) -> None:
        self._key = line["key"]
        terms = line["options"]["heartbeat"]
        options = ManagerOptions(
            **{
                **line["options"],
                "heartbeat": terms and HeartbeatTerms(**terms),
                "windows": {kind: Window(**window) for kind, window in line["options"]["windows"].items()},
            }
        )
        runtime = AsyncioRuntime(self._observed_lag, line["proxy"])
        manager = ConnectionManager(options, runtime, self._load_key, self._emit)
        self._manager = manager

    def _observed_lag(self) -> float:
        return max(0.0, time.monotonic() - self._pulse_at - PULSE)

    def _emit(self, event: Message) -> None:
        assert self._manager
        self._write({"event": event, "health": self._manager.health()})
        if event["type"] == "state" and is_final(event["change"]["state"]):
            self._ended()

    def _load_key(self, proceed: Callable[[SigningKey | BaseException], None]) -> None:
        """A file is read here, so that an agent that is blocked can log in all the same."""
        if self._key is None:
            self._waiting.append(proceed)
            self._write({"wants": "key"})
            return
        try:
            path = self._key.get("path")
            key = SigningKey.from_file(path) if path else SigningKey.of(self._key["pem"])
        except KeyError as error:
            key_or_error: SigningKey | BaseException = error
        else:
            key_or_error = key
        asyncio.get_running_loop().call_soon(proceed, key_or_error)

    def _take_key(self, line: Message) -> None:
        waiting, self._waiting = self._waiting, []
        for proceed in waiting:
            try:
                if "error" in line:
                    raise _key_error(line)
                key: SigningKey | BaseException = SigningKey.of(line["pem"])
            except KeyError as error:
                key = error
            proceed(key)


def _key_error(line: Message) -> KeyError:
    refusal = line["refusal"]
    return EnrolmentRefusedError(line["error"], **refusal) if refusal else KeyError(line["error"])
