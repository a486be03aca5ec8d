/** How an agent's messages take part in traces, and what keeps a faulty tracer from harming them. */

import { type TraceContext, traceOf } from "../../../core/trace-context";
import { describe } from "../user-code";
import type { MessageContext } from "./dispatcher";

export type { TraceContext } from "../../../core/trace-context";

/** A message that an agent sends. */
export interface TracedSend {
  /** The sender. */
  agentId: string;
  operation: "publish" | "request";
  subject: string;
}

/** A message that an agent's handler processes. */
export interface TracedMessage extends MessageContext {
  /** The agent of the handler. */
  agentId: string;
  subject: string;
  /** The subject or pattern that the handler was added for. */
  template: string;
  /** The group of the handler. */
  group?: string | undefined;
}

/**
 * Takes an agent's messages into traces: see `OpenTelemetryTracing`. Each method gets a function, which it has to call once,
 * before it awaits anything. What it throws is logged: it neither stops a message nor changes its result.
 */
export interface Tracing {
  /**
   * Called for each `publish()` and `request()`.
   *
   * @param send sends the message with a trace context. The promise settles as that of `publish()` or `request()` does: for a
   *   request, when it is answered.
   */
  send(message: TracedSend, send: (trace: TraceContext) => Promise<unknown>): unknown;
  /**
   * Called for each message and handler.
   *
   * @param process calls the handler. The promise settles as the handler does.
   */
  process(message: TracedMessage, process: () => Promise<unknown>): unknown;
}

/** Has the work done, once, whatever the tracer does, and returns its result. */
function traced<T>(
  begin: (work: (trace: TraceContext) => Promise<T>) => unknown,
  work: (trace: TraceContext) => Promise<T>,
  warn: (message: string) => void,
): Promise<T> {
  let result: Promise<T> | undefined;
  const fail = (error: unknown) => warn(`tracing: ${describe(error)}`);
  const once = (trace: TraceContext) => {
    result ??= work(traceOf(trace ?? {}));
    return result;
  };
  const attempt = async () => begin(once);
  // What the work itself is rejected with may come back from the tracer.
  void attempt().catch(async (error) => {
    const own = await result?.then(
      () => undefined,
      (reason) => reason,
    );
    if (own !== error) fail(error);
  });
  return result ?? once({});
}

/** @returns what sends a message, within the trace of its sender */
export const tracedSend = <T>(
  tracing: Tracing | undefined,
  message: TracedSend,
  send: (trace: TraceContext) => Promise<T>,
  warn: (message: string) => void,
): Promise<T> => (tracing ? traced((work) => tracing.send(message, work), send, warn) : send({}));

/** Calls a handler, within the trace of the message. */
export const tracedProcess = (
  tracing: Tracing,
  message: TracedMessage,
  handle: () => unknown,
  warn: (message: string) => void,
): Promise<unknown> =>
  traced(
    (work) => tracing.process(message, () => work({})),
    async () => handle(),
    warn,
  );
