"""Two agents over real sockets, traced by the SDK of OpenTelemetry."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from agent_heartbeat import ConfigurationError, HeartbeatAgent, MessageContext, RemoteError, Tracing
from agent_heartbeat.opentelemetry import OpenTelemetryTracing
from agent_heartbeat.testing import FakeService

from ..agents import KEY
from ..until import until

TRACE = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "tracestate": "v=1"}
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
tracing = OpenTelemetryTracing(provider)


@pytest.fixture(autouse=True)
def cleared() -> None:
    exporter.clear()


def agent(service: FakeService, agent_id: str, tracing: Any = tracing, **options: Any) -> HeartbeatAgent:
    settings = {"private_key": KEY, "heartbeat_process": False, "signals": (), "tracing": tracing, **options}
    return HeartbeatAgent(agent_id, "acme", service.url, **settings)


def spans() -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def parent_of(span: ReadableSpan) -> str | None:
    ids = {each.context.span_id: name for name, each in spans().items() if each.context}
    return ids.get(span.parent.span_id) if span.parent else None


@pytest.mark.parametrize("kind", ["a coroutine", "a function in a thread"])
async def test_a_request_its_handler_and_their_spans_are_one_trace(kind: str) -> None:
    tracer = provider.get_tracer("test")

    def work(subject: str, data: Any) -> str:
        with tracer.start_as_current_span("work"):
            return "done"

    async def work_async(subject: str, data: Any) -> str:
        return work(subject, data)

    async with FakeService() as service, agent(service, "planner") as planner, agent(service, "w") as worker:
        worker.on_message("tasks.*", work_async if kind == "a coroutine" else work, group="workers")
        await until(lambda: any("tasks.* workers" in each.subscriptions for each in service.open))
        with tracer.start_as_current_span("plan"):
            assert await planner.request("tasks.add", [1, 2]) == "done"
    found = spans()
    assert {name: parent_of(span) for name, span in found.items()} == {
        "plan": None,
        "request tasks.add": "plan",
        "process tasks.*": "request tasks.add",
        "work": "process tasks.*",
    }
    sent, processed = found["request tasks.add"], found["process tasks.*"]
    assert (sent.kind, processed.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert dict(sent.attributes or {}) == {
        "messaging.system": "agent_heartbeat",
        "messaging.operation.name": "request",
        "messaging.operation.type": "send",
        "messaging.destination.name": "tasks.add",
        "messaging.client.id": "planner",
    }
    attributes = dict(processed.attributes or {})
    assert str(attributes.pop("messaging.message.id")).endswith(":workers")
    assert attributes == {
        "messaging.system": "agent_heartbeat",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "tasks.add",
        "messaging.destination.template": "tasks.*",
        "messaging.consumer.group.name": "workers",
        "messaging.client.id": "w",
        "agent_heartbeat.attempt": 1,
    }


async def test_the_errors_of_a_handler_and_of_its_requester_are_recorded() -> None:
    async with FakeService() as service, agent(service, "planner") as planner, agent(service, "w") as worker:

        @worker.on_message("tasks.add")
        async def fail(subject: str, data: Any) -> None:
            raise ValueError("no such file")

        with pytest.raises(RemoteError, match="no such file"):
            await planner.request("tasks.add", to="w")
    for name, kind in {"request tasks.add": "handler_failed", "process tasks.add": "ValueError"}.items():
        span = spans()[name]
        assert span.status.status_code is StatusCode.ERROR
        assert (span.attributes or {})["error.type"] == kind
        assert [event.name for event in span.events] == ["exception"]


async def test_without_tracing_messages_carry_no_context_and_handlers_receive_what_arrived() -> None:
    contexts: list[MessageContext] = []

    class Given:
        def send(self, message: Any) -> Any:
            return contextlib.nullcontext(TRACE)

        def process(self, message: Any) -> Any:
            return contextlib.nullcontext()

    given: Tracing = Given()
    async with (
        FakeService() as service,
        agent(service, "planner", None) as planner,
        agent(service, "another", given) as another,
        agent(service, "w", None) as worker,
    ):

        @worker.on_message("tasks.add")
        async def handle(subject: str, data: Any, context: MessageContext) -> None:
            contexts.append(context)

        await planner.publish("tasks.add", to="w")
        await another.publish("tasks.add", to="w")
        await until(lambda: len(contexts) == 2)
        assert [dict(each.trace) for each in service.published] == [{}, TRACE]
    assert [(each.traceparent, each.tracestate) for each in contexts] == [(None, None), tuple(TRACE.values())]
    assert exporter.get_finished_spans() == ()


@contextlib.contextmanager
def _boom_before() -> Iterator[Any]:
    raise RuntimeError("boom")
    yield


@contextlib.contextmanager
def _boom_after() -> Iterator[Any]:
    yield {}
    raise RuntimeError("boom")


@contextlib.contextmanager
def _swallows() -> Iterator[Any]:
    with contextlib.suppress(Exception):
        yield {"traceparent": "x", "tracestate": 7}


def _boom() -> Any:
    raise RuntimeError("boom")


@pytest.mark.parametrize("begin", [_boom, _boom_before, _boom_after, _swallows, lambda: None])
async def test_a_tracer_that_misbehaves_changes_no_message(begin: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Faulty:
        def send(self, message: Any) -> Any:
            return begin()

        process = send

    async with (
        FakeService() as service,
        agent(service, "planner", Faulty()) as planner,
        agent(service, "w", Faulty(), logger=logging.getLogger("quiet")) as worker,
    ):

        @worker.on_message("tasks.*")
        async def handle(subject: str, data: Any) -> str:
            if subject == "tasks.fail":
                raise ValueError("no such file")
            return "done"

        assert await planner.request("tasks.add", to="w") == "done"
        with pytest.raises(RemoteError, match="no such file"):
            await planner.request("tasks.fail", to="w")
        assert [dict(each.trace) for each in service.published] == [{}, {}]


async def test_an_object_that_is_no_tracer_is_refused() -> None:
    async with FakeService() as service:
        with pytest.raises(ConfigurationError, match="option tracing: expected the methods send and process"):
            agent(service, "planner", object())
