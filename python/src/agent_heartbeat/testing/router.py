"""Delivers messages to the clients of the fake service and to the agents that a test plays."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..protocol import INBOX
from .connection import FakeConnection
from .fleet import FakeFleet, Presence
from .remote import FakeMessage, RemoteAgent
from .routing import less_busy, receivers_of


class FakeRouter:
    def __init__(
        self,
        fleet: FakeFleet,
        open_connections: Callable[[], Sequence[FakeConnection]],
        remote: Mapping[str, RemoteAgent],
        random: Callable[[], float],
    ) -> None:
        self._fleet = fleet
        self._open = open_connections
        self._remote = remote
        self._random = random
        self._open_requests: dict[str, tuple[str, int | None]] = {}
        """The only receiver of each open request, and its attempt, by the subject of the answer."""
        self._ids = itertools.count(1)

    def deliver(self, message: FakeMessage) -> int:
        """Delivers a message to its receivers. Returns how many processes it reached."""
        if message.capability is not None:
            to = self._capable(message.capability)
            return 0 if to is None else self.deliver(replace(message, to=to, capability=None))
        targets = receivers_of(message, self._open(), self._presence(), self._random)
        wire = {"subject": message.subject, "data": message.data, "from": message.sender, **message.trace}
        if message.reply_to:
            wire["replyTo"] = message.reply_to
            wire.update({"expiresInMs": message.timeout_ms, "attempt": message.attempt})
        self._open_requests.pop(message.subject, None)
        number = next(self._ids)
        is_attempt = message.reply_to and message.attempt
        message_id = str(message.reply_to).removeprefix(f"{INBOX}.") if is_attempt else f"message-{number}"
        for connection, how in targets:
            group = how.get("group")
            connection.send({**wire, **how}, type="message", messageId=f"{message_id}:{group}" if group else message_id)
        remote = [agent for agent in self._remote.values() if agent.takes(message)]
        asked = [each.agent_id for each, how in targets if how]
        asked += [each.agent_id for each in remote if message.to is not None]
        if message.reply_to and message.timeout_ms and asked and len(targets) + len(remote) == 1:
            self._open_requests[message.reply_to] = (asked[0], message.attempt)
        for agent in remote:
            agent.receive(message)
        return len({how.get("group", (each.instance_id,)) for each, how in targets}) + len(remote)

    def _capable(self, capability: str) -> str | None:
        """One agent that has a capability and takes work: a client, or one that the test plays."""
        presence = self._presence()
        here = {*self._remote, *(each.agent_id for each in self._open())}
        has = [
            agent_id
            for agent_id, each in presence.items()
            if agent_id in here and capability in (each.get("profile") or {}).get("capabilities", [])
        ]
        return less_busy(has, presence, self._random)

    def answer_for(self, transition: dict[str, Any]) -> None:
        """Answers the requests whose only receiver went offline."""
        agent_id = transition["agentId"]
        text = f"{agent_id} went offline ({transition['reason']}) before it answered"
        error = {"code": "receiver_lost", "message": text}
        for inbox, (asked, attempt) in list(self._open_requests.items()):
            if asked == agent_id:
                self.deliver(FakeMessage(inbox, {"error": error, "attempt": attempt}, "service"))

    def _presence(self) -> dict[str, Presence]:
        return {each["agentId"]: each for each in self._fleet.list()}
