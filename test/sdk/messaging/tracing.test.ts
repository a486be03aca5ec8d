/** Two agents over real sockets, traced by the SDK of OpenTelemetry. */

import { HeartbeatAgent, type NodeAgentOptions, type Tracing } from "@agent-heartbeat/sdk";
import { OpenTelemetryTracing } from "@agent-heartbeat/sdk/opentelemetry";
import { type FakeService, startFakeService } from "@agent-heartbeat/sdk/testing";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { TRACESTATE_LENGTH } from "../../../core/trace-context";

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();

let service: FakeService;
const agents: HeartbeatAgent[] = [];

beforeEach(async () => {
  service = await startFakeService();
});
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stop()));
  await service.close();
  exporter.reset();
});
afterAll(async () => {
  await provider.shutdown();
  for (const api of [context, propagation, trace]) api.disable();
});

async function started(agentId: string, options: Partial<NodeAgentOptions>) {
  const agent = new HeartbeatAgent({
    ...service.options(agentId),
    runtime: undefined,
    logger: null,
    ...options,
  });
  agents.push(agent);
  return agent;
}
const traced = { tracing: new OpenTelemetryTracing() };

/** A planner and a worker whose handler is given, both connected. */
async function pair(handle: (data: unknown) => unknown, options: object = traced) {
  const [planner, worker] = await Promise.all([started("planner", options), started("w", options)]);
  worker.onMessage("tasks.*", (_, data) => handle(data), { group: "workers" });
  await Promise.all([planner.start(), worker.start()]);
  return { planner, worker };
}

async function spans(count: number) {
  await service.until(() => exporter.getFinishedSpans().length >= count);
  const all = exporter.getFinishedSpans();
  expect(all).toHaveLength(count);
  return all;
}
const named = (all: Awaited<ReturnType<typeof spans>>, name: string) => {
  const found = all.find((span) => span.name === name);
  if (!found) throw new Error(`expected a span ${name}, got ${all.map((span) => span.name)}`);
  return found;
};

describe("an agent with OpenTelemetryTracing", () => {
  it("joins a request, its handler and what both do within into one trace", async () => {
    const tracer = trace.getTracer("test");
    const { planner } = await pair(() => tracer.startActiveSpan("work", (span) => span.end()));
    await tracer.startActiveSpan("plan", async (span) => {
      await planner.request("tasks.add", [1, 2]);
      span.end();
    });
    const all = await spans(4);
    expect(new Set(all.map((span) => span.spanContext().traceId)).size).toBe(1);
    const parents = all.map(({ name, parentSpanContext }) => [
      name,
      all.find((span) => span.spanContext().spanId === parentSpanContext?.spanId)?.name,
    ]);
    expect(Object.fromEntries(parents)).toEqual({
      plan: undefined,
      "request tasks.add": "plan",
      "process tasks.*": "request tasks.add",
      work: "process tasks.*",
    });
  });

  it("describes spans in the semantic conventions for messaging", async () => {
    const { planner } = await pair(() => "done");
    await planner.request("tasks.add");
    const all = await spans(2);
    const sent = named(all, "request tasks.add");
    expect(sent).toMatchObject({ kind: SpanKind.PRODUCER, status: { code: SpanStatusCode.UNSET } });
    expect(sent.attributes).toEqual({
      "messaging.system": "agent_heartbeat",
      "messaging.operation.name": "request",
      "messaging.operation.type": "send",
      "messaging.destination.name": "tasks.add",
      "messaging.client.id": "planner",
    });
    const processed = named(all, "process tasks.*");
    expect(processed).toMatchObject({ kind: SpanKind.CONSUMER });
    expect(processed.attributes).toEqual({
      "messaging.system": "agent_heartbeat",
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.name": "tasks.add",
      "messaging.destination.template": "tasks.*",
      "messaging.consumer.group.name": "workers",
      "messaging.message.id": expect.stringMatching(/:workers$/),
      "messaging.client.id": "w",
      "agent_heartbeat.attempt": 1,
    });
  });

  it("records the error of a handler, and that its requester got", async () => {
    const { planner } = await pair(() => {
      throw new TypeError("no such file");
    });
    await expect(planner.request("tasks.add")).rejects.toThrow("no such file");
    const all = await spans(2);
    for (const [name, type] of [
      ["request tasks.add", "handler_failed"],
      ["process tasks.*", "TypeError"],
    ] as const) {
      const span = named(all, name);
      expect(span.status).toMatchObject({ code: SpanStatusCode.ERROR });
      expect(span.attributes["error.type"]).toBe(type);
      expect(span.events.map((event) => event.name)).toEqual(["exception"]);
    }
  });

  it("begins a new trace for a message without one", async () => {
    const { worker } = await pair(() => "done");
    service.agent("elsewhere").online().publish("tasks.add");
    const [processed] = await spans(1);
    expect(processed).toMatchObject({ name: "process tasks.*", parentSpanContext: undefined });
    expect(worker.state).toBe("connected");
  });
});

describe("without tracing", () => {
  it("sends no trace context, and gives handlers that of the sender", async () => {
    const contexts: unknown[] = [];
    const [planner, worker] = await Promise.all([started("planner", {}), started("w", {})]);
    worker.onMessage("tasks.*", (_, __, { traceparent, tracestate }) => {
      contexts.push({ traceparent, tracestate });
    });
    await Promise.all([planner.start(), worker.start()]);
    await planner.publish("tasks.add");
    const [sent] = service.published;
    expect(sent).not.toHaveProperty("traceparent");
    const traceContext = {
      traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`,
      tracestate: "v=1",
    };
    const tracing: Tracing = {
      send: (_, send) => send(traceContext),
      process: (_, process) => process(),
    };
    const another = await started("another", { tracing });
    await another.start();
    await another.publish("tasks.add");
    await service.until(() => contexts.length === 2);
    expect(contexts).toEqual([{}, traceContext]);
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});

describe("a tracer that misbehaves", () => {
  const boom = () => {
    throw new Error("boom");
  };
  const faulty: [string, Tracing][] = [
    ["throws", { send: boom, process: boom }],
    ["rejects", { send: async () => boom(), process: async () => boom() }],
    ["never calls", { send: () => undefined, process: () => undefined }],
    [
      "calls twice, and throws then",
      {
        send: (_, send) => {
          void send({});
          void send({});
          boom();
        },
        process: (_, process) => {
          void process();
          void process();
          boom();
        },
      },
    ],
    [
      "sends no trace context",
      {
        send: (_, send) =>
          send({ traceparent: "x", tracestate: "y".repeat(TRACESTATE_LENGTH + 1) }),
        process: (_, process) => process(),
      },
    ],
  ];

  it.each(faulty)("changes no message: it %s", async (_, tracing) => {
    const warnings: string[] = [];
    const logger = { warn: (text: string) => warnings.push(text), error: () => {} };
    let handled = 0;
    const { planner } = await pair(() => ++handled, { tracing, logger });
    expect(await planner.request("tasks.add")).toBe(1);
    expect(handled).toBe(1);
    expect(service.published).toHaveLength(1);
    expect(service.published[0]).not.toHaveProperty("traceparent");
    for (const text of warnings) expect(text).toMatch(/: tracing: boom$/);
  });

  it("is refused with an explanation if it is not a tracer", async () => {
    await expect(started("planner", { tracing: {} as never })).rejects.toThrow(
      "option tracing: expected an object with the functions send and process",
    );
  });
});
