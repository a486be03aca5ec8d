"""A fleet as it is now, in a mapping: subscribes to what changes, lists what is, and watches the leases."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ..connection.client_connection import ClientConnection
from ..connection.ends import error_of, not_connected
from ..connection.manager_port import Emit, ManagerPort
from ..connection.state import Failure, StateChange, is_final
from ..connection.stats import ServerClock
from ..errors import (
    AgentHeartbeatError,
    ConnectionError,
    LoginRefusedError,
    RequestRefusedError,
    RequestTimeoutError,
)
from ..events import Emitter, Listener, Log
from ..protocol import AGENT_WATCHES_STATUS, PRESENCE, Message
from ..subject import agent_token
from ..tasks import Tasks
from ..wire import transition_in
from .book import FleetBook, FleetChange, Presence, presence_of
from .events import FleetEventName, FleetState, FleetStateChange
from .listing import ListingSchedule
from .pages import FleetPages

_DOUBT = 2.0
"""A lease that has run out may have been renewed in the moment before: a list is asked first, so long."""

_Self = TypeVar("_Self", bound="Watcher")


class Watcher:
    """What watchers of a fleet have in common, whatever connection they use."""

    def __init__(
        self,
        agent_id: str,
        organization_id: str,
        log: Log,
        *,
        profiles: bool,
        request_timeout: float,
        create_manager: Callable[[Emit], ManagerPort],
    ) -> None:
        self.agent_id = agent_id
        self.organization_id = organization_id
        self._log = log
        self._request_timeout = request_timeout
        self._emitter: Emitter[Any] = Emitter(frozenset({"change", "state", "mass_expiry"}), self._log)
        self._book = FleetBook()
        self._clock = ServerClock(time.time)
        self._connection = ClientConnection(agent_id, create_manager, self._on_event)
        self._connection.set_subscriptions([f"{PRESENCE}.>"])
        self._state: FleetState = "idle"
        self._started: asyncio.Future[None] | None = None
        self._ended = asyncio.Event()
        self._ready = False
        """Subscribed, so that a list that begins now misses nothing."""
        self._changed_meanwhile: set[str] | None = None
        """Told of since the list began: a list need not have it yet. None while none is under way."""
        self._timer: asyncio.TimerHandle | None = None
        self._tasks = Tasks()
        self._last_update_at: float | None = None
        self._mass_expiry: dict[str, Any] | None = None
        self._schedule = ListingSchedule()
        self._pages = FleetPages(agent_id, profiles, self._request, self._clock)

    @property
    def state(self) -> FleetState:
        return self._state

    @property
    def agents(self) -> Mapping[str, Presence]:
        """Every agent once, by its id, with its status as of now. The mapping is the same one at every call."""
        changes = self._book.expire(self._reading_time())
        if changes:
            # Not in the caller's turn, who only reads.
            asyncio.get_running_loop().call_soon(self._emit_changes, changes)
        return self._book.agents

    @property
    def last_update_at(self) -> float | None:
        """The time of the last update, by the server's clock; None before the first list."""
        return self._last_update_at

    @property
    def mass_expiry(self) -> dict[str, Any] | None:
        """The mass expiry that the service suspected at the last list; None if none.

        So many agents fell silent at once that it withholds their offline events.
        """
        return self._mass_expiry

    def server_now(self) -> float:
        """Epoch milliseconds by the server's clock, as well as it is known: the clock of all times shown."""
        manager = self._connection.manager
        skew = manager.health()["clock_skew"] if manager else None
        return (self._clock.now() if skew is None else time.time() - skew) * 1000

    def on(self, name: FleetEventName, listener: Listener) -> Callable[[], None]:
        """Calls a listener for every `FleetChange`, `FleetStateChange`, or mass expiry that begins or (None) ends.

        Returns a function that takes the listener away again.
        """
        return self._emitter.on(name, listener)

    def once(self, name: FleetEventName, listener: Listener) -> Callable[[], None]:
        """Calls a listener for the next event of a name alone: see `on`."""
        return self._emitter.on(name, listener, once=True)

    def off(self, name: FleetEventName, listener: Listener) -> None:
        """Takes a listener away, however often it was added. Raises ConfigurationError as `on` does."""
        self._emitter.off(name, listener)

    async def start(self) -> None:
        """Connects and stays connected in the background; returns when every agent is in the mapping.

        Raises KeyError if the private key is unusable, LoginRefusedError if it is an agent's, and ConnectionError if
        the watcher is stopped before.
        """
        if self._started is None:
            self._started = asyncio.get_running_loop().create_future()
            self._started.add_done_callback(lambda done: done.cancelled() or done.exception())
            if self._state == "stopped":
                self._started.set_exception(not_connected(self.agent_id))
            else:
                await self._open()
        await asyncio.shield(self._started)

    def reconnect(self) -> None:
        """Makes the next attempt sooner: see `HeartbeatAgent.reconnect`."""
        if self._connection.manager:
            self._connection.manager.reconnect()

    async def stop(self) -> None:
        """Ends for good. Returns when the connection is closed."""
        if self._state == "stopped":
            return
        if self._connection.manager is None:
            self._end()
            return
        self._connection.manager.stop("stop")
        await self._ended.wait()

    async def history(self, agent_id: str) -> list[dict[str, Any]]:
        """An agent's last transitions, newest first, at most 50.

        Raises ConnectionError, RequestRefusedError or RequestTimeoutError.
        """
        reply = await self._request({"type": "history", "agentId": agent_id})
        return list(reply["transitions"])

    async def __aenter__(self: _Self) -> _Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # Inside.

    async def _open(self) -> None:
        self._enter("connecting")
        try:
            await self._prepare()
        except AgentHeartbeatError as error:
            self._end(error)
            return
        if not self._ended.is_set():
            self._connection.open().start()

    async def _prepare(self) -> None:
        """What has to be there before the connection is opened."""

    async def _request(self, message: Message) -> Message:
        return await self._connection.request(message, self._request_timeout)

    def _on_event(self, event: Message) -> None:
        kind = event["type"]
        if kind == "state":
            self._on_state(StateChange.from_json(event["change"]))
        elif kind == "attempt_failed":
            failure = Failure(**event["attempt"]["failure"])
            if failure.status == AGENT_WATCHES_STATUS:
                self._refuse(AGENT_WATCHES_STATUS)
                return
            self._log.warning("%s", str(error_of(self.agent_id, failure)))
            self._emitter.emit("state", FleetStateChange(self._state, failure))
        elif kind == "ready":
            self._ready = True
            self._schedule.list_now()
            self._work()
        elif kind == "broken":
            self._pages.broken()
        elif kind == "message":
            self._on_message(event["message"])

    def _refuse(self, status: int) -> None:
        """The key is an agent's, which no further attempt changes."""
        expected = "expected the key of a viewer, got that of an agent: an agent watches by its own agent.fleet"
        error = LoginRefusedError(f"{self.agent_id}: {expected}", status)
        self._log.error("%s", str(error))
        self._end(error)
        if self._connection.manager:
            self._connection.manager.stop("stop")

    def _on_state(self, change: StateChange) -> None:
        if change.state == "connected":
            return
        self._ready = False
        # Superseded: there is no work to finish.
        if change.state == "draining" and self._connection.manager:
            self._connection.manager.stop("stop")
        if is_final(change.state):
            self._end(error_of(self.agent_id, change.failure) if change.failure else None)
        elif self._state == "live":
            self._enter("stale")
        self._work()

    def _on_message(self, message: Message) -> None:
        if message["type"] == "error":
            self._log.warning("%s", message.get("message"))
        transition = transition_in(message.get("data")) if message["type"] == "message" else None
        if transition is None or message["subject"] != f"{PRESENCE}.{agent_token(transition['agentId'])}":
            return
        agent_id = transition["agentId"]
        if self._changed_meanwhile is not None:
            self._changed_meanwhile.add(agent_id)
        if self._state == "live":
            self._last_update_at = self.server_now()
        self._take(presence_of(transition), transition)
        self._work()

    def _work(self) -> None:
        """Does what is due, and sets the timer for what is due next."""
        if self._timer:
            self._timer.cancel()
        self._timer = None
        if self._state in ("idle", "stopped"):
            return
        self._emit_changes(self._book.expire(self._reading_time()))
        now = time.monotonic()
        overdue_at = self._schedule.overdue_at
        if self._state == "live" and overdue_at <= now:
            self._enter("stale")
        lease_end = now + (self._book.next_lease_end - self.server_now()) / 1000
        waits = [lease_end + (_DOUBT if self._ready else 0)]
        if self._state == "live":
            waits.append(overdue_at)
        if self._ready and self._changed_meanwhile is None:
            list_at = self._schedule.due_at(lease_end)
            if list_at <= now:
                self._changed_meanwhile = set()
                self._tasks.keep(self._list())
            else:
                waits.append(list_at)
        following = min(waits)
        if following < math.inf:
            delay = max(0.0, following - now)
            self._timer = asyncio.get_running_loop().call_later(delay, self._work)

    async def _list(self) -> None:
        changed = self._changed_meanwhile
        assert changed is not None
        self._schedule.started(time.monotonic())
        try:
            pages = 0
            async for page in self._pages.read():
                if pages == 0:
                    self._on_mass_expiry(page.get("massExpiry"))
                for presence in page["agents"]:
                    changed.add(presence["agentId"])
                    self._take(presence, None)
                pages += 1
            self._emit_changes(self._book.keep(changed))
            self._schedule.completed(pages)
            self._last_update_at = self.server_now()
            self._enter("live")
            if self._started and not self._started.done():
                self._started.set_result(None)
        except ConnectionError:
            # Not for want of a connection: the next one begins with a list anyway.
            self._schedule.list_now()
        except (RequestRefusedError, RequestTimeoutError) as error:
            self._log.warning("the fleet could not be listed: %s", error)
            self._schedule.failed()
        finally:
            self._changed_meanwhile = None
        self._work()

    def _on_mass_expiry(self, mass_expiry: dict[str, Any] | None) -> None:
        if (mass_expiry or {}).get("suspectedAt") != (self._mass_expiry or {}).get("suspectedAt"):
            self._mass_expiry = mass_expiry
            self._emitter.emit("mass_expiry", mass_expiry)

    def _take(self, presence: Presence, transition: dict[str, Any] | None) -> None:
        change = self._book.take(presence, transition, self._reading_time())
        if change:
            self._emit_changes([change])

    def _emit_changes(self, changes: Sequence[FleetChange]) -> None:
        for change in changes:
            self._emitter.emit("change", change)

    def _reading_time(self) -> float:
        """As of when leases are judged: a little in the past, while a list can still show a renewal."""
        return self.server_now() - (_DOUBT * 1000 if self._ready else 0)

    def _enter(self, state: FleetState) -> None:
        if state == self._state or self._state == "stopped":
            return
        self._state = state
        self._emitter.emit("state", FleetStateChange(state))

    def _end(self, error: AgentHeartbeatError | None = None) -> None:
        if self._timer:
            self._timer.cancel()
        self._enter("stopped")
        if self._started and not self._started.done():
            self._started.set_exception(error or not_connected(self.agent_id))
        self._ended.set()
