from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ..fake_runtime import FakeRuntime
from .enrolment_service import EnrolmentService
from .harness import ManagerHarness


@pytest.fixture
def runtime() -> FakeRuntime:
    return FakeRuntime()


@pytest.fixture
def harness(runtime: FakeRuntime) -> Callable[..., ManagerHarness]:
    return lambda **options: ManagerHarness(runtime, **options)


@pytest.fixture
def service() -> Iterator[EnrolmentService]:
    running = EnrolmentService()
    yield running
    running.stop()
