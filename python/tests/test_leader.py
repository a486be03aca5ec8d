"""The recipe for a leader, as the documentation has it."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent_heartbeat import HeartbeatAgent, ReconnectOptions
from agent_heartbeat.testing import FakeService, Refusal

from .until import until

PAGE = Path(__file__).parents[2] / "docs" / "leader.md"


def recipe() -> SimpleNamespace:
    """The first Python block of the page."""
    [code] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    names: dict[str, Any] = {"__name__": "leader"}
    exec(compile(code, str(PAGE), "exec"), names)
    return SimpleNamespace(**names)


async def test_one_candidate_leads_and_after_a_takeover_the_old_one_may_not_write() -> None:
    leader = recipe()
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE results (name TEXT PRIMARY KEY, value TEXT, token INTEGER)")
    terms: list[tuple[str, Any]] = []
    ended: list[str] = []
    async with FakeService() as service:

        def candidate(name: str) -> HeartbeatAgent:
            agent = HeartbeatAgent(
                **service.options("scheduler"),
                on_duplicate="reject",
                reconnect=ReconnectOptions(schedule=lambda kind, failures: 0.02),
            )

            async def lead(term: Any) -> None:
                terms.append((name, term))
                try:
                    await asyncio.Event().wait()
                finally:
                    ended.append(name)

            leader.follow(agent, lead)
            return agent

        first, second = candidate("first"), candidate("second")
        await first.start()
        await until(lambda: len(terms) == 1)
        standing_by = asyncio.ensure_future(second.start())
        refused = len(service.logins)
        await service.until(lambda: len(service.logins) > refused + 2)
        leader.save(database, "report", "of the first", terms[0][1].token)
        assert [name for name, _ in terms] == ["first"]

        # The first one can't come back.
        first_instance = service.connections[0].instance_id

        def refuse(login: Any) -> Any:
            return Refusal(503) if login.claims["instance_id"] == first_instance else None

        service.refuse = refuse
        service.disconnect("scheduler")
        await standing_by
        await until(lambda: len(terms) == 2)
        (_, old), (name, new) = terms
        assert (name, ended) == ("second", ["first"])
        assert new.token > old.token
        leader.save(database, "report", "of the second", new.token)
        with pytest.raises(leader.Deposed, match="report: a newer leader has written"):
            leader.save(database, "report", "too late", old.token)
        assert database.execute("SELECT value FROM results").fetchall() == [("of the second",)]

        service.refuse = None
        await second.drain()
        await until(lambda: len(terms) == 3)
        assert [name for name, _ in terms] == ["first", "second", "first"]
        await until(lambda: ended == ["first", "second"])
        leader.save(database, "report", "of the first again", terms[2][1].token)
        await first.stop()
        await until(lambda: ended == ["first", "second", "first"])
