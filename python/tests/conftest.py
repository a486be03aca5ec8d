from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agent_heartbeat.testing import FakeService


@pytest.fixture
async def service() -> AsyncIterator[FakeService]:
    async with FakeService() as running:
        running.reached = 1
        yield running


@pytest.fixture(params=[False, True], ids=["loop", "process"])
def in_process(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)
