"""What readers see: the watcher's book, and the status table."""

from __future__ import annotations

import time
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from agent_heartbeat import ConfigurationError, FleetWatcher, StatusReader
from agent_heartbeat.fleet.book import FleetBook, presence_of
from agent_heartbeat.status import derive_presence
from agent_heartbeat.testing import FakeConnection, FakeService

from .test_agent import KEY
from .until import until


def presence(agent_id: str = "a", **values: Any) -> dict[str, Any]:
    return {
        "agentId": agent_id,
        "status": "online",
        "reason": None,
        "since": 1000,
        "connectedAt": 1000,
        "connectionId": "c",
        "instanceId": "i",
        "lastHeartbeatAt": 1000,
        "leaseExpiresAt": 91_000,
        "leaseMs": 90_000,
        "heartbeatIntervalMs": 30_000,
        "activity": {"state": "idle", "inFlight": 0},
        "stalledSince": None,
        **values,
    }


def test_the_book_shows_no_change_where_only_the_order_of_keys_differs() -> None:
    book = FleetBook()
    assert book.take(presence(), None, 2000)
    again = dict(reversed(presence(activity={"inFlight": 0, "state": "idle"}).items()))
    assert book.take(again, None, 2000) is None


def test_of_two_words_the_newer_counts_and_offline_wins_a_tie() -> None:
    book = FleetBook()
    book.take(presence(lastHeartbeatAt=5000), None, 6000)
    assert book.take(presence(lastHeartbeatAt=4000, status="offline", reason="drained"), None, 6000) is None
    assert book.take(presence(lastHeartbeatAt=5000, status="offline", reason="drained"), None, 6000)
    assert book.take(presence(lastHeartbeatAt=5000), None, 6000) is None
    assert book.agents["a"]["status"] == "offline"


def test_a_lease_runs_out_by_itself() -> None:
    book = FleetBook()
    book.take(presence(), None, 2000)
    assert book.next_lease_end == 91_000
    assert book.expire(90_999) == []
    (change,) = book.expire(91_000)
    assert change.current
    assert (change.current["status"], change.current["reason"], change.current["since"]) == (
        "offline", "lease_expired", 91_000,
    )  # fmt: skip
    assert [each.current for each in book.keep(set())] == [None]


def test_a_transition_reads_as_a_list_would_show_its_agent() -> None:
    transition = {**presence(reason="connected"), "transitionId": "t", "organizationId": "o", "event": "online",
                  "previousStatus": None, "at": 1000}  # fmt: skip
    assert presence_of(transition) == presence()


async def test_the_watcher_lists_follows_and_comes_back() -> None:
    async with FakeService() as service:
        fleet: dict[str, dict[str, Any]] = {}
        now = time.time() * 1000
        fleet["a"] = presence("a", lastHeartbeatAt=now, leaseExpiresAt=now + 90_000)

        def answer(message: dict[str, Any], _: FakeConnection) -> dict[str, Any] | None:
            page = {"agents": list(fleet.values()), "cursor": None, "serverTime": round(time.time() * 1000)}
            return {"type": "agents", **page} if message["type"] == "list" else None

        service.answer = answer
        watcher = FleetWatcher("viewer", "acme", service.url, private_key=KEY, logger=None)
        changes: list[Any] = []
        watcher.on("change", changes.append)
        async with watcher:
            assert watcher.state == "live"
            assert watcher.agents["a"]["status"] == "online"
            peer = await service.connection()
            assert peer.subscriptions == {"presence.>"}
            transition = {**presence("b", lastHeartbeatAt=now, leaseExpiresAt=now + 90_000), "reason": "connected",
                          "event": "online", "transitionId": "t", "organizationId": "acme",
                          "previousStatus": None, "at": now}  # fmt: skip
            fleet["b"] = presence_of(transition)
            message = {"subject": "presence.b", "data": transition, "from": "service", "messageId": "1"}
            peer.send(type="message", **message)
            await until(lambda: "b" in watcher.agents)
            assert [each.agent_id for each in changes] == ["a", "b"]
            del fleet["a"]
            peer.close(1012)
            await until(lambda: watcher.state == "stale")
            watcher._manager.reconnect()  # type: ignore[union-attr]
            await until(lambda: "a" not in watcher.agents and watcher.state == "live")
        assert watcher.state == "stopped"


ROW = {
    "organizationId": "acme", "agentId": "a", "status": "online", "connectionId": "c", "connectedAt": 1000,
    "onlineSince": 1000, "lastHeartbeatAt": 5000, "leaseExpiresAt": 95_000,
    "heartbeatIntervalMs": 30_000, "instanceId": "i", "ttlEpochSeconds": 2_000_000_000,
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "now", "expected"),
    [
        ({}, 94_999, ("online", None, 1000, None)),
        ({}, 95_000, ("offline", "lease_expired", 95_000, None)),
        ({"status": "offline", "reason": "drained", "disconnectedAt": 7000}, 8000, ("offline", "drained", 7000, None)),
        (
            {"status": "offline", "reason": "drained", "disconnectedAt": 95_000},
            96_000,
            ("offline", "lease_expired", 95_000, None),
        ),
        ({"status": "offline", "reason": "lease_expired"}, 1, ("offline", "lease_expired", 95_000, None)),
        ({"stallsAt": 50_000}, 60_000, ("online", None, 1000, 50_000)),
        ({"stallsAt": 50_000}, 40_000, ("online", None, 1000, None)),
        ({"stallsAt": 50_000}, 99_000, ("offline", "lease_expired", 95_000, None)),
    ],
)
def test_the_status_is_derived_from_the_row_and_the_clock(row: Any, now: float, expected: Any) -> None:
    shown = derive_presence({**ROW, **row}, now)
    assert (shown["status"], shown["reason"], shown["since"], shown["stalledSince"]) == expected


def item(**values: Any) -> dict[str, Any]:
    now = round(time.time() * 1000)
    row = {**ROW, "leaseExpiresAt": now + 60_000, **values}
    return {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in row.items()}


@pytest.fixture
def table() -> Any:
    client: Any = boto3.client("dynamodb", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stubber:
        yield client, stubber


def test_a_page_has_a_cursor_for_the_next_and_for_its_organization_alone(table: Any) -> None:
    client, stubber = table
    last = {"organizationId": {"S": "acme"}, "agentId": {"S": "b"}}
    stubber.add_response("query", {"Items": [item(agentId="a"), item(agentId="b")], "LastEvaluatedKey": last})
    stubber.add_response("query", {"Items": [item(agentId="c", ttlEpochSeconds=1), item(agentId="d")]})
    reader = StatusReader("Status", client=client)
    agents, cursor = reader.list_agents("acme", limit=2)
    assert [each["agentId"] for each in agents] == ["a", "b"]
    assert cursor == "MQphY21lCmI"
    agents, end = reader.list_agents("acme", cursor=cursor)
    assert ([each["agentId"] for each in agents], end) == (["d"], None)
    for wrong in (cursor, "", "x", "MQphY21l"):
        with pytest.raises(ConfigurationError, match="expected a cursor"):
            reader.list_agents("other", cursor=wrong)


def test_agents_are_found_and_counted(table: Any) -> None:
    client, stubber = table
    stubber.add_response("get_item", {"Item": item()})
    stubber.add_response("get_item", {})
    stubber.add_response("query", {"Items": [item(), item(agentId="b", leaseExpiresAt=1)]})
    reader = StatusReader("Status", client=client)
    found = reader.get_agent("acme", "a")
    assert found
    assert found["status"] == "online"
    assert reader.get_agent("acme", "nobody") is None
    assert reader.count_by_status("acme") == {"online": 1, "offline": 1}
    for call in (lambda: reader.get_agent("a b", "c"), lambda: reader.list_agents("acme", limit=0)):
        with pytest.raises(ConfigurationError, match="option"):
            call()
