"""A connection manager in another process, looking to its agent as one in this process does."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from ..connection.health import ManagerHealth, health_before
from ..connection.keys import KeyLoader, SigningKey
from ..connection.manager import ManagerOptions
from ..connection.state import Failure, StateChange, is_final
from ..protocol import Message
from .child import PULSE

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from agent_heartbeat.process.child import main; main(int(sys.argv[2]))"
)
_RESTART_AFTER = (1.0, 30.0)
"""The first wait after the process has died, in seconds, which doubles with each that follows, and the longest."""


def can_run() -> bool:
    """Whether this program can start an interpreter of its own kind: one that is frozen into a file can't."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


class ProcessConnectionManager:
    def __init__(
        self,
        options: ManagerOptions,
        keys: KeyLoader,
        proxy: str | bool | None,
        emit: Callable[[Message], None],
    ) -> None:
        self._options = options
        self._keys = keys
        self._proxy = proxy
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self._health = health_before("idle")
        self._events: deque[Message] = deque()
        self._patterns: Sequence[str] = ()
        self._activity: Message = {"state": "idle"}
        self._restarts = 0
        self._stopping = False
        self._pulse: asyncio.TimerHandle | None = None
        self._spawn()

    # Calls of the agent.

    def start(self) -> None:
        self._call("start")

    def drain(self) -> None:
        self._stopping = True
        self._call("drain")

    def stop(self, cause: str) -> None:
        self._stopping = True
        self._call("stop", cause)

    def reconnect(self) -> None:
        self._call("reconnect")

    def send(self, message: Message) -> None:
        self._call("send", message)

    def set_subscriptions(self, patterns: Sequence[str]) -> None:
        self._patterns = list(patterns)
        self._call("set_subscriptions", self._patterns)

    def set_activity(self, activity: Message) -> None:
        self._activity = activity
        self._call("set_activity", activity)

    def health(self) -> ManagerHealth:
        """What the other process has told by now, though this one's event loop may not have come to it."""
        return self._health

    # The process.

    def _spawn(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps(sys.path), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        for work in (self._write, self._read):
            threading.Thread(target=work, args=(self._process, self._outgoing), daemon=True).start()
        options = asdict(self._options)
        self._put({"call": "begin", "options": options, "key": self._keys.for_another_process, "proxy": self._proxy})
        self._call("set_subscriptions", self._patterns)
        self._call("set_activity", self._activity)
        self._beat()

    def _call(self, name: str, *arguments: Any) -> None:
        self._put({"call": name, "arguments": arguments})

    def _put(self, line: Message) -> None:
        self._outgoing.put(json.dumps(line).encode() + b"\n")

    def _beat(self) -> None:
        if self._pulse:
            self._pulse.cancel()
        self._put({"call": "pulse"})
        self._pulse = self._loop.call_later(PULSE, self._beat)

    @staticmethod
    def _write(process: subprocess.Popen[bytes], outgoing: queue.SimpleQueue[bytes | None]) -> None:
        assert process.stdin
        try:
            while (line := outgoing.get()) is not None:
                process.stdin.write(line)
                process.stdin.flush()
        except (OSError, ValueError):
            pass  # It has ended: the reader tells.

    def _read(self, process: subprocess.Popen[bytes], outgoing: queue.SimpleQueue[bytes | None]) -> None:
        assert process.stdout
        for text in process.stdout:
            line = json.loads(text)
            if "event" in line:
                # On a restart the agent never stopped being what it was.
                self._health = line["health"]
                self._events.append(line["event"])
                self._soon(self._flush)
            else:
                self._soon(self._answer_key)
        code = process.wait()
        outgoing.put(None)
        self._soon(lambda: self._on_exit(code))

    def _soon(self, callback: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:
            pass  # The loop is closed: nobody listens any more.

    def _flush(self) -> None:
        while self._events:
            event = self._events.popleft()
            if self._restarts and event["type"] == "state":
                if event["change"]["state"] == "connecting":
                    continue
                if event["change"]["previous"] == "connecting":
                    event["change"]["previous"] = "reconnecting"
                if event["change"]["state"] == "connected":
                    self._restarts = 0
            self._emit(event)

    def _answer_key(self) -> None:
        def proceed(key: SigningKey | BaseException) -> None:
            if isinstance(key, SigningKey):
                self._put({"call": "key", "pem": key.pem()})
            else:
                self._put({"call": "key", "error": str(key)})

        self._answering = asyncio.ensure_future(self._keys.hand_to(proceed))

    def _on_exit(self, code: int) -> None:
        """The process ended: as it should, or by itself, out of memory or killed. Then another one takes over."""
        self._flush()
        if self._pulse:
            self._pulse.cancel()
        previous = self._health["state"]
        if is_final(previous):
            return
        failure = Failure("network", f"the heartbeat process ended with exit code {code}")
        self._health = {**self._health, "connected": False}
        self._emit({"type": "broken"})
        goes_on = self._options.auto_reconnect and not self._stopping
        first, longest = _RESTART_AFTER
        wait = min(longest, first * 2 ** min(self._restarts, 10))
        attempt = {
            "failure": vars(failure),
            "attempts": self._restarts + 1,
            "retry_in": wait if goes_on else None,
            "rotation": False,
        }
        self._emit({"type": "attempt_failed", "attempt": attempt})
        if not goes_on:
            self._change("stopped", "failed", failure)
            return
        if previous == "connected":
            self._change("reconnecting", "connection_lost", failure)
        self._restarts += 1
        self._loop.call_later(wait, self._restart)

    def _change(self, state: Any, reason: str, failure: Failure) -> None:
        previous = self._health["state"]
        self._health = {**self._health, "state": state}
        change = StateChange(state, previous, reason, time.time(), failure)
        self._emit({"type": "state", "change": change.to_json()})

    def _restart(self) -> None:
        if self._stopping:
            return
        self._spawn()
        self._call("start")
