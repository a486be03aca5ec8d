"""Requests to other agents: of several answers the first value counts, and an error only if there is no value.

A request that no agent handled is sent again, because the agent may just be moving to another process.
"""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import AgentHeartbeatError, NoReceiverError, RemoteError, RequestTimeoutError
from ..protocol import INBOX, Message
from ..subject import agent_token

_AGAIN = (0.25, 0.75, 2.0)
"""The pauses before a request is sent again that nobody got, or that all who got it refused unhandled, in seconds."""
_UNHANDLED = ("no_handler", "unavailable")
"""Errors which show that no agent handled a request, in increasing priority."""


@dataclass(eq=False)
class _Question:
    message: Message
    name: str
    ends_at: float
    """Monotonic: its deadline."""
    retries: int
    """How many further agents may get it after one was lost."""
    answer: asyncio.Future[Any]
    attempts: int = 1
    """How many were sent, one that waits to be sent included."""
    reached: int | None = None
    """How many processes got it; unknown until the service has confirmed it."""
    faults: int = 0
    fault: RemoteError | None = None
    """The error that says most, of those that came."""
    sending: list[asyncio.Future[None]] = field(default_factory=list)
    again: asyncio.TimerHandle | None = None


class Questions:
    def __init__(self, agent_id: str, publish: Callable[[Message, float], Awaitable[int]]) -> None:
        self._agent_id = agent_id
        self._publish = publish
        self._open: dict[str, _Question] = {}

    async def ask(self, message: Message, timeout: float, retries: int) -> Any:
        """Raises RemoteError, NoReceiverError, RequestTimeoutError, or what `publish` raises."""
        inbox = f"{INBOX}.{agent_token(self._agent_id)}.{uuid.uuid4()}"
        receiver = message.get("to", message.get("capability"))
        name = message["subject"] if receiver is None else f"{message['subject']} to {receiver}"
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        question = _Question({**message, "replyTo": inbox}, name, time.monotonic() + timeout, retries, future)
        self._open[inbox] = question
        try:
            self._send(question)
            return await asyncio.wait_for(future, timeout)
        except asyncio.CancelledError:
            # Nobody waits for it: what waits for its turn is not sent any more.
            for sending in question.sending:
                sending.cancel()
            raise
        except asyncio.TimeoutError:
            late = RequestTimeoutError(f"{name}: expected an answer within {timeout:g} s, got none")
            raise (question.fault or late) from None
        finally:
            del self._open[inbox]
            if question.again:
                question.again.cancel()

    def answered(self, subject: str, data: Any, sender: str) -> None:
        """Accepts an answer. Ignores one that is not waited for."""
        question = self._open.get(subject)
        if question is None:
            return
        error = data.get("error") if isinstance(data, dict) else None
        if not isinstance(error, dict):
            # Clients that are none of ours may answer with the bare result.
            _settle(question, data.get("result", data) if isinstance(data, dict) else data)
            return
        attempt = data.get("attempt")
        if isinstance(attempt, int) and attempt < question.attempts:
            # That attempt was counted already: by another error, or because nobody received it.
            return
        code, text = str(error.get("code")), str(error.get("message"))
        question.faults += 1
        if question.fault is None or _weight(code) > _weight(question.fault.code):
            asked = question.message["subject"]
            question.fault = RemoteError(code, sender, f"{asked}: {sender} answered {code}: {text}")
        self._settle_faults(question)

    def fail(self, error: AgentHeartbeatError) -> None:
        """Gives up all of them."""
        for question in list(self._open.values()):
            _fail(question, error)

    def _send(self, question: _Question) -> None:
        question.faults = 0
        left = question.ends_at - time.monotonic()
        fields = {"expiresInMs": max(1, math.ceil(left * 1000)), "attempt": question.attempts}

        async def send() -> None:
            try:
                question.reached = await self._publish({**question.message, **fields}, left)
                self._settle_faults(question)
            except RequestTimeoutError:
                late = f"{question.name}: expected an answer in time, got none"
                _fail(question, question.fault or RequestTimeoutError(late))
            except AgentHeartbeatError as error:
                _fail(question, error)

        question.sending = [asyncio.ensure_future(send())]

    def _settle_faults(self, question: _Question) -> None:
        """Continues when every receiver has answered with an error, or there was none."""
        fault, reached = question.fault, question.reached
        if reached is None or question.faults < reached or question.answer.done():
            return
        code = fault.code if fault else "unavailable"
        if code == "unavailable" and question.attempts <= len(_AGAIN):
            pause = _AGAIN[question.attempts - 1]
        elif code == "receiver_lost" and question.retries > 0:
            question.retries -= 1
            question.fault = None
            pause = 0
        else:
            none = f"{question.name}: expected an answer, got nobody; is the agent online, or anybody subscribed?"
            _fail(question, fault or NoReceiverError(none))
            return
        question.attempts += 1
        question.reached = None
        question.again = asyncio.get_running_loop().call_later(pause, self._send, question)


def _weight(code: str) -> int:
    return _UNHANDLED.index(code) if code in _UNHANDLED else len(_UNHANDLED)


def _settle(question: _Question, value: Any) -> None:
    if not question.answer.done():
        question.answer.set_result(value)


def _fail(question: _Question, error: AgentHeartbeatError) -> None:
    if not question.answer.done():
        question.answer.set_exception(error)
