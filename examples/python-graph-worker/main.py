"""A worker that runs a graph of steps, as LangGraph and its like do, and reports each step as progress.

The steps are ordinary functions, which may block: heartbeats go on meanwhile. A step that takes longer than
`max_silence` lets the worker read as stalled, although its heartbeats continue.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent_heartbeat import HeartbeatAgent

sys.path.insert(0, str(Path(__file__).parents[1]))
from python_settings import settings_from_environment

State = dict[str, Any]


def plan(state: State) -> State:
    return {**state, "sections": [f"{state['question']}: part {part}" for part in (1, 2)]}


def research(state: State) -> State:
    return {**state, "findings": [ask_model(section) for section in state["sections"]]}


def review(state: State) -> State:
    return {**state, "rounds": state.get("rounds", 0) + 1}


def write(state: State) -> State:
    return {**state, "report": "\n".join(state["findings"])}


STEPS: dict[str, Callable[[State], State]] = {"plan": plan, "research": research, "review": review, "write": write}
NEXT: dict[str, Callable[[State], str | None]] = {
    "plan": lambda state: "research",
    "research": lambda state: "review",
    "review": lambda state: "write" if state["rounds"] > 1 else "research",
    "write": lambda state: None,
}


def ask_model(prompt: str) -> str:
    """Simulates a call to a model, with a client that blocks."""
    time.sleep(0.5)
    return f"an answer to {prompt!r}"


agent = HeartbeatAgent(**settings_from_environment(), heartbeat_interval=5, capabilities=["research"])
agent.on("state", lambda change: print(change.state, flush=True))


# No coroutine function: it runs in a thread.
@agent.on_message("tasks.research", max_silence=60)
def run_graph(subject: str, data: Any) -> str:
    state: State = {"question": data.get("question", "?")}
    step: str | None = "plan"
    while step is not None:
        agent.progress(step)
        state = STEPS[step](state)
        step = NEXT[step](state)
    return str(state["report"])


asyncio.run(agent.run())
