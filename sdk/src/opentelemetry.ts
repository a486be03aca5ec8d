/**
 * Traces of messages, by OpenTelemetry. A separate entry, so that other programs don't need `@opentelemetry/api`.
 *
 * @module @agent-heartbeat/sdk/opentelemetry
 */

import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import type { TraceContext, TracedMessage, TracedSend, Tracing } from "./messaging/tracing";

export type { MessageContext } from "./messaging/dispatcher";
export type { TraceContext, TracedMessage, TracedSend, Tracing };

/** Options of `OpenTelemetryTracing`. */
export interface OpenTelemetryTracingOptions {
  /** Makes the spans. @default the global one */
  tracerProvider?: TracerProvider | undefined;
}

/**
 * The option `tracing` of an agent. Each `publish()` and `request()` is a span of the kind `PRODUCER`, which is a child of the
 * active one; that of a request lasts until its answer. Each call of a handler is a span of the kind `CONSUMER`, which is a
 * child of the sender's. The trace context travels as the global propagator writes it into `traceparent` and `tracestate`.
 * Attributes follow OpenTelemetry's semantic conventions for messaging.
 */
export class OpenTelemetryTracing implements Tracing {
  readonly #tracer: () => Tracer;

  constructor({ tracerProvider }: OpenTelemetryTracingOptions = {}) {
    // The global provider may be registered later.
    this.#tracer = () => (tracerProvider ?? trace).getTracer("@agent-heartbeat/sdk");
  }

  /** @internal */
  send(
    { agentId, operation, subject }: TracedSend,
    send: (trace: TraceContext) => Promise<unknown>,
  ): Promise<void> {
    const attributes = {
      ...attributesOf(agentId, operation, "send"),
      "messaging.destination.name": subject,
    };
    const name = `${operation} ${subject}`;
    return this.#span(name, SpanKind.PRODUCER, attributes, context.active(), (active) => {
      const carrier: TraceContext = {};
      propagation.inject(active, carrier);
      return send(carrier);
    });
  }

  /** @internal */
  process(
    { agentId, subject, template, group, messageId, attempt, ...carrier }: TracedMessage,
    process: () => Promise<unknown>,
  ): Promise<void> {
    const attributes = {
      ...attributesOf(agentId, "process", "process"),
      "messaging.destination.name": subject,
      ...(template !== subject && { "messaging.destination.template": template }),
      ...(group !== undefined && { "messaging.consumer.group.name": group }),
      ...(messageId !== undefined && { "messaging.message.id": messageId }),
      ...(attempt !== undefined && { "agent_heartbeat.attempt": attempt }),
    };
    const sender = propagation.extract(ROOT_CONTEXT, carrier);
    return this.#span(`process ${template}`, SpanKind.CONSUMER, attributes, sender, process);
  }

  async #span(
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    parent: Context,
    work: (active: Context) => Promise<unknown>,
  ): Promise<void> {
    const span = this.#tracer().startSpan(name, { kind, attributes }, parent);
    const active = trace.setSpan(parent, span);
    try {
      await context.with(active, work, undefined, active);
    } catch (error) {
      const { name, message, code } = error as Partial<Error> & { code?: unknown };
      span.recordException(error as Error);
      span.setAttribute("error.type", String(code ?? name ?? "_OTHER"));
      span.setStatus({ code: SpanStatusCode.ERROR, message: message ?? String(error) });
    } finally {
      span.end();
    }
  }
}

const attributesOf = (agentId: string, operation: string, type: "send" | "process") => ({
  "messaging.system": "agent_heartbeat",
  "messaging.operation.name": operation,
  "messaging.operation.type": type,
  "messaging.client.id": agentId,
});
