"""What an agent's handlers are at, since when, and when they last advanced: what its heartbeats say of it."""

from __future__ import annotations

import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from ..protocol import ACTIVITY_TEXT_LENGTH, Message


@dataclass(eq=False)
class Task:
    """A message that is being handled. Times are epoch milliseconds by the local clock."""

    subject: str
    max_silence_ms: int | None
    started_at: int = field(default_factory=lambda: _now())
    progress_at: int = field(default_factory=lambda: _now())
    note: str | None = None

    @property
    def stalls_at(self) -> int:
        return self.progress_at + (self.max_silence_ms or 0)


current_task: ContextVar[Task | None] = ContextVar("agent_heartbeat_task", default=None)
"""Tells which task a call belongs to, across `await` and into threads of handlers."""


class Work:
    """May be used by every thread: handlers that block run in threads of their own."""

    def __init__(self) -> None:
        self._tasks: dict[Task, None] = {}
        self._lock = threading.Lock()

    def begin(self, subject: str, max_silence: float | None) -> Task:
        task = Task(subject, None if max_silence is None else round(max_silence * 1000))
        with self._lock:
            self._tasks[task] = None
        return task

    def end(self, task: Task) -> None:
        with self._lock:
            self._tasks.pop(task, None)

    def advance(self, note: str | None) -> bool:
        """Marks that the caller's task has advanced, or else the oldest; returns whether there is one."""
        with self._lock:
            task = current_task.get() or next(iter(self._tasks), None)
            if task is None or task not in self._tasks:
                return False
            task.progress_at = _now()
            if note is not None:
                task.note = note
            return True

    def activity(self, draining: bool) -> Message:
        """One task stands for all: the one that is to stall first, or else the oldest."""
        with self._lock:
            tasks = list(self._tasks)
        limited = [task for task in tasks if task.max_silence_ms is not None]
        first = min(limited, key=lambda task: task.stalls_at) if limited else next(iter(tasks), None)
        if first is None:
            return {"state": "draining" if draining else "idle"}
        activity: Message = {
            "state": "draining" if draining else "working",
            "task": first.subject[:ACTIVITY_TEXT_LENGTH],
            "startedAt": first.started_at,
            "progressAt": first.progress_at,
            "inFlight": len(tasks),
        }
        if first.max_silence_ms is not None:
            activity["maxSilenceMs"] = first.max_silence_ms
        if first.note is not None:
            activity["note"] = first.note[:ACTIVITY_TEXT_LENGTH]
        return activity


def _now() -> int:
    return round(time.time() * 1000)
