"""A handler of messages: a coroutine function runs on the event loop, any other function in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .message import Incoming


@dataclass(eq=False)
class Chain:
    """Messages of one subject for one handler."""

    handler: Handler
    subject: str
    started: int = 0
    """How many are running, or ready to."""
    waiting: deque[Incoming] = field(default_factory=deque)


@dataclass(eq=False)
class Handler:
    pattern: str
    group: str | None
    function: Callable[..., Any]
    concurrency: int
    max_silence: float | None
    chains: dict[str, Chain] = field(default_factory=dict)
    """By subject, while there is something to do."""

    def __post_init__(self) -> None:
        self._takes_context = _takes_context(self.function)

    async def call(self, message: Incoming) -> Any:
        arguments: tuple[Any, ...] = (message.subject, message.data)
        if self._takes_context:
            arguments = (*arguments, message.context)
        if _is_async(self.function):
            return await self.function(*arguments)
        value = await _in_thread(self.function, *arguments)
        return await value if inspect.isawaitable(value) else value


def _in_thread(function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
    """Calls a function in a thread of its own, which does not hold the program's end up.

    Those of a pool would: the interpreter waits for them, and the program's other work shares the loop's own pool.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(value: Any, error: BaseException | None) -> None:
        if result.done():
            return
        # A future can't hold a StopIteration: it would end whoever awaits it without a word.
        if isinstance(error, StopIteration):
            error = RuntimeError(f"the handler raised {error!r}")
        if error is None:
            result.set_result(value)
        else:
            result.set_exception(error)

    def call() -> None:
        value, error = None, None
        try:
            value = context.run(function, *arguments)
        except BaseException as raised:
            error = raised
        # The loop may be closed by now: then nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=call, name=f"handler {getattr(function, '__name__', '')}", daemon=True).start()
    return result


def _is_async(function: Callable[..., Any]) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004 - an object whose call is a coroutine function
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _takes_context(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    required = [each for each in positional if each.default is each.empty]
    variadic = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    return variadic or len(required) >= 3
