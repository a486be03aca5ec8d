"""A fleet as it is now, in a mapping that is kept current, for a registered viewer."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from ..connection.asyncio_runtime import AsyncioRuntime
from ..connection.ends import error_of, not_connected
from ..connection.enrolment import key_loader
from ..connection.keys import KeySource
from ..connection.manager import ConnectionManager
from ..connection.manager_port import ManagerPort
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
from ..messaging.requests import Requests
from ..options import ReconnectOptions, check_logger, checked_proxy, flag, manager_options, within
from ..protocol import AGENT_WATCHES_STATUS, LIST_PAGE_SIZE, PRESENCE, Message
from ..subject import agent_token
from ..tasks import Tasks
from ..wire import transition_in
from .book import FleetBook, FleetChange, Presence, presence_of

FleetEventName = Literal["change", "state", "mass_expiry"]
FleetState = Literal["idle", "connecting", "live", "stale", "stopped"]
"""How current the mapping is.

- `idle`: not started.
- `connecting`: the first full list is not there yet.
- `live`: every change is shown as it is told.
- `stale`: not connected, or no list succeeds: what is shown may be old.
- `stopped`: ended.
"""

_PAGE_WITH_PROFILES = 25
_DOUBT = 2.0
"""A lease that has run out may have been renewed in the moment before: a list is asked first, so long."""
_AGE = (1.0, 5.0, 60.0)
"""How old a list gets: a second for each of its pages, within the other two."""
_MIN_AGE = 1.0
"""Lists begin at least this far apart."""
_RETRY = (2.0, 30.0)
"""The window of the wait after the first list that failed, and the largest one."""
_OVERDUE = 90.0
"""From this age on what the last list said may be old."""


@dataclass(frozen=True)
class FleetStateChange:
    """The state changed, or a further attempt to connect failed in it."""

    state: FleetState
    failure: Failure | None = None


_Self = TypeVar("_Self", bound="Watcher")


class Watcher:
    """What watchers of a fleet have in common, whatever connection they use."""

    def __init__(
        self, agent_id: str, organization_id: str, log: Log, *, profiles: bool, request_timeout: float
    ) -> None:
        self.agent_id = agent_id
        self.organization_id = organization_id
        self._log = log
        self._profiles = profiles
        self._request_timeout = request_timeout
        self._emitter: Emitter[Any] = Emitter(frozenset({"change", "state", "mass_expiry"}), self._log)
        self._requests = Requests()
        self._book = FleetBook()
        self._clock = ServerClock(time.time)
        self._manager: ManagerPort | None = None
        self._state: FleetState = "idle"
        self._started: asyncio.Future[None] | None = None
        self._ended = asyncio.Event()
        self._ready = False
        """Subscribed, so that a list that begins now misses nothing."""
        self._told_meanwhile: set[str] | None = None
        """Told of since the list began: a list need not have it yet. None while none is under way."""
        self._breaks = 0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks = Tasks()
        self._last_update_at: float | None = None
        self._mass_expiry: dict[str, Any] | None = None
        self._list_started_at = -math.inf
        self._listed_at = -math.inf
        self._pause = _MIN_AGE
        self._failures = 0
        self._max_age = _AGE[2]
        self._list_at_once = True

    @property
    def state(self) -> FleetState:
        return self._state

    @property
    def agents(self) -> Mapping[str, Presence]:
        """Every agent once, by its id, with its status as of now. The mapping is the same one at every call."""
        changes = self._book.expire(self._reading_time())
        if changes:
            # Not in the caller's turn, who only reads.
            asyncio.get_running_loop().call_soon(self._tell, changes)
        return self._book.agents

    @property
    def last_update_at(self) -> float | None:
        """When the agents were last told to be as they are; None before the first list."""
        return self._last_update_at

    @property
    def mass_expiry(self) -> dict[str, Any] | None:
        """What the service suspected of itself at the last list; None if nothing.

        So many agents fell silent at once that it does not yet tell that they are offline.
        """
        return self._mass_expiry

    def server_now(self) -> float:
        """Epoch milliseconds by the server's clock, as well as it is known: the clock of all times shown."""
        skew = self._manager.health()["clock_skew"] if self._manager else None
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
        """Tries soon what would be tried later: see `HeartbeatAgent.reconnect`."""
        if self._manager:
            self._manager.reconnect()

    async def stop(self) -> None:
        """Ends for good. Returns when the connection is closed."""
        if self._state == "stopped":
            return
        if self._manager is None:
            self._end()
            return
        self._manager.stop("stop")
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
        link = await self._link()
        if link is None or self._ended.is_set():
            return
        self._manager = link
        link.set_subscriptions([f"{PRESENCE}.>"])
        link.start()

    async def _link(self) -> ManagerPort | None:
        """The connection's manager; None if it has failed."""
        raise NotImplementedError

    async def _request(self, message: Message) -> Message:
        if self._manager is None or self._state == "stopped":
            raise not_connected(self.agent_id)
        return await self._requests.request(message, self._request_timeout, self._manager.send)

    def _hear(self, event: Message) -> None:
        kind = event["type"]
        if kind == "state":
            self._hear_state(StateChange.from_json(event["change"]))
        elif kind == "attempt_failed":
            failure = Failure(**event["attempt"]["failure"])
            if failure.status == AGENT_WATCHES_STATUS:
                self._refuse(AGENT_WATCHES_STATUS)
                return
            self._log.warning("%s", str(error_of(self.agent_id, failure)))
            self._emitter.emit("state", FleetStateChange(self._state, failure))
        elif kind == "ready":
            self._ready = True
            self._list_now()
            self._work()
        elif kind == "broken":
            self._breaks += 1
            self._requests.fail(not_connected(self.agent_id))
        elif kind == "message":
            self._hear_message(event["message"])
        elif kind == "unsent":
            self._requests.fail(not_connected(self.agent_id), event["id"])

    def _refuse(self, status: int) -> None:
        """The key is an agent's, which no further attempt changes."""
        expected = "expected the key of a viewer, got that of an agent: an agent watches by its own agent.fleet"
        error = LoginRefusedError(f"{self.agent_id}: {expected}", status)
        self._log.error("%s", str(error))
        self._end(error)
        if self._manager:
            self._manager.stop("stop")

    def _hear_state(self, change: StateChange) -> None:
        if change.state == "connected":
            return
        self._ready = False
        # Superseded: there is no work to finish.
        if change.state == "draining" and self._manager:
            self._manager.stop("stop")
        if is_final(change.state):
            self._end(error_of(self.agent_id, change.failure) if change.failure else None)
        elif self._state == "live":
            self._enter("stale")
        self._work()

    def _hear_message(self, message: Message) -> None:
        if self._requests.settle(message):
            return
        if message["type"] == "error":
            self._log.warning("%s", message.get("message"))
        transition = transition_in(message.get("data")) if message["type"] == "message" else None
        if transition is None or message["subject"] != f"{PRESENCE}.{agent_token(transition['agentId'])}":
            return
        agent_id = transition["agentId"]
        if self._told_meanwhile is not None:
            self._told_meanwhile.add(agent_id)
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
        self._tell(self._book.expire(self._reading_time()))
        now = time.monotonic()
        overdue_at = self._listed_at + _OVERDUE
        if self._state == "live" and overdue_at <= now:
            self._enter("stale")
        lease_end = now + (self._book.next_lease_end - self.server_now()) / 1000
        waits = [lease_end + (_DOUBT if self._ready else 0)]
        if self._state == "live":
            waits.append(overdue_at)
        if self._ready and self._told_meanwhile is None:
            wanted = -math.inf if self._list_at_once else self._listed_at + self._max_age
            list_at = max(min(wanted, lease_end), self._list_started_at + self._pause)
            if list_at <= now:
                self._told_meanwhile = set()
                self._tasks.keep(self._list())
            else:
                waits.append(list_at)
        following = min(waits)
        if following < math.inf:
            delay = max(0.0, following - now)
            self._timer = asyncio.get_running_loop().call_later(delay, self._work)

    def _list_now(self) -> None:
        self._list_at_once = True
        self._pause = _MIN_AGE

    async def _list(self) -> None:
        told = self._told_meanwhile
        assert told is not None
        self._list_started_at = time.monotonic()
        self._list_at_once = False
        try:
            limit = _PAGE_WITH_PROFILES if self._profiles else LIST_PAGE_SIZE
            query: Message = {"type": "list", "limit": limit}
            if self._profiles:
                query["profiles"] = True
            pages = 0
            while True:
                page = await self._page(query)
                if pages == 0:
                    self._hear_mass_expiry(page.get("massExpiry"))
                for presence in page["agents"]:
                    told.add(presence["agentId"])
                    self._take(presence, None)
                pages += 1
                if page["cursor"] is None:
                    break
                query = {**query, "cursor": page["cursor"]}
            self._tell(self._book.keep(told))
            each, least, most = _AGE
            self._max_age = min(max(pages * each, least), most)
            self._listed_at = self._list_started_at
            self._failures = 0
            self._pause = _MIN_AGE
            self._last_update_at = self.server_now()
            self._enter("live")
            if self._started and not self._started.done():
                self._started.set_result(None)
        except ConnectionError:
            # Not for want of a connection: the next one begins with a list anyway.
            self._list_now()
        except (RequestRefusedError, RequestTimeoutError) as error:
            self._log.warning("the fleet could not be listed: %s", error)
            base, longest = _RETRY
            window = min(longest, base * 2.0**self._failures)
            self._failures = min(self._failures + 1, 10)
            self._pause = _MIN_AGE + random.random() * window
            self._list_at_once = True
        finally:
            self._told_meanwhile = None
        self._work()

    async def _page(self, query: Message) -> Message:
        """A page of a list. One that comes too soon after the others is asked for again."""
        breaks = self._breaks
        while True:
            sent_at = time.monotonic()
            try:
                page = await self._request(query)
            except RequestRefusedError as error:
                if error.code != "rate_limited":
                    raise
            else:
                self._clock.learn_from_ack(page["serverTime"], time.monotonic() - sent_at)
                return page
            await asyncio.sleep(1.0)
            # What was told in between was not heard.
            if breaks != self._breaks:
                raise not_connected(self.agent_id)

    def _hear_mass_expiry(self, mass_expiry: dict[str, Any] | None) -> None:
        if (mass_expiry or {}).get("suspectedAt") != (self._mass_expiry or {}).get("suspectedAt"):
            self._mass_expiry = mass_expiry
            self._emitter.emit("mass_expiry", mass_expiry)

    def _take(self, presence: Presence, transition: dict[str, Any] | None) -> None:
        change = self._book.take(presence, transition, self._reading_time())
        if change:
            self._tell([change])

    def _tell(self, changes: Sequence[FleetChange]) -> None:
        for change in changes:
            self._emitter.emit("change", change)

    def _reading_time(self) -> float:
        """As of when leases are judged: a little in the past, while a list can still tell of a renewal."""
        return self.server_now() - (_DOUBT * 1000 if self._ready else 0)

    def _enter(self, state: FleetState) -> None:
        if state == self._state or self._state == "stopped":
            return
        self._state = state
        self._emitter.emit("state", FleetStateChange(state))

    def _end(self, error: AgentHeartbeatError | None = None) -> None:
        if self._timer:
            self._timer.cancel()
        self._requests.fail(not_connected(self.agent_id))
        self._enter("stopped")
        if self._started and not self._started.done():
            self._started.set_exception(error or not_connected(self.agent_id))
        self._ended.set()


class FleetWatcher(Watcher):
    """An organization's agents in a mapping that is kept current. Times of agents are epoch milliseconds by the
    server's clock."""

    def __init__(
        self,
        agent_id: str,
        organization_id: str,
        url: str,
        *,
        private_key: KeySource | None = None,
        private_key_path: str | Path | None = None,
        enrolment_token: str | None = None,
        http_url: str | None = None,
        profiles: bool = False,
        reconnect: ReconnectOptions | None = None,
        rotate_after: tuple[float, float] = (5400, 6600),
        connect_timeout: float = 15,
        close_timeout: float = 2,
        request_timeout: float = 10,
        proxy: str | bool | None = True,
        logger: logging.Logger | logging.LoggerAdapter[Any] | None = logging.getLogger(  # noqa: B008
            "agent_heartbeat"
        ),
    ) -> None:
        """Options as of `HeartbeatAgent`; `profiles`: whether each agent comes with its capabilities and metadata.

        Raises ConfigurationError if an option is missing, of the wrong type or out of its limits.
        """
        reconnect = ReconnectOptions() if reconnect is None else reconnect
        self._options = manager_options(
            agent_id=agent_id,
            organization_id=organization_id,
            url=url,
            simple=False,
            heartbeat_interval=30,
            heartbeat_timeout_multiplier=3,
            ack_every=1,
            auto_reconnect=True,
            on_duplicate="replace",
            reconnect=reconnect,
            rotate_after=rotate_after,
            connect_timeout=connect_timeout,
            close_timeout=close_timeout,
        )
        self._options.login["watches"] = True
        self._schedule = reconnect.schedule
        self._proxy = checked_proxy(proxy)
        super().__init__(
            agent_id,
            organization_id,
            Log(agent_id, check_logger(logger)),
            profiles=flag("profiles", profiles),
            request_timeout=within("request_timeout", request_timeout, 0.1, 600),
        )
        self._keys = key_loader(
            private_key=private_key,
            path=private_key_path,
            token=enrolment_token,
            http_url=http_url,
            agent_id=agent_id,
            organization_id=organization_id,
            proxy=self._proxy,
            warn=lambda message: self._log.warning("%s", message),
        )

    async def _link(self) -> ManagerPort | None:
        try:
            await self._keys.check()
        except AgentHeartbeatError as error:
            self._end(error)
            return None
        runtime = AsyncioRuntime(proxy=self._proxy)
        return ConnectionManager(self._options, runtime, self._keys.hand_to, self._hear, self._schedule)
