from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ..fake_runtime import FakeRuntime
from .enrolment_service import EnrolmentService
from .link import Link


@pytest.fixture
def runtime() -> FakeRuntime:
    return FakeRuntime()


@pytest.fixture
def link(runtime: FakeRuntime) -> Callable[..., Link]:
    return lambda **options: Link(runtime, **options)


@pytest.fixture
def service() -> Iterator[EnrolmentService]:
    running = EnrolmentService()
    yield running
    running.stop()
