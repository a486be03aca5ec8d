"""Answers who is online from the AgentStatus table, by the derived status and the server's clock alone.

Needs `boto3`: `pip install agent-heartbeat[status]`. Times are epoch milliseconds by the server's clock.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from . import base64url
from .connection.ends import http_date
from .errors import ConfigurationError
from .options import check_id, whole

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Presence = dict[str, Any]
"""An agent as a reader sees it (`agentId`, `status`, `reason`, `since`, ...): the derived status."""
Status = Literal["online", "offline"]

_ATTRIBUTES = (
    "organizationId",
    "agentId",
    "status",
    "connectionId",
    "connectedAt",
    "onlineSince",
    "lastHeartbeatAt",
    "leaseExpiresAt",
    "heartbeatIntervalMs",
    "instanceId",
    "activity",
    "stallsAt",
    "reason",
    "disconnectedAt",
    "ttlEpochSeconds",
)
_QUERIES_PER_PAGE = 25
"""Megabytes of the table that one page may read: then it has fewer agents, and a cursor to go on with."""
_TOLERANCE_MS = 900
"""A clock that is off by less is used as it is: responses carry the time in whole seconds only."""


class StatusReader:
    """Reads the presence of an organization's agents. It blocks; from a coroutine use `asyncio.to_thread`.

    Every method raises botocore's error if DynamoDB fails.
    """

    def __init__(
        self,
        table_name: str,
        *,
        client: DynamoDBClient | None = None,
        region: str | None = None,
        endpoint: str | None = None,
        consistent: bool = False,
    ) -> None:
        """Args:

        table_name: the AgentStatus table: the stack's output `StatusTableName`.
        client: a DynamoDB client of boto3. Default: one of its own, from `region`, `endpoint` and the environment.
        consistent: whether reads see every write that was answered before them. Costs twice as much.
        """
        if not isinstance(table_name, str) or not table_name:
            raise ConfigurationError(f"option table_name: expected the name of a table, got {table_name!r}")
        if client is None:
            try:
                import boto3
            except ImportError as error:
                raise ConfigurationError("StatusReader needs boto3: pip install 'agent-heartbeat[status]'") from error
            client = boto3.client("dynamodb", region_name=region, endpoint_url=endpoint)
        self._client = client
        self._table_name = table_name
        self._consistent = consistent
        self._offset_ms = 0.0

    def list_agents(
        self,
        organization_id: str,
        *,
        status: Status | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> tuple[list[Presence], str | None]:
        """A page of agents in the order of their ids, and the cursor of the next page; None on the last one.

        The limit, 1 to 1000, counts those that match. Raises ConfigurationError if an argument is not what it
        should be.
        """
        check_id("organization_id", organization_id)
        _check_status(status)
        whole("limit", limit, 1, 1000)
        after = None if cursor is None else _agent_before(organization_id, cursor)
        agents: list[Presence] = []
        for _ in range(_QUERIES_PER_PAGE):
            # With a filter, the number of rows that hold the rest of the page is unknown: read a megabyte.
            rows, after = self._query(organization_id, after, None if status else limit - len(agents))
            for agent in rows:
                if status and agent["status"] != status:
                    continue
                if len(agents) == limit:
                    return agents, _cursor_after(organization_id, agents[-1]["agentId"])
                agents.append(agent)
            if after is None:
                return agents, None
            if len(agents) == limit:
                break
        return agents, _cursor_after(organization_id, after or agents[-1]["agentId"])

    def all_agents(self, organization_id: str, *, status: Status | None = None) -> Iterator[Presence]:
        """Every agent of the organization, read page by page while they are taken."""
        check_id("organization_id", organization_id)
        _check_status(status)
        after: str | None = None
        while True:
            rows, after = self._query(organization_id, after, None)
            yield from (agent for agent in rows if status in (None, agent["status"]))
            if after is None:
                return

    def get_agent(self, organization_id: str, agent_id: str) -> Presence | None:
        """One agent; None if it never connected, was removed, or has been gone for the retention period."""
        check_id("organization_id", organization_id)
        check_id("agent_id", agent_id)
        sent_at = time.time()
        response = self._client.get_item(
            TableName=self._table_name,
            Key={"organizationId": {"S": organization_id}, "agentId": {"S": agent_id}},
            ConsistentRead=self._consistent,
            **_projection(),
        )
        self._learn(response, sent_at)
        item = response.get("Item")
        present = self._present([item] if item else [])
        return present[0] if present else None

    def count_by_status(self, organization_id: str) -> dict[Status, int]:
        """How many of the organization's agents are online and offline. Reads the whole partition."""
        counts: dict[Status, int] = {"online": 0, "offline": 0}
        for agent in self.all_agents(organization_id):
            counts[agent["status"]] += 1
        return counts

    def _query(self, organization_id: str, after: str | None, limit: int | None) -> tuple[list[Presence], str | None]:
        query: dict[str, Any] = {
            "TableName": self._table_name,
            "KeyConditionExpression": "#organizationId = :organizationId",
            "ExpressionAttributeValues": {":organizationId": {"S": organization_id}},
            "ConsistentRead": self._consistent,
            **_projection(),
        }
        if limit is not None:
            query["Limit"] = limit
        if after is not None:
            query["ExclusiveStartKey"] = {
                "organizationId": {"S": organization_id},
                "agentId": {"S": after},
            }
        sent_at = time.time()
        response = self._client.query(**query)
        self._learn(response, sent_at)
        last = response.get("LastEvaluatedKey")
        return self._present(response.get("Items", [])), last["agentId"]["S"] if last else None

    def _present(self, items: list[Any]) -> list[Presence]:
        now = time.time() * 1000 + self._offset_ms
        rows = [{name: _plain(value) for name, value in item.items()} for item in items]
        return [
            derive_presence(row, now) for row in rows if "instanceId" in row and row["ttlEpochSeconds"] * 1000 > now
        ]

    def _learn(self, response: Any, sent_at: float) -> None:
        """The `Date` of a response, which is cut to the second, may prove the local clock wrong."""
        headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        dated = http_date(headers.get("date"))
        if dated is None:
            return
        least, most = (dated - time.time()) * 1000, (dated + 1 - sent_at) * 1000
        agrees = least <= _TOLERANCE_MS and most >= -_TOLERANCE_MS
        self._offset_ms = 0.0 if agrees else (least + most) / 2


def derive_presence(row: dict[str, Any], now: float) -> Presence:
    """What a stored row means at a moment: `online` only while it is stored as online and its lease runs."""
    online = row["status"] == "online" and now < row["leaseExpiresAt"]
    # An end after the lease's end is an expiry, whatever was seen of it later.
    late = row.get("disconnectedAt", 0) >= row["leaseExpiresAt"]
    reason = None if online else "lease_expired" if late else row.get("reason", "lease_expired")
    if reason is None:
        since = row.get("onlineSince", row["connectedAt"])
    elif reason == "lease_expired":
        since = row["leaseExpiresAt"]
    else:
        since = row.get("disconnectedAt", row["leaseExpiresAt"])
    stalls_at = row.get("stallsAt")
    same = ("connectedAt", "connectionId", "instanceId", "lastHeartbeatAt", "leaseExpiresAt", "heartbeatIntervalMs")
    return {
        "agentId": row["agentId"],
        "status": "online" if online else "offline",
        "reason": reason,
        "since": since,
        **{name: row[name] for name in same},
        "leaseMs": row["leaseExpiresAt"] - row["lastHeartbeatAt"],
        "activity": row.get("activity"),
        "stalledSince": stalls_at if online and stalls_at is not None and stalls_at <= now else None,
    }


def _projection() -> dict[str, Any]:
    # Every name has an alias, for `status` is one of DynamoDB's reserved words.
    return {
        "ProjectionExpression": ", ".join(f"#{name}" for name in _ATTRIBUTES),
        "ExpressionAttributeNames": {f"#{name}": name for name in _ATTRIBUTES},
    }


def _plain(value: dict[str, Any]) -> Any:
    (kind, content), *_ = value.items()
    if kind == "N":
        number = Decimal(content)
        return int(number) if number == number.to_integral_value() else float(number)
    if kind == "M":
        return {name: _plain(each) for name, each in content.items()}
    if kind == "L":
        return [_plain(each) for each in content]
    return None if kind == "NULL" else content


def _check_status(status: object) -> None:
    if status not in (None, "online", "offline"):
        raise ConfigurationError(f'option status: expected "online" or "offline", got {status!r}')


def _cursor_after(organization_id: str, agent_id: str) -> str:
    text = "\n".join(("1", organization_id, agent_id))
    return base64url.encoded(text.encode())


def _agent_before(organization_id: str, cursor: str) -> str:
    try:
        version, organization, agent_id = base64url.decoded(cursor).decode().split("\n")
        if (version, organization) == ("1", organization_id):
            return check_id("cursor", agent_id)
    except (ValueError, TypeError):
        pass
    raise ConfigurationError(f"expected a cursor from a list of organization {organization_id}, got {cursor!r:.200}")
