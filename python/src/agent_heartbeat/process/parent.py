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
from ..connection.manager_options import ManagerOptions
from ..connection.state import AgentState, Failure, StateChange, is_final
from ..errors import ConnectionError, EnrolmentRefusedError
from ..protocol import Message
from .child import PULSE

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from agent_heartbeat.process.child import main; main(int(sys.argv[2]))"
)
_RESTART_AFTER = (1.0, 30.0)
"""The first wait after the process has died, in seconds, which doubles with each that follows, and the longest."""
_TURNS = 10
"""Turns of the event loop that a handler waits at most until its start is reported."""


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
        self._state: AgentState = "idle"
        """The last state that the agent received: the health may be newer."""
        self._draining = False
        self._superseded = False
        self._stop_cause: str | None = None
        self._pulse: asyncio.TimerHandle | None = None
        self._restart_timer: asyncio.TimerHandle | None = None
        """Set while there is no process, and another one is going to be started."""
        try:
            self._spawn()
        except OSError as error:
            raise ConnectionError(
                f"expected to start a process for the heartbeats, got: {error}; heartbeat_process=False needs none"
            ) from error

    # Calls of the agent.

    def start(self) -> None:
        self._call("start")

    def drain(self) -> None:
        self._draining = True
        if self._restart_timer:
            self._change("draining", "drain")
        self._call("drain")

    def stop(self, cause: str) -> None:
        self._stop_cause = self._stop_cause or cause
        if self._restart_timer:
            self._restart_timer.cancel()
            self._restart_timer = None
            self._change("stopped", cause)
        self._call("stop", cause)

    def reconnect(self) -> None:
        if self._restart_timer:
            self._restart_timer.cancel()
            self._restart()
        self._call("reconnect")

    def send(self, message: Message) -> None:
        if self._restart_timer:
            self._emit({"type": "unsent", "id": message.get("id")})
        else:
            self._call("send", message)

    def set_subscriptions(self, patterns: Sequence[str]) -> None:
        self._patterns = list(patterns)
        self._call("set_subscriptions", self._patterns)

    def set_activity(self, activity: Message) -> None:
        self._activity = activity
        self._call("set_activity", activity)

    async def activity_sent(self) -> None:
        """Until the thread that writes has got hold of the interpreter, if it does so soon."""
        for _ in range(_TURNS):
            if self._outgoing.empty():
                return
            await asyncio.sleep(0)

    def health(self) -> ManagerHealth:
        """What the other process has sent by now, even if this one's event loop has not received it yet."""
        if self._is_again_what_it_was(self._health["state"]):
            return {**self._health, "state": self._state}
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
        self._send_pulse()

    def _call(self, name: str, *arguments: Any) -> None:
        self._put({"call": name, "arguments": arguments})

    def _put(self, line: Message) -> None:
        self._outgoing.put(json.dumps(line).encode() + b"\n")

    def _send_pulse(self) -> None:
        if self._pulse:
            self._pulse.cancel()
        self._put({"call": "pulse"})
        self._pulse = self._loop.call_later(PULSE, self._send_pulse)

    @staticmethod
    def _write(process: subprocess.Popen[bytes], outgoing: queue.SimpleQueue[bytes | None]) -> None:
        assert process.stdin
        try:
            while (line := outgoing.get()) is not None:
                process.stdin.write(line)
                process.stdin.flush()
        except (OSError, ValueError):
            pass  # It has ended: the reader reports it.

    def _read(self, process: subprocess.Popen[bytes], outgoing: queue.SimpleQueue[bytes | None]) -> None:
        assert process.stdout
        for text in process.stdout:
            line = json.loads(text)
            if "event" in line:
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
            if event["type"] == "state":
                self._emit_state(event["change"])
            else:
                if event["type"] == "ready":
                    self._restarts = 0
                self._emit(event)

    def _emit_state(self, change: Message) -> None:
        if self._is_again_what_it_was(change["state"]):
            return
        change["previous"] = self._state
        self._state = change["state"]
        self._superseded = self._superseded or change["reason"] == "superseded"
        self._emit({"type": "state", "change": change})

    def _is_again_what_it_was(self, state: AgentState) -> bool:
        """Whether this is the start of a process that replaces a dead one, which changes nothing for the agent."""
        if self._state == "draining":
            return not is_final(state)
        return state == self._state or (state == "connecting" and self._state != "idle")

    def _answer_key(self) -> None:
        def proceed(key: SigningKey | BaseException) -> None:
            if isinstance(key, SigningKey):
                self._put({"call": "key", "pem": key.pem()})
            else:
                refusal = vars(key) if isinstance(key, EnrolmentRefusedError) else None
                self._put({"call": "key", "error": str(key), "refusal": refusal})

        self._keys.hand_to(proceed)

    def _on_exit(self, code: int) -> None:
        """The process ended: as it should, or by itself, out of memory or killed. Then another one takes over."""
        self._flush()
        if self._pulse:
            self._pulse.cancel()
        if is_final(self._state):
            return
        self._health = {**self._health, "state": self._state, "connected": False}
        self._emit({"type": "broken"})
        if self._superseded:
            # Another one would take the agent back.
            self._change("superseded", "superseded")
        elif self._stop_cause:
            self._change("stopped", self._stop_cause)
        else:
            self._failed(f"the heartbeat process ended with exit code {code}")

    def _failed(self, message: str) -> None:
        failure = Failure("network", message)
        goes_on = self._options.auto_reconnect
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
        if self._state == "connected":
            self._change("reconnecting", "connection_lost", failure)
        self._restarts += 1
        self._restart_timer = self._loop.call_later(wait, self._restart)

    def _change(self, state: AgentState, reason: str, failure: Failure | None = None) -> None:
        change = StateChange(state, self._state, reason, time.time(), failure)
        self._health = {**self._health, "state": state}
        self._emit_state(change.to_json())

    def _restart(self) -> None:
        self._restart_timer = None
        try:
            self._spawn()
        except OSError as error:
            self._failed(f"the heartbeat process can't be started: {error}")
            return
        self._call("start")
        if self._draining:
            self._call("drain")
