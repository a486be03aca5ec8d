"""What a watcher knows of its fleet."""

from __future__ import annotations

from typing import Any

from agent_heartbeat.fleet.book import FleetBook, presence_of


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


def test_of_two_updates_the_newer_wins_and_offline_wins_a_tie() -> None:
    book = FleetBook()
    book.take(presence(lastHeartbeatAt=5000), None, 6000)
    assert book.take(presence(lastHeartbeatAt=4000, status="offline", reason="drained"), None, 6000) is None
    assert book.take(presence(lastHeartbeatAt=5000, status="offline", reason="drained"), None, 6000)
    assert book.take(presence(lastHeartbeatAt=5000), None, 6000) is None
    assert book.agents["a"]["status"] == "offline"


def test_a_lease_expires_by_the_clock() -> None:
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


def test_a_transition_shows_its_agent_as_a_list_does() -> None:
    transition = {**presence(reason="connected"), "transitionId": "t", "organizationId": "o", "event": "online",
                  "previousStatus": None, "at": 1000}  # fmt: skip
    assert presence_of(transition) == presence()
