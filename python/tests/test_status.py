"""What readers of the status table see."""

from __future__ import annotations

import time
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from agent_heartbeat import ConfigurationError, StatusReader
from agent_heartbeat.status import derive_presence

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
