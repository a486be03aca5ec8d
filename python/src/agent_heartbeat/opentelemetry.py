"""Traces of messages, by OpenTelemetry. Needs `pip install 'agent-heartbeat[opentelemetry]'`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

try:
    from opentelemetry import propagate, trace
    from opentelemetry.context import Context
except ImportError as error:
    raise ImportError("expected OpenTelemetry's API: pip install 'agent-heartbeat[opentelemetry]'") from error

from .messaging.tracing import TracedMessage, TracedSend

__all__ = ["OpenTelemetryTracing"]


class OpenTelemetryTracing:
    """The option `tracing` of an agent.

    Each `publish()` and `request()` is a span of the kind `PRODUCER`, which is a child of the current one; that of a
    request lasts until its answer. Each call of a handler is a span of the kind `CONSUMER`, which is a child of the
    sender's. The trace context travels as the global propagator writes it into `traceparent` and `tracestate`.
    Attributes follow OpenTelemetry's semantic conventions for messaging.
    """

    def __init__(self, tracer_provider: trace.TracerProvider | None = None) -> None:
        """`tracer_provider` makes the spans. Default: the global one."""
        self._provider = tracer_provider

    @contextmanager
    def send(self, message: TracedSend) -> Iterator[Mapping[str, str]]:
        attributes = {
            **_attributes(message.agent_id, message.operation, "send"),
            "messaging.destination.name": message.subject,
        }
        name = f"{message.operation} {message.subject}"
        with self._span(name, trace.SpanKind.PRODUCER, attributes, None):
            carrier: dict[str, str] = {}
            propagate.inject(carrier)
            yield carrier

    @contextmanager
    def process(self, message: TracedMessage) -> Iterator[None]:
        context = message.context
        attributes: dict[str, str | int] = {
            **_attributes(message.agent_id, "process", "process"),
            "messaging.destination.name": message.subject,
        }
        more = {
            "messaging.destination.template": None if message.template == message.subject else message.template,
            "messaging.consumer.group.name": message.group,
            "messaging.message.id": context.message_id,
            "agent_heartbeat.attempt": context.attempt,
        }
        attributes.update({name: each for name, each in more.items() if each is not None})
        headers = {"traceparent": context.traceparent, "tracestate": context.tracestate}
        carrier = {name: each for name, each in headers.items() if each is not None}
        sender = propagate.extract(carrier, Context())
        with self._span(f"process {message.template}", trace.SpanKind.CONSUMER, attributes, sender):
            yield

    @contextmanager
    def _span(
        self, name: str, kind: trace.SpanKind, attributes: Mapping[str, str | int], parent: Context | None
    ) -> Iterator[None]:
        tracer = trace.get_tracer("agent_heartbeat", tracer_provider=self._provider)
        with tracer.start_as_current_span(
            name, parent, kind, attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                span.record_exception(error)
                span.set_attribute("error.type", str(getattr(error, "code", type(error).__name__)))
                span.set_status(trace.Status(trace.StatusCode.ERROR, str(error)))
                raise


def _attributes(agent_id: str, operation: str, kind: str) -> dict[str, str | int]:
    return {
        "messaging.system": "agent_heartbeat",
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
        "messaging.client.id": agent_id,
    }
